"""Many requests as message batches, at half the price: handed in, waited for, fetched, and fetched again after a crash.

What a batch holds is written down before it is handed in, under a tag that goes into every ``custom_id``. So a batch
whose id was lost, with its reply or with the process, is found again in the server's list by what it holds.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

from harness.errors import BudgetError, CallError
from harness.protocols import Ledger
from harness.records import Completion, Request
from harness_claude import client, wire
from harness_claude.calls import LOOK, REPEATS, Policy, stopped
from harness_claude.client import Fault
from harness_claude.options import Options
from harness_claude.prices import Prices
from harness_claude.replies import MalformedError, read
from harness_claude.worker import Job, Worker

NOTE = "claude/batches"
LARGEST = 10_000
"""Requests of one batch; the API takes ten times as many, and 256 MB."""
LISTED = 100
"""Batches of the server's list that are looked at for a lost one."""
CLOCK_SKEW = 3600.0
"""Seconds by which the server's clock may be behind."""
PASSING = ("api_error", "overloaded_error", "rate_limit_error", "timeout_error")
"""Errors of an entry that another attempt may not meet."""


@dataclass(slots=True)
class Batch:
    """One batch, as it is noted in the ledger."""

    tag: str
    at: float
    """When it was handed in, in seconds since 1970."""
    attempts: Mapping[str, int]
    """Which attempt it is for each key."""
    id: str | None = None

    def custom_ids(self) -> dict[str, str]:
        """Keys by the id of their entry: 64 hexadecimal digits that no other batch holds."""
        return {hashlib.sha256(f"{self.tag}/{key}".encode()).hexdigest(): key for key in self.attempts}


def open_batches(ledger: Ledger, requests: Sequence[Request]) -> list[Batch]:
    """The noted batches that hold any of these requests."""
    keys = {request.key for request in requests}
    return [batch for batch in _noted(ledger) if keys & set(batch.attempts)]


def _noted(ledger: Ledger) -> list[Batch]:
    value: Any = ledger.noted(NOTE)
    return [Batch(**each) for each in value or []]


@dataclass(slots=True)
class _Progress:
    """A request that has no completion yet."""

    request: Request
    attempt: int = 0
    kinds: list[str] = field(default_factory=list)


