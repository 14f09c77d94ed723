"""From requests to completions: asks a teacher or a student through the journal.

How a reply is read is in ``judging``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from harness.api import (
    Adapter,
    CallError,
    Completion,
    HarnessError,
    Request,
    Stop,
    Student,
    Teacher,
)
from harness.journal.completions import recordable, restored, restored_batch
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal, Recorded

TOLERATED = 0.1
"""Share of failed calls that learning and demonstrating go on with."""
OnDone = Callable[[int], None]
"""Called with the number of requests that are answered by now."""


def ask_teacher(
    journal: Journal,
    ledger: RunLedger,
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
        for completion in teacher.complete([by_key[key] for key in missing], ledger):
            yield completion.key, recordable(completion), completion.stop in final
            if completion.stop != "error":
                ledger.settle(completion.key, completion.usage)
            done.one()
            if not ledger.in_doubt:
                ledger.proceed()  # a teacher that writes nothing down is not asked to stop by its ledger

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
        journal.finalize(request.key, _given(teacher, request), recordable(done))


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
        key = f"{name}/batch-{start // size:04d}"
        value = journal.once(key, given, partial(_generate, student, batch, adapter))
        completions += restored_batch(key, value, [request.key for request in batch])
        seconds += value["seconds"]
        on_done(len(completions))
    return completions, seconds


def _given(teacher: Teacher, request: Request) -> dict[str, Any]:
    """All that a teacher's reply depends on."""
    return {"model": teacher.identity, "messages": request.messages}


def _generate(student: Student, batch: Sequence[Request], adapter: Adapter | None) -> dict[str, Any]:
    started = time.monotonic()
    completions = [recordable(completion) for completion in student.generate(batch, adapter)]
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
