"""A result for the terminal, in 80 columns.

An accuracy never stands alone: n, interval, best trivial rule and blank replies stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.boundary.text import counted
from harness.measures import formatting
from harness.measures.rows import blanks
from harness.output import course
from harness.output.terminal import BLANK, accuracy, filled, laid_out
from harness.results.disclosures import remarks

HEADER = f"{'arm':<16} {'split':<7} {'n':>4} {'right % [95% int.]':<19} {'best trivial rule, %':<24} blank"

SHOWN = 5
"""Calls in doubt that are listed."""


def text(result: Mapping[str, Any]) -> str:
    """The table of arms, the paired differences, and what to bear in mind."""
    seeds = sorted({arm["training_seed"] for arm in result["arms"] if arm["training_seed"] is not None})
    lines = [HEADER, "-" * len(HEADER), *_arms(result["arms"], several=len(seeds) > 1)]
    if seeds:
        lines.append(filled(_seeds(seeds)))
    if any(map(blanks, result["arms"])):
        lines += [BLANK]
    steps = [_steps(arm, len(seeds) > 1) for arm in result["arms"] if arm["steps"]["shown"]]
    if steps:
        lines += ["", filled(f"written steps that the verifier finds right, of those shown: {', '.join(steps)}")]
    if result["contrasts"]:
        lines += ["", "paired differences, in points", *(_contrast_line(c) for c in result["contrasts"])]
        lines += ["p*: adjusted together for the comparisons that claims rest on (Holm)"]
    for table in course.tables(result):
        lines += ["", *laid_out(table)]
    lines += [_transfer_line(entry, len(seeds) > 1) for entry in result["transfer"]]
    lines += [_practice_line(entry) for entry in result["training"] if entry.get("practice")]
    for remark in remarks(result):
        lines += ["", filled(remark)]
    return "\n".join(lines)


def notes(meta: Mapping[str, Any]) -> list[str]:
    """What else is to be known of the run that gave the result: calls in doubt, answers taken over."""
    found = []
    doubts = meta["teacher"]["in_doubt"]
    if doubts:
        bounds = [each["worst_cost"] for each in doubts]
        bound = "an unknown sum" if None in bounds else f"at most {sum(bounds):.6f} USD"
        calls = counted(len(doubts), "call")
        lines = [filled(f"IN DOUBT: {calls} may have been billed without a recorded reply, {bound} in all:")]
        for each in doubts[:SHOWN]:
            lines.append(f"  {each['key']}, attempt {each['attempt']}, {_bound(each['worst_cost'])}")
        lines += [f"  and {len(doubts) - SHOWN} more, see run_meta.json"] if len(doubts) > SHOWN else []
        found.append("\n".join(lines))
    if meta["forked"] is not None:
        origin = meta["forked"]
        took = f"FORKED: {counted(origin['answers'], 'recorded effect')} taken over from run {origin['run_id']}, plan"
        found.append(filled(f"{took} {origin['plan_sha256'][:12]}."))
    return found


def _bound(cost: float | None) -> str:
    return "price unknown" if cost is None else f"at most {cost:.6f} USD"


def _seeds(seeds: Sequence[int]) -> str:
    """What ``seed 999`` means wherever a training is named."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}: the training seed of every trained arm"
    return f"seed {', '.join(map(str, seeds))}: training seeds; every trained arm was trained once with each"


def _arms(arms: Sequence[Mapping[str, Any]], several: bool) -> Iterator[str]:
    """A line for each arm and split; with several training seeds one for each, under the name of the arm."""
    named = None
    for arm in arms:
        label = arm["arm"]
        if several and arm["training_seed"] is not None:
            label = f" seed {arm['training_seed']}"
            if named != arm["arm"]:
                yield arm["arm"]
        named = arm["arm"]
        yield f"{label:<16} {arm['split']:<7} {accuracy(arm)} {blanks(arm):>5}"


def _contrast_line(contrast: Mapping[str, Any]) -> str:
    difference = contrast["difference"]
    split = "" if contrast["split"] == "test" else f", {contrast['split']}"
    names = f"{contrast['first']} - {contrast['second']}{split}"
    adjusted = contrast["p_holm"]
    p_value = (
        f"p {formatting.p_value(contrast['p_value'])}" if adjusted is None else f"p* {formatting.p_value(adjusted)}"
    )
    told = f"{formatting.signed(difference['value']):>6} {formatting.limits(difference)}"
    return f"{names:<40} {told} n {contrast['n']}, {p_value}"


def _transfer_line(entry: Mapping[str, Any], several: bool) -> str:
    """How far the trained student came towards its teacher."""
    place = f"seed {entry['training_seed']}: " if several else ""
    closed = entry["gap_closed"]
    if closed is None:
        told = f"not given, {entry['refused']}"
    else:
        limits = ", ".join(f"{100 * closed[limit]:.0f}" for limit in ("low", "high"))
        told = f"{100 * closed['value']:.0f}% [{limits}]"
    alike = f"says the same on {entry['fidelity']['alike']} of {entry['fidelity']['n']}"
    return filled(f"{place}gap to the teacher closed: {told}; {alike}")


def _practice_line(entry: Mapping[str, Any]) -> str:
    """What a student wrote while it was trained, and how much of it the verifier accepted."""
    found = entry["practice"]
    apart = "" if found["divergence"] is None else f"; divergence {found['divergence']:.4f}"
    wrote = f"{formatting.named(entry)} practised: {counted(found['tokens'], 'token')} in {found['replies']} replies"
    return filled(f"{wrote}, {found['accepted']} of {found['checked']} judged right{apart}")


def _steps(arm: Mapping[str, Any], several: bool) -> str:
    split = "" if arm["split"] == "test" else f" {arm['split']}"
    seed = f" seed {arm['training_seed']}" if several and arm["training_seed"] is not None else ""
    return f"{arm['arm']}{split}{seed} {arm['steps']['right']}/{arm['steps']['shown']}"
