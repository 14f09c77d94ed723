"""``harness replay``: a run's files rebuilt from its plan and its journal, and compared."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness import run
from harness.boundary.text import one_line
from harness.cli import say
from harness.cli.process import Verb


@click.command("replay", cls=Verb)
@click.argument("run_dir", type=click.Path(path_type=Path), metavar="RUN")
def command(run_dir: Path) -> None:
    """Rebuild the files of the run in directory RUN from its plan and journal alone, offline, and compare the bytes.

    No teacher, student or trainer is called, and nothing in RUN is changed. Exits with 0 if all files are the same, and
    with 1 after naming each that is not.
    """
    found = run.replay(run_dir)
    told = f"{len(found.differing)} of {found.rebuilt} files differ" if found.differing else "the same bytes"
    say(f"{one_line(str(run_dir))}: {found.rebuilt} files rebuilt from plan and journal: {told}")
    for line in found.differing:
        say(f"  {line}")
    sys.exit(1 if found.differing else 0)
