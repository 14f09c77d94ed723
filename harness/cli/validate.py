"""``harness validate``: files of a run against their schemas, a result against its rows, an audit against both."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.audit import runs
from harness.cli import say
from harness.text import one_line


@click.command("validate", short_help="Check result files and recompute their numbers.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def command(paths: tuple[Path, ...]) -> None:
    """Check files of a run against their schemas, and recompute the numbers of a result from its rows.

    An audit.json must be the audit of the result beside it. A run directory stands for both.

    Exits with 0 if all hold, and with 1 after listing every problem by its place.
    """
    sound = True
    for path in paths:
        problems = runs.problems_of(path)
        sound = sound and not problems
        say(f"{one_line(str(path))}: {'valid' if not problems else f'{len(problems)} problem(s)'}")
        for problem in problems:
            say(f"  {one_line(problem)}")
    sys.exit(0 if sound else 1)