class Batches:
    """The batches of one ``complete``."""

    def __init__(
        self, worker: Worker[Any], ledger: Ledger, options: Options, policy: Policy, prices: Prices | None
    ) -> None:
        self._worker = worker
        self._ledger = ledger
        self._options = options
        self._policy = policy
        self._prices = prices
        self._batches = _noted(ledger)
        self._pending: dict[str, _Progress] = {}

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion per request, a batch at a time.

        Raises BudgetError when not one more request can be reserved or the user asked the run to stop, and CallError
        when the server refuses batches or cannot be reached any more; a batch that was handed in is fetched by the next
        ``complete``.
        """
        self._pending = {request.key: _Progress(request) for request in requests}
        for batch in open_batches(self._ledger, requests):
            if batch.id is None:
                batch.id = self._find(batch)
            yield from self._collect(batch)
        while self._pending:
            yield from self._collect(self._hand_in(self._reserve()))

    def _reserve(self) -> list[_Progress]:
        """As many requests as there is money for."""
        reserved: list[_Progress] = []
        for each in list(self._pending.values())[:LARGEST]:
            try:
                self._ledger.sending(each.request.key, each.attempt + 1, self._worst(each.request))
            except BudgetError:
                if not reserved:
                    raise
                break
            each.attempt += 1
            reserved.append(each)
        return reserved

    def _worst(self, request: Request) -> float | None:
        if self._prices is None:
            return None
        return self._prices.worst(request.messages, self._options.max_tokens, self._options.cache, batched=True)

    def _hand_in(self, members: Sequence[_Progress]) -> Batch:
        """A batch with these requests. Its id is None if the server has none such after all."""
        batch = Batch(secrets.token_hex(16), time.time(), {each.request.key: each.attempt for each in members})
        self._note([*self._batches, batch])
        messages = {each.request.key: each.request.messages for each in members}
        entries = [wire.entry(self._options, messages[key], name) for name, key in batch.custom_ids().items()]
        failures = 0
        while True:
            came = self._worker.call(partial(client.submit, requests=entries, seconds=self._policy.deadline))
            batch.id = came if isinstance(came, str) else self._find(batch) if came.billed else None
            if batch.id is not None or isinstance(came, str):
                self._note(self._batches)
                return batch
            failures += 1
            if not self._paused(came, failures):
                self._drop(batch, came.error)
                raise stopped(came)

    def _find(self, batch: Batch) -> str | None:
        """The id of a batch whose reply was lost, from the server's list; None if the server never had it."""
        listed = self._patient(
            partial(client.listing, limit=LISTED, seconds=self._policy.deadline), "the list of batches"
        )
        names = set(batch.custom_ids())
        for each in listed:
            if not _could_be(each, batch):
                continue
            if names & {_custom_id(entry) for entry in self._results(each["id"])}:
                return str(each["id"])
        return None

    def _collect(self, batch: Batch) -> Iterator[Completion]:
        """The completions of a batch. What has none is left pending, with its failed attempt in the ledger."""
        if batch.id is None:
            self._drop(batch, "the batch never reached the server")
            return
        keys, left = batch.custom_ids(), set(batch.attempts) & set(self._pending)
        for entry in self._results(batch.id):
            key = keys.get(_custom_id(entry) or "")
            if key in left:
                left.remove(key)
                yield from self._settled(key, batch.attempts[key], _read(entry, key))
        for key in sorted(left):
            yield from self._settled(key, batch.attempts[key], _fault("batch without an entry for it", billed=True))
        self._note([each for each in self._batches if each.tag != batch.tag])

    def _settled(self, key: str, attempt: int, came: Completion | Fault) -> Iterator[Completion]:
        """The completion that an entry ends its request with, if it does."""
        each = self._pending[key]
        each.attempt = attempt
        if isinstance(came, Fault):
            self._ledger.failed(key, attempt, came.error, came.billed)
            each.kinds.append(came.kind)
            repeated = came.billed and each.kinds[-REPEATS:] == [came.kind] * REPEATS
            if came.retry and attempt < self._policy.attempts and not repeated:
                return
            came = Completion(key, "", "error", self._options.model, error=came.error)
        elif came.stop == "error":
            self._ledger.failed(key, attempt, came.error or "", billed=True, usage=came.usage)
        del self._pending[key]
        yield came

    def _drop(self, batch: Batch, error: str) -> None:
        """Writes down that a batch does not exist, and that nothing was billed for it."""
        for key, attempt in batch.attempts.items():
            if key in self._pending:
                self._ledger.failed(key, attempt, error, billed=False)
                self._pending[key].attempt = attempt - 1
        self._note([each for each in self._batches if each.tag != batch.tag])

    def _note(self, batches: Sequence[Batch]) -> None:
        self._batches = list(batches)
        self._ledger.note(NOTE, [asdict(batch) for batch in self._batches])

    def _results(self, batch: str) -> list[Any]:
        """The entries of a batch, once it is through; none if the server does not have it any more."""
        seconds, what = self._policy.deadline, f"batch {batch}"
        while (through := self._patient(partial(client.ended, batch=batch, seconds=seconds), what)) is False:
            self._wait(self._options.poll_seconds)
        return list(self._patient(partial(client.results, batch=batch, seconds=seconds), what)) if through else []

    def _patient(self, job: Job[Any], what: str) -> Any:
        """What a question about batches gives. It costs nothing, so it is asked again whatever goes wrong."""
        for failures in count(1):
            came = self._worker.call(job)
            if not isinstance(came, Fault):
                return came
            if not self._paused(came, failures):
                break
        raise CallError(f"{what}: {came.error}; nothing is lost, a resumed run asks for it again")

    def _paused(self, fault: Fault, failures: int) -> bool:
        """Waits before another attempt; returns whether there is to be one."""
        pause = self._policy.pause(failures, fault.after)
        again = fault.retry and failures < self._policy.attempts and pause < self._policy.deadline
        if again:
            self._wait(pause)
        return again

    def _wait(self, seconds: float) -> None:
        """Waits. Raises BudgetError if the user asks the run to stop: a noted batch is fetched by the next."""
        end = time.monotonic() + seconds
        self._ledger.proceed()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
            self._ledger.proceed()


def _could_be(listed: Any, batch: Batch) -> bool:
    """Whether a batch of the server's list has the age and the size of this one."""
    try:
        counts = listed["request_counts"].values()
        created = datetime.fromisoformat(listed["created_at"]).timestamp()
        return isinstance(listed["id"], str) and sum(counts) == len(batch.attempts) and created >= batch.at - CLOCK_SKEW
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _custom_id(entry: Any) -> str | None:
    name = entry.get("custom_id") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else None


def _read(entry: Any, key: str) -> Completion | Fault:
    """What the entry of a request says."""
    result = entry.get("result")
    match result:
        case {"type": "succeeded", "message": message}:
            try:
                done = read(message, key)
                return replace(done, usage=replace(done.usage, batched=True))
            except MalformedError as error:
                return client.malformed(error, None)
        case {"type": "errored", "error": {"error": {"type": str(kind)}}}:
            return _fault(f"batch entry errored: {kind[:60]}", retry=kind in PASSING)
        case {"type": "expired"}:
            return _fault("batch entry expired", retry=True)
        case {"type": "canceled"}:
            return _fault("batch entry canceled")
    return client.malformed(MalformedError("no known result of a batch entry"), None)


def _fault(error: str, retry: bool = False, billed: bool = False) -> Fault:
    return Fault(error, error, billed=billed, retry=retry or billed)
