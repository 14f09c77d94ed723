"""Forks: a new run that takes over what another has recorded for the same inputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import UsageError
from harness.boundary import filenames
from harness.boundary.text import in_unicode
from harness.design import plan as plans
from harness.journal import keys
from harness.journal.encoding import Record
from harness.journal.store import Journal, ReadOnlyJournal


@dataclass(frozen=True, slots=True)
class Forked:
    """What a fork takes along from another run."""

    journal: str
    """The text of its journal."""
    meta: dict[str, Any]
    """Where it comes from, for run_meta.json."""


def read(origin: Path) -> Forked:
    """The journal of the run in ``origin``, checked. Raises UsageError and JournalError."""
    plan = plans.read(origin / filenames.PLAN)
    path = origin / filenames.JOURNAL
    try:
        ReadOnlyJournal(path).close()
        text = path.read_bytes().decode("utf-8", "surrogatepass")
    except OSError as error:
        raise UsageError(
            f"--fork {origin}: {filenames.JOURNAL}: {error.strerror}; expected the directory of a run"
        ) from error
    return Forked(text, {"run_id": in_unicode(origin.resolve().name), "plan_sha256": plan.sha256, "answers": 0})


@contextmanager
def taking_over(run_dir: Path, journal: Journal) -> Iterator[None]:
    """In a forked run, lets the journal take over what the other run has recorded."""
    if not (run_dir / filenames.FORKED_JOURNAL).exists():
        yield
        return
    origin = ReadOnlyJournal(run_dir / filenames.FORKED_JOURNAL)
    try:
        journal.take_over_from(origin, _may_be_taken_over)
        yield
    finally:
        origin.close()


def _may_be_taken_over(record: Record) -> bool:
    """Not a training, whose adapter is in no journal, and not a call that had failed."""
    failed = isinstance(record.value, dict) and record.value.get("stop") == "error"
    return not failed and not record.key.startswith(keys.TRAININGS)
