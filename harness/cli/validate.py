"""``harness validate``: files of a run against their schemas, and a result against its rows."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness import validation
from harness.cli import say
from harness.text import one_line


@click.command("validate", short_help="Check result files and recompute their numbers.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def command(paths: tuple[Path, ...]) -> None:
    """Check files of a run against their schemas, and recompute the numbers of a result from its rows.

    Exits with 0 if all hold, and with 1 after listing every problem by its place.
    """
    sound = True
    for path in paths:
        problems = validation.problems_of(path)
        sound = sound and not problems
        say(f"{one_line(str(path))}: {'valid' if not problems else f'{len(problems)} problem(s)'}")
        for problem in problems:
            say(f"  {one_line(problem)}")
    sys.exit(0 if sound else 1)
