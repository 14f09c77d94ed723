"""Many calls at once: how many, in which order, and which of them again; batches try again by the same rules.

All of it runs in the caller's thread while the caller waits for the next completion: nothing is sent, and nothing
written into the ledger, while a completion is being recorded. So at most as many replies as calls may be under way can
be lost by a crash.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from harness.api import BudgetError, CallError, Completion, HarnessError, Ledger, Request
from harness_claude.client import Fault, ask
from harness_claude.worker import Worker

REPEATS = 3
"""A fault that may cost money each time is given up when it has come so often in a row; a refusal of the first calls,
when so many of them met the same."""
LOOK = 0.5
"""Seconds after which a pause is broken to see whether the user asked the run to stop."""


@dataclass(frozen=True, slots=True)
class Policy:
    """When to try again, and when to stop."""

    concurrency: int
    deadline: float
    attempts: int
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def pause(self, failures: int, asked: float | None) -> float:
        """Seconds until the next attempt: twice as long each time, less a random part, and what the server asks for."""
        longest = min(self.longest_pause, self.first_pause * 2.0 ** (failures - 1))
        return max(asked or 0.0, longest * random.uniform(0.5, 1))

    def again(self, fault: Fault, kinds: Sequence[str], attempt: int) -> bool:
        """Whether a request is tried again. ``kinds`` are its faults so far, of which this one is the last."""
        repeated = list(kinds[-REPEATS:]) == [fault.kind] * REPEATS
        return fault.retry and attempt < self.attempts and not (fault.billed and repeated)


@dataclass(slots=True)
class Call:
    """One request on its way."""

    request: Request
    params: dict[str, Any]
    worst_cost: float | None
    attempt: int = 0
    sent: float = 0.0
    deadline: float = 0.0
    error: str = ""
    """What the last attempt met."""
    kinds: list[str] = field(default_factory=list)
    """What kind of fault each attempt met."""


class Width:
    """How many calls may be under way: halved when the server says that it is too many, then slowly more again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = float(most)
        self._cut = 0.0

    def __int__(self) -> int:
        return max(1, int(self._now))

    def more(self) -> None:
        """After a reply."""
        self._now = min(self._most, self._now + 1 / self._now)

    def less(self, sent: float, now: float) -> None:
        """After a 429 to a call sent then. Those sent before the last cut say nothing new."""
        if sent >= self._cut:
            self._now, self._cut = max(1.0, self._now / 2), now


def stopped(fault: Fault) -> CallError:
    """The end of a run whose other calls would meet the same fault."""
    return CallError(
        f"{fault.error}: the server refuses every such call, so nothing more was sent; what came before is kept; "
        "mend the key, the account or the options and resume, or start anew"
    )


class Calls:
    """The calls of one ``complete``."""

    def __init__(
        self, worker: Worker[Call], ledger: Ledger, policy: Policy, model: str, clock: Callable[[], float] = monotonic
    ) -> None:
        self._worker = worker
        self._ledger = ledger
        self._policy = policy
        self._model = model
        self._clock = clock
        self._width = Width(policy.concurrency)
        self._fresh: deque[Call] = deque()
        self._overdue: deque[Call] = deque()
        self._again: list[tuple[float, int, Call]] = []
        self._flying = 0
        self._stop: HarnessError | None = None
        self._replies = 0
        self._refusals: Counter[str] = Counter()

    def complete(self, calls: Sequence[Call]) -> Iterator[Completion]:
        """One completion per call, as they come.

        Raises BudgetError when the next attempt cannot be reserved or the user asked to stop, and CallError when
        the server refuses the key, the account or the model; both after what is under way has come back.
        """
        self._fresh.extend(calls)
        while True:
            self._send()
            while self._overdue:
                late = self._overdue.popleft()
                yield Completion(late.request.key, "", "error", self._model, error=f"{late.error}; out of time")
            if not self._flying and self._stop:
                raise self._stop
            if not (self._flying or self._fresh or self._again):
                return
            came = self._worker.next(self._until_next())
            if came is None:
                continue
            self._flying -= 1
            completion = self._judged(*came)
            if completion is not None:
                yield completion

    def _send(self) -> None:
        """Sends what is due, as far as there is room and money."""
        self._stop = self._stop if isinstance(self._stop, CallError) else self._asked_to_stop()
        while self._stop is None and self._flying < int(self._width) and (call := self._due()) is not None:
            if call.attempt and self._clock() >= call.deadline:
                self._overdue.append(call)  # it waited for room until its time was over
                continue
            try:
                self._ledger.sending(call.request.key, call.attempt + 1, call.worst_cost)
            except BudgetError as error:
                # What is under way may cost less than was reserved for it; then there is room again.
                self._stop = error
                self._fresh.appendleft(call)
                return
            now = self._clock()
            call.attempt += 1
            call.sent = now
            if call.attempt == 1:
                call.deadline = now + self._policy.deadline
            seconds = max(0.001, call.deadline - now)
            self._worker.start(call, partial(ask, params=call.params, key=call.request.key, seconds=seconds))
            self._flying += 1

    def _asked_to_stop(self) -> BudgetError | None:
        try:
            self._ledger.proceed()
        except BudgetError as error:
            return error
        return None

    def _due(self) -> Call | None:
        """The next call to send: one whose pause is over, or one that was not sent yet."""
        if self._again and self._again[0][0] <= self._clock():
            return heapq.heappop(self._again)[2]
        return self._fresh.popleft() if self._fresh else None

    def _until_next(self) -> float | None:
        """Seconds to wait at most where a pause is what there is to wait for; None to wait for a call."""
        if self._stop or not self._again or self._flying >= int(self._width):
            return None
        return min(LOOK, max(0.0, self._again[0][0] - self._clock()))

    def _judged(self, call: Call, came: Completion | Fault) -> Completion | None:
        """The completion that an attempt ends its call with, if it does."""
        key = call.request.key
        if isinstance(came, Completion):
            self._width.more()
            self._replies += 1
            if came.stop == "error":
                self._ledger.failed(key, call.attempt, came.error or "", billed=True, usage=came.usage)
            return came
        self._ledger.failed(key, call.attempt, came.error, came.billed)
        now = self._clock()
        if came.status == 429:
            self._width.less(call.sent, now)
        call.kinds.append(came.kind)
        call.error = came.error
        if self._hopeless(came):
            self._stop = stopped(came)
        elif (pause := self._pause(call, came)) is not None:
            heapq.heappush(self._again, (now + pause, id(call), call))
        else:
            return Completion(key, "", "error", self._model, error=came.error)
        return None

    def _hopeless(self, fault: Fault) -> bool:
        """Whether every other call would meet this fault too: it says so itself, or no call has met anything else."""
        if fault.refused:
            self._refusals[fault.kind] += 1
        return fault.fatal or (not self._replies and self._refusals[fault.kind] >= REPEATS)

    def _pause(self, call: Call, fault: Fault) -> float | None:
        """Seconds until the next attempt, or None if there is to be none."""
        if not self._policy.again(fault, call.kinds, call.attempt):
            return None
        pause = self._policy.pause(call.attempt, fault.after)
        return pause if self._clock() + pause < call.deadline else None
