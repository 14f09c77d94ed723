"""What a run cost, for the terminal: what was asked of the teacher, and when the student pays for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text(result: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    """Lines for the terminal: what was asked of the teacher and what it cost; the break-even, if there is one."""
    calls = result["teacher_calls"]
    if not calls:
        return "teacher: not asked in this run"
    sums = {
        key: sum(row[key] for row in calls) for key in ("calls", "input_tokens", "output_tokens", "thinking_tokens")
    }
    known = [row["cost_usd"] for row in calls]
    spent = "unknown cost" if None in known else f"{sum(known):.4f} USD"
    spending, figures = meta["teacher"], meta["economy"]
    lines = [
        f"teacher: {sums['calls']} calls, {sums['input_tokens']} tokens in, {sums['output_tokens']} out "
        f"({sums['thinking_tokens']} thinking), {spent}",
    ]
    lines += [
        f"  {row['stage']:<16} {row['purpose']:<11} {row['calls']:>6} calls {row['cost_usd']:>10.4f} USD"
        for row in calls
        if row["cost_usd"]
    ]
    if spending["failed_attempts"] or spending["in_doubt"]:
        lines.append(
            f"  {spending['failed_attempts']} failed attempts, {len(spending['in_doubt'])} in doubt; "
            f"with these at most {spending['committed_usd']:.4f} USD"
        )
    if figures["break_even_problems"] is not None:
        lines.append(
            f"  {figures['teacher_usd_per_problem']:.6f} USD a problem; the student takes "
            f"{figures['student_seconds_per_problem']:.2f} s.\n  At {figures['assumed_usd_per_hour']:.2f} USD an hour "
            f"(assumed) it pays for itself after {figures['break_even_problems']} problems"
        )
    return "\n".join(lines)
