"""The teacher that says again what another has said in an earlier run. It never makes a reply up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.api import CallError, Completion, Json, Ledger, Replies, Request, Usage, UsageError


class RecordedTeacher:
    """A teacher whose every reply is a recording."""

    def __init__(self, origin: Path) -> None:
        self._origin = origin

    def replay(self, replies: Replies) -> None:
        """Takes the replies that it gives again."""
        self._replies = replies

    @property
    def identity(self) -> Mapping[str, Json]:
        """That it is a recording, of which plan, and who answered then."""
        recorded: dict[str, Json] = {"plan_sha256": self._replies.plan_sha256, "teacher": self._replies.teacher}
        return {"provider": "recorded", "model": self._replies.teacher.get("model"), "recorded": recorded}

    def cost(self, usage: Usage) -> float:  # noqa: ARG002 - the protocol's signature
        """Nothing: it was paid for in the run that it comes from."""
        return 0.0

    def worst_cost(self, request: Request) -> float:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return 0.0

    def preflight(self) -> None:
        """Raises UsageError if the run has no replies, and JournalError if its record is damaged."""
        if not len(self._replies):
            raise UsageError(f"teacher.from: {self._origin} has recorded no reply of its teacher; name another run")

    def foresee(self, requests: Sequence[Request]) -> None:
        """Raises UsageError, naming the first, if a request that is known beforehand has no recording."""
        self.preflight()
        missing = self._missing(requests)
        if missing:
            raise UsageError(self._told(missing, len(requests)))

    def complete(
        self,
        requests: Sequence[Request],
        ledger: Ledger,  # noqa: ARG002 - it spends nothing
    ) -> Iterator[Completion]:
        """One completion per request, in order. Raises CallError, before the first, if any has no recording."""
        missing = self._missing(requests)
        if missing:
            raise CallError(self._told(missing, len(requests)))
        for request in requests:
            found = self._replies.to(request)
            if found is not None:
                yield replace(found, key=request.key)

    def _missing(self, requests: Sequence[Request]) -> list[str]:
        return [request.key for request in requests if self._replies.to(request) is None]

    def _told(self, missing: Sequence[str], count: int) -> str:
        return (
            f"teacher.from: {self._origin} has no recording for {len(missing)} of {count} requests, the first is "
            f"{missing[0]}; the plan, the seed or a prompt is not that of the recorded run"
        )
