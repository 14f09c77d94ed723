"""A teacher whose replies are remembered by prompt, for a loopback server to give the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.api import Completion, Json, Ledger, Message, Request, Teacher, Usage


class Recorder:
    """A teacher that asks another and remembers. ``answer`` is what a loopback server replies with."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self.replies: dict[str, str] = {}

    @property
    def identity(self) -> Mapping[str, Json]:
        """The other's."""
        return self._teacher.identity

    def cost(self, usage: Usage) -> float | None:
        """The other's."""
        return self._teacher.cost(usage)

    def worst_cost(self, request: Request) -> float | None:
        """The other's."""
        return self._teacher.worst_cost(request)

    def preflight(self) -> None:
        """The other's."""
        self._teacher.preflight()

    def complete(self, requests: Sequence[Request], ledger: Ledger) -> Iterator[Completion]:
        """The other's, remembered. A prompt that gets two replies could not be served: it raises ValueError."""
        by_key = {request.key: request for request in requests}
        for done in self._teacher.complete(requests, ledger):
            prompt = _prompt(by_key[done.key].messages)
            if self.replies.setdefault(prompt, done.text) != done.text:
                raise ValueError(f"two replies to the prompt of {done.key}; record a teacher that does not slip")
            yield done

    def answer(self, prompt: str) -> str:
        """The reply to a prompt, as ``tests.loopback.server.prompt_of`` writes it."""
        return self.replies[prompt]


def _prompt(messages: Sequence[Message]) -> str:
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    return "\n".join([system, *(message.text for message in messages if message.role != "system")])
