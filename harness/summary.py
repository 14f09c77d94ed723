"""A result for the terminal, in 80 columns.

An accuracy never stands alone: n, interval, best trivial rule and blank replies stand beside it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

HEADER = f"{'arm':<16} {'split':<7} {'n':>4} {'right % [95% int.]':<19} {'best trivial rule, %':<24} blank"

RECORDED = "RECORDED: the teacher's replies are those of an earlier run, given again; nobody was asked"
SHOWN = 5
"""Calls in doubt that are listed."""


def text(result: Mapping[str, Any]) -> str:
    """The table of arms, then the paired differences."""
    seeds = sorted({arm["training_seed"] for arm in result["arms"] if arm["training_seed"] is not None})
    lines = [HEADER, "-" * len(HEADER), *(_arm_line(arm, seeds) for arm in result["arms"])]
    if len(seeds) > 1:
        lines.append(f"training seeds: {', '.join(f'#{place} {seed}' for place, seed in enumerate(seeds, 1))}")
    if any(_blank(arm) for arm in result["arms"]):
        lines += ["blank: replies without an answer (unparsed, refused, cut or failed), never right"]
    steps = [_steps(arm, seeds) for arm in result["arms"] if arm["steps"]["shown"]]
    if steps:
        told = f"written steps that the verifier finds right, of those shown: {', '.join(steps)}"
        lines += ["", textwrap.fill(told, 80, subsequent_indent="  ", break_on_hyphens=False)]
    if result["contrasts"]:
        lines += ["", "paired differences, in points", *(_contrast_line(c) for c in result["contrasts"])]
        lines += ["p*: adjusted together for the comparisons that claims rest on (Holm)"]
    lines += [_transfer_line(entry, seeds) for entry in result["transfer"]]
    if result["simulated"]:
        lines += ["", f"SIMULATED: {', '.join(result['simulated'])}. These numbers say nothing about a real teacher."]
    return "\n".join(lines)


def notes(result: Mapping[str, Any], meta: Mapping[str, Any]) -> list[str]:
    """What else a reader should know: a teacher that is a recording, calls in doubt, answers taken over."""
    found = []
    recorded = (result["identities"]["teacher"] or {}).get("recorded")
    if recorded:
        told = f"{RECORDED}; they are from the plan {recorded['plan_sha256'][:16]}."
        found.append(textwrap.fill(told, 80, break_on_hyphens=False))
    doubts = meta["teacher"]["in_doubt"]
    if doubts:
        bounds = [each["worst_cost"] for each in doubts]
        bound = "an unknown sum" if None in bounds else f"at most {sum(bounds):.6f} USD"
        lines = [f"IN DOUBT: {len(doubts)} call(s) may have been billed without a recorded reply, {bound} in all:"]
        for each in doubts[:SHOWN]:
            lines.append(f"  {each['key']}, attempt {each['attempt']}, {_bound(each['worst_cost'])}")
        lines += [f"  and {len(doubts) - SHOWN} more, see run_meta.json"] if len(doubts) > SHOWN else []
        found.append("\n".join(lines))
    if meta["forked"] is not None:
        origin = meta["forked"]
        took = f"FORKED: {origin['answers']} recorded effects were taken over from run {origin['run_id']}, plan"
        found.append(textwrap.fill(f"{took} {origin['plan_sha256'][:16]}.", 80, break_on_hyphens=False))
    return found


def _bound(cost: float | None) -> str:
    return "price unknown" if cost is None else f"at most {cost:.6f} USD"


def _arm_line(arm: Mapping[str, Any], seeds: Sequence[int]) -> str:
    accuracy, best = arm["accuracy"], arm["best_trivial"]
    figure = f"{_percent(accuracy['value'])} [{_percent(accuracy['low'])}, {_percent(accuracy['high'])}]"
    trivial = f"{_percent(best['accuracy'])} {best['rule']}"[:24] if best else "none"
    return f"{_name(arm, seeds):<16} {arm['split']:<7} {arm['n']:>4} {figure:<19} {trivial:<24} {_blank(arm):>5}"


def _contrast_line(contrast: Mapping[str, Any]) -> str:
    difference = contrast["difference"]
    points = ", ".join(f"{100 * difference[limit]:+.1f}" for limit in ("low", "high"))
    split = "" if contrast["split"] == "test" else f", {contrast['split']}"
    names = f"{contrast['first']} - {contrast['second']}{split}"
    adjusted = contrast["p_holm"]
    p_value = f"p {_p(contrast['p_value'])}" if adjusted is None else f"p* {_p(adjusted)}"
    return f"{names:<40} {100 * difference['value']:+6.1f} [{points}] n {contrast['n']}, {p_value}"


def _transfer_line(entry: Mapping[str, Any], seeds: Sequence[int]) -> str:
    """How far the trained student came towards its teacher."""
    place = f"#{seeds.index(entry['training_seed']) + 1} " if len(seeds) > 1 else ""
    closed = entry["gap_closed"]
    if closed is None:
        told = f"gap to the teacher closed: not given, {entry['refused']}"
    else:
        limits = ", ".join(f"{100 * closed[limit]:.0f}" for limit in ("low", "high"))
        alike = f"says the same on {entry['fidelity']['alike']} of {entry['fidelity']['n']}"
        told = f"gap to the teacher closed: {100 * closed['value']:.0f}% [{limits}]; {alike}"
    return textwrap.fill(f"{place}{told}", 80, subsequent_indent="  ")


def _name(arm: Mapping[str, Any], seeds: Sequence[int]) -> str:
    """The arm; with several training seeds, which of them."""
    seed = arm["training_seed"]
    return str(arm["arm"]) if seed is None or len(seeds) < 2 else f"{arm['arm']}#{seeds.index(seed) + 1}"


def _steps(arm: Mapping[str, Any], seeds: Sequence[int]) -> str:
    split = "" if arm["split"] == "test" else f" {arm['split']}"
    return f"{_name(arm, seeds)}{split} {arm['steps']['right']}/{arm['steps']['shown']}"


def _blank(arm: Mapping[str, Any]) -> int:
    return int(arm["n"]) - int(arm["outcomes"]["answered"])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
