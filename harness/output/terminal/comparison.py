"""Two results side by side: what speaks against them, in what they differ, the accuracies, and the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.boundary.text import one_line
from harness.measures import formatting
from harness.output.comparison.compare import Side
from harness.output.comparison.compatibility import short
from harness.output.terminal import BLANK, accuracy, audit, filled

MOST = 8
"""At most so many settings that differ are told; all are in the JSON."""
ARMS = f"{'arm/split':<22}   {'n':>4} {'right % [95% int.]':<19} {'best trivial rule, %':<24} blank"
TITLE = f"{'B - A, in points':<21} {'difference [95% int.]':<22} {'p':<6} {'mde':>4}"
DIFFERENCES = f"{TITLE} kept fixed broken wrong"
LEGEND = (
    "kept: right in both; fixed: in B alone; broken: in A alone; wrong: in neither. "
    "mde: the least true difference that would be found with 80% power; - where too few answers differ to say. "
    "p: not adjusted for the number of rows."
)
UNPAIRED = (
    "UNPAIRED: {reason}, so the answers of A and B to one problem are taken for independent. "
    "These intervals are weaker than paired ones, and mostly wider."
)
SEEDS = "several training seeds: the mean of their differences; interval and p-value by resampling seeds and problems."
UNPAIRED_SEEDS = "several training seeds: the mean of their differences and of their limits, blind to how seeds vary."


def text(made: Mapping[str, Any], sides: Sequence[Side], paths: Sequence[Path]) -> str:
    """A comparison for the terminal: what speaks against it first, then the accuracies, then the differences."""
    lines: list[str] = []
    for name, side, path in zip("AB", sides, paths, strict=True):
        lines += [
            f"{name}: {one_line(str(path))}",
            audit.verdict({**side.audit, "simulated": made[name.lower()]["simulated"]}),
        ]
    lines += ["", *_differing(made["differs"]), "", ARMS, "-" * len(ARMS)]
    for arm in made["arms"]:
        lines += _arm(arm)
    if any(entry["blank"] for arm in made["arms"] for entry in (*arm["a"], *arm["b"])):
        lines += [BLANK]
    header = DIFFERENCES if made["paired"] else TITLE[:43]
    lines += ["", header, "-" * len(header)]
    for arm in made["arms"]:
        lines += _difference(arm)
    lines += _notes(made)
    return "\n".join(lines)


def _differing(differs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """In what settings the two differ: what a difference can come from."""
    if not differs:
        yield "A and B do not differ in plan, identities or learned strategy."
        return
    yield "A and B differ in"
    for entry in differs[:MOST]:
        was, now = (entry.get(side, "nothing") for side in "ab")
        yield filled(f"{entry['key']}: {_change(was, now)}", "  ", "    ")
    if len(differs) > MOST:
        yield f"  ... and {len(differs) - MOST} more, in --json"


def _arm(arm: Mapping[str, Any]) -> Iterator[str]:
    """A line for A and one for B; with several trainings one for each, under the name of the arm."""
    name = f"{arm['arm']}/{arm['split']}"
    several = len(arm["a"]) > 1
    if several:
        yield name
    for side, entries in (("A", arm["a"]), ("B", arm["b"])):
        for entry in entries:
            label = f"  seed {entry['training_seed']}" if several else name if side == "A" else ""
            yield f"{label:<22} {side} {accuracy(entry)} {entry['blank']:>5}"


def _change(was: Any, now: Any) -> str:
    """From one value to another; of two lists what either has alone, where cut short they would look alike."""
    told = short(was), short(now)
    if told[0] == told[1] and isinstance(was, list) and isinstance(now, list):
        alone = {"A": [each for each in was if each not in now], "B": [each for each in now if each not in was]}
        parts = [f"only in {side}: {', '.join(map(short, found))}" for side, found in alone.items() if found]
        return "; ".join(parts) or "another order"
    return " -> ".join(told)


def _difference(arm: Mapping[str, Any]) -> Iterator[str]:
    """The difference of an arm; with several trainings their mean, then each."""
    by_seed = arm["by_seed"]
    total = {**arm, "difference": arm["difference"]["accuracy"]}
    if len(by_seed) == 1:
        yield _points(f"{arm['arm']}/{arm['split']}", {**by_seed[0], **total})
        return
    yield _points(f"{arm['arm']}/{arm['split']}", total)
    for entry in by_seed:
        pair = dict.fromkeys((entry["training_seed_a"], entry["training_seed_b"]))
        yield _points(f"  seed {', '.join(map(str, pair))}", entry)


def _points(label: str, entry: Mapping[str, Any]) -> str:
    line = f"{label:<21} {formatting.points(entry['difference']):<22}"
    if entry["p_value"] is None:
        return line.rstrip()
    least = entry["minimum_detectable"]
    line += f" {formatting.p_value(entry['p_value']):<6} {'-' if least is None else formatting.percent(least):>4}"
    counts = (entry.get(name) for name in ("kept", "fixed", "broken", "still_wrong"))
    told = (f"{count:>{width}}" for count, width in zip(counts, (4, 5, 6, 5), strict=True) if count is not None)
    return f"{line} {' '.join(told)}".rstrip()


def _notes(made: Mapping[str, Any]) -> Iterator[str]:
    several = any(len(arm["by_seed"]) > 1 for arm in made["arms"])
    if made["paired"]:
        yield filled(LEGEND)
    else:
        yield filled(UNPAIRED.format(reason=made["unpaired_because"]))
    if several:
        yield filled(SEEDS if made["paired"] else UNPAIRED_SEEDS)
    for name in ("a", "b"):
        if made["unmatched"][name]:
            yield filled(f"in {name.upper()} alone: {', '.join(made['unmatched'][name])}")
    if made["conditions"]:
        yield ""
    for row in made["conditions"]:
        told = "FAILED, as asked:" if row["holds"] else "does not hold:"
        yield filled(f"{told} {row['condition']} (it is {row['value']:+.6g})")
