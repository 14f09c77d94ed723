"""``harness report``: the page of a run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.audit import audit, runs
from harness.cli import say
from harness.cli.process import Verb
from harness.output import report
from harness.output.terminal import audit as text


@click.command("report", cls=Verb)
@click.argument("path", type=click.Path(path_type=Path), metavar="RUN|result.json")
def command(path: Path) -> None:
    """Audit a result anew and write report.html beside it, with the model cards of its adapters.

    The page is one file that runs no script and loads nothing. Ends with the audit's verdict; what it says in full:
    harness audit.
    """
    result, mismatches = runs.read(path)
    made = audit(result, mismatches, runs.plugin_checks(result))
    page = report.write(path if path.is_dir() else path.parent, result, made)
    say(f"{text.verdict(made)}\nreport: {page}")
