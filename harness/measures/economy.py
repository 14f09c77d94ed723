"""What teacher and student cost by the problem, and after how many problems the student has paid for itself.

Measured where it can be: calls and tokens, seconds of generation and training. The price of an hour of the student's
machine is an assumption, and stands beside every figure that depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.design import designs

ASSUMED_USD_PER_HOUR = 0.50
"""For the machine that the student runs on."""


def economy(result: Mapping[str, Any], seconds: Mapping[str, float], training_seconds: float) -> dict[str, Any]:
    """The figures of a run. ``seconds`` is the time of generation by student arm; what was not measured is None."""
    design = designs.of(result)
    treatment = design.treatment
    arms = {arm["arm"]: arm for arm in result["arms"] if arm["split"] == "test"}
    calls = result["teacher_calls"]
    teacher = _teacher_per_problem([design.named("teacher"), design.named("untaught")], arms, calls)
    student = seconds[treatment] / _problems(result, treatment) if treatment in seconds else None
    total = None if any(row["cost_usd"] is None for row in calls) else sum(row["cost_usd"] for row in calls)
    one_time = None if total is None else total + training_seconds / 3600 * ASSUMED_USD_PER_HOUR
    return {
        "assumed_usd_per_hour": ASSUMED_USD_PER_HOUR,
        "teacher_usd_per_problem": _round(teacher),
        "student_seconds_per_problem": _round(student),
        "one_time_usd": _round(one_time),
        "break_even_problems": break_even(teacher, student, one_time),
    }


def break_even(teacher_usd: float | None, student_seconds: float | None, one_time_usd: float | None) -> int | None:
    """Problems after which the student, all that it took included, has cost less than asking the teacher.

    None where a figure is unknown, or where the teacher is no dearer by the problem than the student.
    """
    if teacher_usd is None or student_seconds is None or one_time_usd is None:
        return None
    saved = teacher_usd - student_seconds / 3600 * ASSUMED_USD_PER_HOUR
    return int(one_time_usd / saved) + 1 if saved > 0 else None


def _teacher_per_problem(
    teachers: Sequence[str | None], arms: Mapping[str, Any], calls: list[Mapping[str, Any]]
) -> float | None:
    """USD for one answer with the learned strategy, or without one where that was not asked."""
    for name in teachers:
        if name in arms:
            rows = [row for row in calls if row["stage"] == name]
            known = [row["cost_usd"] for row in rows]
            return None if None in known else sum(known) / sum(row["calls"] for row in rows)
    return None


def _problems(result: Mapping[str, Any], name: str) -> int:
    return sum(int(arm["n"]) for arm in result["arms"] if arm["arm"] == name)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 9)
