"""The teacher's replies of an earlier run, for a teacher that gives them again. Only reads.

A reply is found by the digest of the messages that asked for it, so it is never given to another prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.api import Completion, Json, Request, UsageError
from harness.boundary import filenames
from harness.journal import encoding, keys
from harness.journal.completions import restored
from harness.journal.store import ReadOnlyJournal


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What a teacher said in a run."""

    teacher: Mapping[str, Json]
    plan_sha256: str
    by_messages: Mapping[str, Mapping[str, Completion]]
    """By digest of the messages, then by key, in the order in which they were recorded."""


class RecordedReplies:
    """The replies in a run directory: see ``harness.api.Replies``. Read when they are first asked for."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def __len__(self) -> int:
        """How many different prompts were answered."""
        return len(self._recorded.by_messages)

    @property
    def teacher(self) -> Mapping[str, Json]:
        """See ``harness.api.Replies``."""
        return self._recorded.teacher

    @property
    def plan_sha256(self) -> str:
        """See ``harness.api.Replies``."""
        return self._recorded.plan_sha256

    def to(self, request: Request) -> Completion | None:
        """See ``harness.api.Replies``."""
        digest = encoding.digests({"messages": request.messages})["messages"]
        found = self._recorded.by_messages.get(digest, {})
        return found.get(request.key) or next(iter(found.values()), None)

    @cached_property
    def _recorded(self) -> _Recorded:
        try:
            journal = ReadOnlyJournal(self._run_dir / filenames.JOURNAL)
        except OSError as error:
            raise UsageError(
                f"{self._run_dir}: {filenames.JOURNAL}: {error.strerror}; expected the directory of a run"
            ) from error
        try:
            return self._read(journal)
        finally:
            journal.close()

    def _read(self, journal: ReadOnlyJournal) -> _Recorded:
        identity, plan = journal.recorded(keys.IDENTITY), journal.recorded(keys.PLAN)
        if not identity or not plan or not identity["teacher"]:
            raise UsageError(f"{self._run_dir}: its teacher was asked nothing, so there are no replies to give again")
        asked = encoding.digests({"model": identity["teacher"]})["model"]
        found: dict[str, dict[str, Completion]] = {}
        for record in journal.records:
            if record.input.keys() == {"model", "messages"} and record.input["model"] == asked:
                found.setdefault(record.input["messages"], {})[record.key] = restored(record.value)
        return _Recorded(identity["teacher"], plan, found)
