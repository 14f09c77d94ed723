"""``harness compare``: two results side by side, as text or as JSON, and conditions that fail the command."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.boundary import files, schemas
from harness.cli import say
from harness.cli.process import Verb
from harness.design import designs
from harness.output.comparison import fail_if
from harness.output.comparison.compare import compare, read_both
from harness.output.terminal import comparison

EXIT_FAILED = 1


@click.command("compare", cls=Verb)
@click.argument("a", type=click.Path(path_type=Path), metavar="A")
@click.argument("b", type=click.Path(path_type=Path), metavar="B")
@click.option("--only", metavar="ARM[/SPLIT]", multiple=True, help="Compare this arm and no other; may be repeated.")
@click.option(
    "--fail-if",
    "conditions",
    metavar="CONDITION",
    multiple=True,
    help=f"Exit with 1 if this holds, such as {fail_if.EXAMPLE!r}; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(a: Path, b: Path, only: tuple[str, ...], conditions: tuple[str, ...], as_json: bool) -> None:
    """Compare two runs or result.json files: B minus A, arm by arm, problem by problem where the rows are there.

    Refused where they did not ask the same questions in the same way. A condition is ARM[/SPLIT].METRIC OP NUMBER on
    the difference B - A, as a share; METRIC.low and METRIC.high are the limits of its interval.

    Exits with 1 if a condition holds, with 2 if the two cannot be compared. More: docs/compare.md.
    """
    sides = read_both(a, b)
    parsed = [fail_if.parse(text, designs.of(sides[0].result)) for text in conditions]
    made = compare(*sides, only)
    made["conditions"] = [fail_if.judge(condition, made) for condition in parsed]
    made["failed"] = any(row["holds"] for row in made["conditions"])
    schemas.require("compare", made)
    say(files.pretty(made).rstrip() if as_json else comparison.text(made, sides, (a, b)))
    sys.exit(EXIT_FAILED if made["failed"] else 0)
