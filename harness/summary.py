"""A result for the terminal, in 80 columns. An accuracy never stands alone: n, interval, best trivial rule and replies
without an answer stand beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEADER = f"{'arm':<17} {'split':<7} {'n':>4} {'accuracy [95% interval]':<23} {'best trivial rule':<18} {'no ans':>6}"


def text(result: Mapping[str, Any]) -> str:
    """The table of arms, then the paired differences."""
    lines = [HEADER, "-" * len(HEADER), *(_arm_line(arm) for arm in result["arms"])]
    if any(_unanswered(arm) for arm in result["arms"]):
        lines += ["no ans: unparsed, refused, cut or failed replies; each counts as not right"]
    if result["contrasts"]:
        lines += ["", "paired differences, in points of accuracy", *(_contrast_line(c) for c in result["contrasts"])]
    if result["simulated"]:
        lines += ["", f"SIMULATED: {', '.join(result['simulated'])}. These numbers say nothing about a real teacher."]
    return "\n".join(lines)


def _arm_line(arm: Mapping[str, Any]) -> str:
    accuracy, best = arm["accuracy"], arm["best_trivial"]
    figure = f"{_percent(accuracy['value'])} [{_percent(accuracy['low'])}, {_percent(accuracy['high'])}]"
    trivial = f"{_percent(best['accuracy'])} {best['rule']}"[:18] if best else "none"
    return f"{arm['arm']:<17} {arm['split']:<7} {arm['n']:>4} {figure:<23} {trivial:<18} {_unanswered(arm):>6}"


def _contrast_line(contrast: Mapping[str, Any]) -> str:
    difference = contrast["difference"]
    points = ", ".join(f"{100 * difference[limit]:+.1f}" for limit in ("low", "high"))
    names = f"{contrast['first']} - {contrast['second']}" + (
        "" if contrast["split"] == "test" else f" ({contrast['split']})"
    )
    return f"{names:<42} {100 * difference['value']:+6.1f} [{points}]  n {contrast['n']}, p {_p(contrast['p_value'])}"


def _unanswered(arm: Mapping[str, Any]) -> int:
    return int(arm["n"]) - int(arm["outcomes"]["answered"])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
