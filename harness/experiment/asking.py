"""From requests to completions: asks a teacher or a student through the journal.

How a reply is read is in ``judging``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from harness.api import (
    Adapter,
    BudgetError,
    CallError,
    Completion,
    PluginError,
    Request,
    Stop,
    Student,
    Teacher,
)
from harness.experiment import returned
from harness.journal import encoding
from harness.journal.completions import recordable, restored, restored_batch
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal, Recorded

TOLERATED = 0.1
"""Share of failed calls that learning and demonstrating go on with."""
FIRST = 8
"""Answers of a phase after which a teacher is asked no more if none of them can be read."""
OnDone = Callable[[int], None]
"""Called with the number of requests that are answered by now."""


def ask_teacher(
    journal: Journal,
    ledger: RunLedger,
    teacher: Teacher,
    requests: Sequence[Request],
    on_done: OnDone,
    final: tuple[Stop, ...] = ("end", "length", "refusal"),
    named: str = "the teacher",
    phase: Phase | None = None,
) -> list[Completion]:
    """One completion per request, in order. Those that do not stop in a ``final`` way are tried again by a resume.

    ``named`` is the teacher in a message. Raises PluginError for what is no completion, and for one that costs though
    no attempt was written into the ledger, and UnreadableError if nothing of a ``phase`` can be read.
    """
    by_key = {request.key: request for request in requests}
    done = _Counter(len(requests), on_done)
    phase = phase or Phase("", lambda _: True)
    for request in requests:
        if not phase.wants:
            break
        if (value := journal.recorded(request.key)) is not None:
            phase.saw(restored(value))
    phase.check()

    def perform(missing: list[str]) -> Iterable[Recorded]:
        done.reach(len(requests) - len(missing))
        awaited = set(missing)
        for given in teacher.complete([by_key[key] for key in missing], ledger):
            completion = returned.completion(named, given, awaited)
            written = ledger.is_open(completion.key)
            yield Recorded(completion.key, recordable(completion), completion.stop in final, free=not written)
            if completion.stop != "error":
                ledger.settle(completion.key, completion.usage)
                cost = teacher.cost(completion.usage)
                if cost and not written:
                    raise PluginError(
                        f"{named} breaks its contract: the reply to {completion.key} cost {cost:.6f} USD, and no "
                        "attempt was written into the ledger before it was sent, so no limit can be kept"
                    )
            phase.saw(completion)
            if phase.unreadable:
                ledger.halt(phase.unreadable)
            done.one()
            if not ledger.in_doubt:
                ledger.proceed()  # a teacher that writes nothing down is not asked to stop by its ledger

    made = journal.fill(_inputs(teacher, requests), perform, restored)
    completions = [made[request.key] for request in requests]
    for completion in completions:
        phase.saw(completion)  # what another journal had recorded, too
    phase.check()
    done.reach(len(requests))
    return completions


class UnreadableError(BudgetError):
    """None of the first answers of a phase can be read, so the teacher is asked no more."""

    exit_code = 1

    def __init__(self, message: str, completions: Sequence[Completion]) -> None:
        super().__init__(message)
        self.completions = tuple(completions)
        """The replies that cannot be read."""


class Phase:
    """The answers of a teacher that are read alike, such as those of an arm: whether any of the first can be read.

    ``reads`` says whether a reply states an answer. A call that failed is no answer, and does not count.
    """

    def __init__(self, name: str, reads: Callable[[Completion], bool]) -> None:
        self._name = name
        self._reads = reads
        self._seen: dict[str, Completion] = {}
        self._read = False

    @property
    def wants(self) -> bool:
        """Whether another reply can tell more than is known."""
        return not self._read and len(self._seen) < FIRST

    def saw(self, completion: Completion) -> None:
        """Takes note of a reply."""
        if not self.wants or completion.stop == "error":
            return
        self._read = self._reads(completion)
        self._seen[completion.key] = completion

    @property
    def unreadable(self) -> UnreadableError | None:
        """Set once so many replies were seen, and none of them could be read."""
        if self._read or self.wants:
            return None
        stops = Counter(completion.stop for completion in self._seen.values())
        ended = ", ".join(f"{count} ended with {stop}" for stop, count in stops.items())
        return UnreadableError(
            f"none of the first {FIRST} answers of {self._name} can be read ({ended}); they are in thoughts.jsonl. "
            "Mend prompt, parser or token limit, and take over what holds by --fork",
            tuple(self._seen.values()),
        )

    def check(self) -> None:
        """Raises UnreadableError if nothing can be read."""
        if error := self.unreadable:
            raise error


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
        journal.finalize(request.key, {"model": teacher.identity, "messages": request.messages}, recordable(done))


def ask_student(
    journal: Journal,
    student: Student,
    requests: Sequence[Request],
    adapter: Adapter | None,
    name: str,
    on_done: OnDone,
    named: str = "the student",
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
        key = f"{name}/batch-{start // size:04d}"
        value = journal.once(key, given, partial(_generate, student, batch, adapter, named))
        completions += restored_batch(key, value, [request.key for request in batch])
        seconds += value["seconds"]
        on_done(len(completions))
    return completions, seconds


def _inputs(teacher: Teacher, requests: Sequence[Request]) -> dict[str, dict[str, str]]:
    """Digests of all that a teacher's replies depend on, by key."""
    model = encoding.digests({"model": teacher.identity})
    return {request.key: model | encoding.digests({"messages": request.messages}) for request in requests}


def _generate(student: Student, batch: Sequence[Request], adapter: Adapter | None, named: str) -> dict[str, Any]:
    started = time.monotonic()
    completions = returned.replies(named, student.generate(batch, adapter), batch)
    seconds = round(time.monotonic() - started, 3)
    return {"completions": [recordable(completion) for completion in completions], "seconds": seconds}


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
