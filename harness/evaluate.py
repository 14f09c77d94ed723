"""From requests to outcomes: asks a teacher or a student through the journal, and judges what comes back.

The only place where a completion becomes an outcome.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, get_args

from harness import files
from harness.errors import CallError, HarnessError
from harness.journal import Journal, Recorded
from harness.ledger import Books
from harness.protocols import Student, Teacher, Verifier
from harness.records import (
    Adapter,
    Answered,
    Completion,
    Failed,
    Message,
    Outcome,
    Problem,
    Refused,
    Request,
    StepCheck,
    Stop,
    Truncated,
    Truth,
    Unparsed,
    Usage,
)

TOLERATED = 0.1
"""Share of failed calls that learning and demonstrating go on with."""
MOST_TOKENS = 10**12
OnDone = Callable[[int], None]
"""Called with the number of requests that are answered by now."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Which training an adapter came from, and its digest as it was loaded."""

    seed: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The messages that were sent, and what they would have been without a strategy."""

    messages: Sequence[Message]
    wording: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Item:
    """One problem in one arm: a row of items.jsonl. The text of its completion is untrusted: see thoughts.jsonl."""

    arm: str
    problem: Problem
    truth: Truth
    outcome: Outcome
    correct: bool
    steps: StepCheck | None
    prompt_sha256: str
    """Digest of the messages that were sent."""
    wording_sha256: str
    """Digest of the messages without a strategy: the same for two arms that are asked in the same words."""
    completion: Completion
    adapter: Trained | None = None
    """The adapter that answered; None for a model as it comes."""


class Reader(Protocol):
    """Reads a reply for its answer: a task, or the student's own skills."""

    def parse(self, reply: str) -> str | None:
        """The answer that a reply states, or None."""


def judge(reader: Reader, completion: Completion) -> Outcome:
    """What became of a request. A reply that did not end by itself is never read for an answer."""
    match completion.stop:
        case "error":
            return Failed(completion.error or "no reason given")
        case "refusal":
            return Refused()
        case "length":
            return Truncated()
        case "end":
            label = reader.parse(completion.text)
            return Unparsed() if label is None else Answered(label)


def score(
    arm: str,
    reader: Reader,
    verifier: Verifier,
    problem: Problem,
    truth: Truth,
    asked: Asked,
    completion: Completion,
    adapter: Trained | None = None,
) -> Item:
    """The row of one problem in one arm."""
    outcome = judge(reader, completion)
    correct = isinstance(outcome, Answered) and bool(verifier.check(problem, outcome.label))
    steps = verifier.steps(problem, completion.text) if completion.stop == "end" else None
    sent, wording = files.digest(asked.messages), files.digest(asked.wording)
    return Item(arm, problem, truth, outcome, correct, steps, sent, wording, completion, adapter)


def ask_teacher(
    journal: Journal,
    books: Books,
    teacher: Teacher,
    requests: Sequence[Request],
    on_done: OnDone,
    final: tuple[Stop, ...] = ("end", "length", "refusal"),
) -> list[Completion]:
    """One completion per request, in order. Those that do not stop in a ``final`` way are tried again by a resume."""
    by_key = {request.key: request for request in requests}
    done = _Counter(len(requests), on_done)

    def perform(missing: list[str]) -> Iterable[Recorded]:
        done.reach(len(requests) - len(missing))
        for completion in teacher.complete([by_key[key] for key in missing], books):
            yield completion.key, _recordable(completion), completion.stop in final
            if completion.stop != "error":
                books.settle(completion.key, completion.usage)
            done.one()
            if not books.in_doubt:
                books.proceed()  # a teacher that writes nothing down is not asked to stop by its ledger

    values = journal.fill({request.key: _given(teacher, request) for request in requests}, perform)
    done.reach(len(requests))
    return [restored(values[request.key]) for request in requests]


def accept_failures(
    journal: Journal, teacher: Teacher, requests: Sequence[Request], completions: Sequence[Completion]
) -> None:
    """Makes failed calls final, because what comes next depends on how this came out. Raises CallError for too many.

    Otherwise a resume would try them again, and find what it had built on them no longer true.
    """
    failed = [(request, done) for request, done in zip(requests, completions, strict=True) if done.stop == "error"]
    if len(failed) > TOLERATED * len(completions):
        raise CallError(
            f"{len(failed)} of {len(completions)} calls failed, the first with: {failed[0][1].error}; what comes next "
            "needs them. What is recorded is kept; resume tries them again"
        )
    for request, done in failed:
        journal.settle(request.key, _given(teacher, request), _recordable(done))


def ask_student(
    journal: Journal,
    student: Student,
    requests: Sequence[Request],
    adapter: Adapter | None,
    name: str,
    on_done: OnDone,
) -> tuple[list[Completion], float]:
    """One completion per request, in order, and the seconds that making them took.

    Each batch is one effect under a key that starts with ``name``: batches are cut the same way in every run of a
    plan, because the other rows of a batch can move the last bit of a logit.
    """
    completions: list[Completion] = []
    seconds = 0.0
    size = student.batch_size
    for start in range(0, len(requests), size):
        batch = requests[start : start + size]
        given = {
            "model": student.identity,
            "adapter": adapter.sha256 if adapter else None,
            "messages": [request.messages for request in batch],
        }
        value = journal.once(f"{name}/batch-{start // size:04d}", given, partial(_generate, student, batch, adapter))
        completions += [restored(completion) for completion in value["completions"]]
        seconds += value["seconds"]
        on_done(len(completions))
    return completions, seconds


def _given(teacher: Teacher, request: Request) -> dict[str, Any]:
    """All that a teacher's reply depends on."""
    return {"model": teacher.identity, "messages": request.messages}


def _generate(student: Student, batch: Sequence[Request], adapter: Adapter | None) -> dict[str, Any]:
    started = time.monotonic()
    completions = [_recordable(completion) for completion in student.generate(batch, adapter)]
    if [completion["key"] for completion in completions] != [request.key for request in batch]:
        raise HarnessError(f"the student's replies to {len(batch)} prompts do not match them; its plugin is broken")
    return {"completions": completions, "seconds": round(time.monotonic() - started, 3)}


class _Counter:
    """Tells a listener how far a set of requests is, never going back."""

    def __init__(self, total: int, on_done: OnDone) -> None:
        self._total = total
        self._on_done = on_done
        self._done = 0

    def one(self) -> None:
        self.reach(self._done + 1)

    def reach(self, done: int) -> None:
        if done > self._done:
            self._done = min(done, self._total)
            self._on_done(self._done)


def _recordable(completion: Completion) -> dict[str, Any]:
    """A completion as JSON data. Half of a surrogate pair cannot be written as UTF-8 and becomes ``?``.

    Raises HarnessError for one that no journal may hold: with an unknown stop, or a count out of range.
    """
    value = dataclasses.asdict(completion)
    for name in ("text", "model", "error"):
        if value[name] is not None:
            value[name] = value[name].encode("utf-8", "replace").decode("utf-8")
    if completion.stop not in get_args(Stop) or any(not 0 <= count < MOST_TOKENS for count in value["usage"].values()):
        raise HarnessError(f"the reply to {completion.key} has the stop {completion.stop!r} or a count out of range")
    return value


def restored(value: dict[str, Any]) -> Completion:
    """A completion from its JSON data, as the journal holds it."""
    return Completion(**{**value, "usage": Usage(**value["usage"])})
