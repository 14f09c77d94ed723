"""The sections of a report that hold scores: arms, contrasts, the gap, strata.

An accuracy never stands alone: the same row holds n, its interval, the best trivial rule's score and the blank replies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.measures import formatting
from harness.output import course as output_course
from harness.output.parts import Section, Table

Data = Mapping[str, Any]
SCORE = ("n", "right % [95%]", "best trivial rule, %", "blank")
"""The columns without which no accuracy is shown."""


def score(entry: Data, best: Data | None) -> list[str]:
    """The cells under SCORE of an arm or of one of its strata."""
    return [str(entry["n"]), formatting.share(entry["accuracy"]), formatting.trivial(best), formatting.blank(entry)]


def arms(result: Data) -> Section:
    """Every arm on every problem set."""
    columns = (
        "arm",
        "problems",
        *SCORE,
        "over that rule, points [95%]",
        "balanced % [95%]",
        "MCC",
        "worst to best case, %",
        "steps right",
    )
    rows = [
        [formatting.named(arm), arm["split"], *score(arm, arm["best_trivial"]), *_beside(arm)] for arm in result["arms"]
    ]
    return Section(
        "Arms",
        "An arm has shown something where its paired difference from the best trivial rule lies above 0; a reply "
        "without an answer (blank) is never right; the worst and best case count all of them as wrong and as right.",
        [Table("Accuracy of each arm", columns, rows, columns[2:])],
    )


def _beside(arm: Data) -> list[str]:
    over, closed, bounds, steps = (arm[name] for name in ("over_trivial", "balanced_accuracy", "bounds", "steps"))
    missing = formatting.UNKNOWN if arm["outcomes"] is None else formatting.NOTHING
    return [
        formatting.points(over["difference"]) if over else missing,
        formatting.share(closed) if closed else missing,
        _signed(arm["matthews"], missing),
        f"{formatting.percent(bounds['low'])} to {formatting.percent(bounds['high'])}" if bounds else missing,
        f"{steps['right']} of {steps['shown']}" if steps and steps["shown"] else missing,
    ]


def _signed(value: float | None, missing: str = formatting.NOTHING) -> str:
    return missing if value is None else f"{value:+.2f}"


def contrasts(result: Data) -> Section:
    """Two arms compared problem by problem, over all training seeds."""
    columns = (
        "first - second",
        "problems",
        "they differ in",
        "n",
        "difference, points [95%]",
        "p-value",
        "worst case, points [95%]",
        "smallest found 4 times in 5, points",
    )
    return Section(
        "Contrasts",
        "A difference whose interval holds 0 is not shown; one with an adjusted p-value was planned as evidence, one "
        "called exploratory was not; the worst case counts every blank reply of the second arm as right.",
        [
            Table(
                "Paired differences",
                columns,
                [_contrast(entry) for entry in result["contrasts"]],
                columns[3:],
                columns[2:3],
            )
        ],
    )


def transitions(result: Data) -> Section:
    """What became of the problems between two arms, for each training seed."""
    changes = ("kept", "fixed", "broken", "still wrong")
    each = ("first - second", "problems", "seed", "n", *changes, "difference, points [95%]")
    columns = (*each, "of form", "of skill", "answered")
    no_worse = ("first - second", "problems", "seed", "one-sided limit, points", "margin, points", "no worse")
    return Section(
        "What became of the problems",
        "Kept are right in both arms, fixed in the first only, broken in the second only; the difference is what came "
        "by problems that only one arm answered (form), and what came among those that both answered (skill).",
        [
            Table(
                "Transitions by training seed",
                columns,
                [row for entry in result["contrasts"] for row in _transitions(entry)],
                columns[2:],
            ),
            Table(
                "Whether the first is no worse than the second",
                no_worse,
                [row for entry in result["contrasts"] for row in _no_worse(entry)],
                no_worse[2:5],
            ),
        ],
    )


def _pair(entry: Data) -> list[str]:
    return [f"{entry['first']} - {entry['second']}", entry["split"]]


def _contrast(entry: Data) -> list[str]:
    adjusted, least = entry["p_holm"], entry["minimum_detectable"]
    p_value = formatting.p_value(entry["p_value"] if adjusted is None else adjusted)
    return [
        *_pair(entry),
        entry["factor"],
        str(entry["n"]),
        formatting.points(entry["difference"]),
        f"{'exploratory,' if adjusted is None else 'adjusted'} p {p_value}",
        formatting.points(entry["worst_case"]),
        "none" if least is None else formatting.percent(least),
    ]


def _transitions(entry: Data) -> Iterator[list[str]]:
    for run in entry["by_seed"]:
        yield [
            *_pair(entry),
            formatting.seed(run["training_seed"]),
            str(run["n"]),
            *(str(run[name]) for name in ("both", "only_first", "only_second", "neither")),
            formatting.points(run["difference"]),
            *(f"{100 * run[name]:+.1f}" for name in ("gain_of_form", "gain_of_skill")),
            f"{run['answered']['first']} and {run['answered']['second']}",
        ]


def _no_worse(entry: Data) -> Iterator[list[str]]:
    """For the contrasts of which it was asked before the run."""
    for run in entry["by_seed"]:
        if asked := run["non_inferiority"]:
            limits = f"{100 * asked['low']:+.1f}", f"{100 * asked['margin']:.1f}"
            yield [
                *_pair(entry),
                formatting.seed(run["training_seed"]),
                *limits,
                "shown" if asked["shown"] else "not shown",
            ]


def transfer(result: Data) -> Section:
    """How far the student came towards its teacher, and how much it answers alike."""
    columns = ("seed", "teacher ahead by, points [95%]", "gap closed, % [95%]", "same answer as the teacher")
    consistency = "errs together (κ)"
    rows = [
        [
            formatting.seed(entry["training_seed"]),
            formatting.points(entry["lead"]),
            formatting.share(entry["gap_closed"]) if entry["gap_closed"] else f"refused: {entry['refused']}",
            f"{entry['fidelity']['alike']} of {entry['fidelity']['n']}",
            _signed(entry["fidelity"]["error_consistency"]),
        ]
        for entry in result["transfer"]
    ]
    return Section(
        "Towards the teacher",
        "The gap is what the teacher with its strategy is ahead of the untrained student, and over 100% of it closed "
        "means that the student passed its teacher; κ above 0 means that both err on the same problems more often "
        "than by chance.",
        [Table("Gap closed and fidelity", (*columns, consistency), rows, {columns[1], columns[3], consistency})],
    )


def strata(result: Data) -> Section:
    """Every arm by stratum."""
    columns = ("arm", "problems", "stratum", *SCORE)
    best = {
        (problems["split"], stratum["stratum"]): next(iter(stratum["trivial"]), None)
        for problems in result["problems"]
        for stratum in problems["strata"]
    }
    rows = [
        [
            formatting.named(arm),
            arm["split"],
            inner["stratum"],
            *score(inner, best.get((arm["split"], inner["stratum"]))),
        ]
        for arm in result["arms"]
        for inner in arm["strata"]
    ]
    return Section(
        "By stratum",
        "A stratum is a kind of problem, such as easy ones; its intervals are wide, since it holds few problems.",
        [Table("Accuracy by stratum", columns, rows, SCORE)],
    )


def course(result: Data) -> Iterator[Section]:
    """What its design shows besides: rounds, windows, agreement. No section where there is nothing of the kind."""
    if tables := output_course.tables(result):
        note = "Beside the scores above, without their intervals: what a claim rests on are the differences."
        yield Section("The course of the design", note, tables)
