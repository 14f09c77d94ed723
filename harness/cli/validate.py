"""``harness validate``: files of a run against their schemas, a result against its rows, an audit against both."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.api import UsageError
from harness.audit import runs
from harness.boundary.text import counted, one_line
from harness.cli import say
from harness.cli.process import Verb
from harness.results.checking.recorded import Unread


@click.command("validate", cls=Verb)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def command(paths: tuple[Path, ...]) -> None:
    """Check files of a run against their schemas, a result against its rows, and both against plan and journal.

    The replies are read again with the plugins of the plan, which are imported for it, as for a replay; nobody is
    asked. Where they are not those of the run, that is said. An audit.json must be the audit of the result beside it.
    A run directory stands for both.

    Exits with 0 if all hold, with 1 after listing every problem by its place, and with 2 if a path holds nothing to
    check.
    """
    code = 0
    for path in paths:
        try:
            found = runs.problems_of(path)
        except UsageError as error:
            say(f"harness: {one_line(str(error))}", err=True)
            code = UsageError.exit_code
            continue
        problems = [what for what in found if not isinstance(what, Unread)]
        code = code or int(bool(problems))
        say(f"{one_line(str(path))}: {counted(len(problems), 'problem') if problems else 'valid'}")
        for what in found:
            say(f"  {one_line(what)}")
    sys.exit(code)
