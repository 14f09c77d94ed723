"""The teacher's replies of an earlier run, for a plugin to give again. Part of the plugin interface; only reads.

A reply is found by the digest of the messages that asked for it, so it is never given to another prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import layout, lines
from harness import plan as plans
from harness.errors import UsageError
from harness.evaluate import restored
from harness.journal import Recording
from harness.plan import Plan
from harness.records import Completion, Json, Message, Request
from harness.setting import KEY


def plan_of(run_dir: Path) -> Plan:
    """The plan of a run. Raises UsageError if there is none."""
    return plans.read(run_dir / layout.PLAN)


@dataclass(frozen=True)
class Replies:
    """What a teacher said in a run."""

    teacher: Mapping[str, Json]
    """Its identity."""
    plan_sha256: str
    by_messages: Mapping[str, Mapping[str, Completion]]
    """By digest of the messages, then by key, in the order in which they were recorded."""

    def to(self, request: Request) -> Completion | None:
        """The reply to the same messages, under the same key where they were sent under several; None without one."""
        found = self.by_messages.get(_digest(request.messages), {})
        return found.get(request.key) or next(iter(found.values()), None)


def replies(run_dir: Path) -> Replies:
    """The replies that a run has recorded. Raises UsageError if there are none, JournalError for a damaged record."""
    plan = plan_of(run_dir)
    try:
        journal = Recording(run_dir / layout.JOURNAL)
    except OSError as error:
        raise UsageError(f"{run_dir}: {layout.JOURNAL}: {error.strerror}; expected the directory of a run") from error
    try:
        setting, records = journal.recorded(KEY), journal.records
    finally:
        journal.close()
    if not setting or not setting["teacher"]:
        raise UsageError(f"{run_dir}: its teacher was asked nothing, so there are no replies to give again")
    asked = lines.digests({"model": setting["teacher"]})["model"]
    found: dict[str, dict[str, Completion]] = {}
    for record in records:
        if record.input.keys() == {"model", "messages"} and record.input["model"] == asked:
            found.setdefault(record.input["messages"], {})[record.key] = restored(record.value)
    return Replies(setting["teacher"], plan.sha256, found)


def _digest(messages: Sequence[Message]) -> str:
    return lines.digests({"messages": messages})["messages"]
