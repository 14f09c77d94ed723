"""``harness compare``: two results side by side in 80 columns or as JSON, and conditions that fail the command.

An accuracy never stands alone here: n, interval, best trivial rule and blank replies stand beside it.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from harness import files, gate, schemas
from harness.audit import text as audit_text
from harness.cli import say
from harness.comparable import short
from harness.compare import Side, compare, read
from harness.text import one_line

EXIT_FAILED = 1
WIDTH = 80
MOST = 8
"""At most so many settings that differ are told; all are in the JSON."""
ARMS = f"{'arm/split':<21}   {'n':>4} {'right % [95% int.]':<20} {'best trivial rule, %':<24} blank"
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


@click.command("compare", short_help="Say by how much one result differs from another.")
@click.argument("a", type=click.Path(path_type=Path), metavar="A")
@click.argument("b", type=click.Path(path_type=Path), metavar="B")
@click.option("--only", metavar="ARM[/SPLIT]", multiple=True, help="Compare this arm and no other; may be repeated.")
@click.option(
    "--fail-if",
    "conditions",
    metavar="CONDITION",
    multiple=True,
    help="Exit with 1 if this holds, such as 'student-lora.accuracy < -0.02'; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(a: Path, b: Path, only: tuple[str, ...], conditions: tuple[str, ...], as_json: bool) -> None:
    """Compare two runs or result.json files: B minus A, arm by arm, problem by problem where the rows are there.

    Refused where they did not ask the same questions in the same way. A condition is ARM[/SPLIT].METRIC OP NUMBER on
    the difference B - A, as a share; METRIC.low and METRIC.high are the limits of its interval.

    Exits with 1 if a condition holds, with 2 if the two cannot be compared. More: docs/compare.md.
    """
    parsed = [gate.parse(text) for text in conditions]
    sides = read(a), read(b)
    made = compare(*sides, only)
    made["conditions"] = [gate.judge(condition, made) for condition in parsed]
    made["failed"] = any(row["holds"] for row in made["conditions"])
    schemas.require("compare", made)
    say(files.pretty(made).rstrip() if as_json else text(made, sides, (a, b)))
    sys.exit(EXIT_FAILED if made["failed"] else 0)


def text(made: Mapping[str, Any], sides: Sequence[Side], paths: Sequence[Path]) -> str:
    """A comparison for the terminal: what speaks against it first, then the accuracies, then the differences."""
    lines: list[str] = []
    for name, side, path in zip("AB", sides, paths, strict=True):
        lines += [
            f"{name}: {one_line(str(path))}",
            audit_text.verdict({**side.audit, "simulated": made[name.lower()]["simulated"]}),
        ]
    lines += ["", *_differing(made["differs"]), "", ARMS, "-" * len(ARMS)]
    for arm in made["arms"]:
        lines += _arm(arm)
    if any(entry["blank"] for arm in made["arms"] for entry in (*arm["a"], *arm["b"])):
        lines += ["blank: replies without an answer (unparsed, refused, cut or failed), never right"]
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
        was, now = (short(entry.get(side, "nothing")) for side in "ab")
        yield _filled(f"{entry['key']}: {was} -> {now}", "  ", "    ")
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
            yield _accuracy(label, side, entry)


def _accuracy(label: str, side: str, entry: Mapping[str, Any]) -> str:
    accuracy, best = entry["accuracy"], entry["best_trivial"]
    figure = f"{_percent(accuracy['value'])} [{_percent(accuracy['low'])}, {_percent(accuracy['high'])}]"
    trivial = f"{_percent(best['accuracy'])} {best['rule']}"[:24] if best else "none"
    return f"{label:<21} {side} {entry['n']:>4} {figure:<20} {trivial:<24} {entry['blank']:>5}"


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
    difference = entry["difference"]
    value, low, high = (_signed(difference[name]) for name in ("value", "low", "high"))
    line = f"{label:<21} {f'{value} [{low}, {high}]':<22}"
    if entry["p_value"] is None:
        return line.rstrip()
    least = entry["minimum_detectable"]
    line += f" {_p(entry['p_value']):<6} {'-' if least is None else _percent(least):>4}"
    counts = (entry.get(name) for name in ("kept", "fixed", "broken", "still_wrong"))
    told = (f"{count:>{width}}" for count, width in zip(counts, (4, 5, 6, 5), strict=True) if count is not None)
    return f"{line} {' '.join(told)}".rstrip()


def _notes(made: Mapping[str, Any]) -> Iterator[str]:
    several = any(len(arm["by_seed"]) > 1 for arm in made["arms"])
    if made["paired"]:
        yield _filled(LEGEND)
    else:
        yield _filled(UNPAIRED.format(reason=made["unpaired_because"]))
    if several:
        yield _filled(SEEDS if made["paired"] else UNPAIRED_SEEDS)
    for name in ("a", "b"):
        if made["unmatched"][name]:
            yield _filled(f"in {name.upper()} alone: {', '.join(made['unmatched'][name])}")
    if made["conditions"]:
        yield ""
    for row in made["conditions"]:
        told = "FAILED, as asked:" if row["holds"] else "does not hold:"
        yield _filled(f"{told} {row['condition']} (it is {row['value']:+.6g})")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _signed(share: float) -> str:
    """In points, and no minus before a nought."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def _filled(told: str, first: str = "", rest: str = "  ") -> str:
    return textwrap.fill(
        told, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=True
    )
