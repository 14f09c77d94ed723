"""``harness journal``: what a run has recorded, and setting a record aside."""

from __future__ import annotations

from pathlib import Path

import click

from harness.api import UsageError
from harness.boundary import filenames
from harness.boundary.text import in_shell, one_line
from harness.cli import say
from harness.cli.process import Parts
from harness.journal import run_dirs
from harness.journal.store import Journal, ReadOnlyJournal


@click.group(cls=Parts)
def command() -> None:
    """List what a run has recorded, or set a record aside."""


@command.command("list")
@click.argument("run_dir", type=click.Path(path_type=Path), metavar="RUN")
def list_records(run_dir: Path) -> None:
    """List the keys of what the run in directory RUN has recorded, in their order."""
    journal = ReadOnlyJournal(_path(run_dir))
    try:
        for record in journal.records:
            say(one_line(f"{record.key}{'' if record.final else ' (failed; a resume tries it again)'}"))
    finally:
        journal.close()


@command.command("drop")
@click.argument("run_dir", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("key")
def drop(run_dir: Path, key: str) -> None:
    """Set the record under KEY aside, so that a resume does again what it recorded.

    For a record that stands in the way after a plugin was mended. The record stays in the journal, with a note that it
    was dropped, and what it cost stays in the ledger. A result of the run has to be made anew: resume it.
    """
    path = _path(run_dir)
    with run_dirs.locked(run_dir):
        journal = Journal(path)
        try:
            journal.drop(key)
        finally:
            journal.close()
        for name in (filenames.RESULT, filenames.AUDIT):
            (run_dir / name).unlink(missing_ok=True)
    say(f"{one_line(key)} is set aside; done again by: harness run --resume {in_shell(run_dir)}")


def _path(run_dir: Path) -> Path:
    path = run_dir / filenames.JOURNAL
    if not path.is_file():
        raise UsageError(f"{run_dir}: holds no {filenames.JOURNAL}; give the directory of a run")
    return path
