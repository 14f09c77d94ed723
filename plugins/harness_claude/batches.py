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
from functools import partial
from itertools import count, takewhile
from typing import Any

from harness.api import BudgetError, CallError, Completion, Ledger, Request
from harness_claude import client, wire
from harness_claude.calls import LOOK, Policy, stopped
from harness_claude.client import Fault
from harness_claude.options import Options
from harness_claude.prices import Prices
from harness_claude.replies import MalformedError, read
from harness_claude.worker import Job, Worker

NOTE = "claude/batches"
LARGEST = 10_000
"""Requests of one batch; the API takes ten times as many, and 256 MB."""
LISTED = 100
"""Batches of the server's list, newest first, that are looked at for a lost one."""
PASSING = ("api_error", "overloaded_error", "rate_limit_error", "timeout_error")
"""Errors of an entry that another attempt may not meet."""


@dataclass(slots=True)
class Batch:
    """One batch, as it is noted in the ledger."""

    tag: str
    after: str
    """Id of the newest batch that the server had before; empty if it had none. This machine's clock says nothing."""
    attempts: Mapping[str, int]
    """Which attempt it is for each key."""
    lost: bool = False
    """Whether it was sent and its reply lost, so that the server may have it."""
    id: str = ""
    """Empty until the server has told it."""

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
        for batch in [each for each in self._batches if each.attempts.keys() & self._pending.keys()]:
            if batch.id or self._found(batch, "the batch never reached the server"):
                yield from self._collect(batch)
        while self._pending:
            yield from self._collect(self._hand_in())

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

    def _hand_in(self) -> Batch:
        """A batch that the server has, with as many requests as there is money for.

        One that may have been lost on the way is looked for. If the server does not list it, it is booked as if it were
        billed, and its requests are reserved anew before they are handed in again.
        """
        kinds: list[str] = []
        while True:
            batch = self._prepared()
            came = self._worker.call(
                partial(client.submit, requests=self._entries(batch), seconds=self._policy.deadline)
            )
            if isinstance(came, str):
                batch.id = came
                self._note(self._batches)
                return batch
            kinds.append(came.kind)
            # written down before the pause, in which the user may stop the run
            if came.billed:
                batch.lost = True
                self._note(self._batches)
            else:
                self._drop(batch, came.error, billed=False)
            again = self._policy.again(came, kinds, len(kinds)) and self._paused(came, len(kinds))
            if came.billed and self._found(batch, came.error):
                return batch
            if not again:
                raise _not_taken(came)

    def _prepared(self) -> Batch:
        """A batch that is reserved and written down, but not handed in."""
        newest = next(iter(self._listed()), None)
        members = self._reserve()
        attempts = {each.request.key: each.attempt for each in members}
        batch = Batch(secrets.token_hex(16), _text(newest, "id") or "", attempts)
        self._note([*self._batches, batch])
        return batch

    def _entries(self, batch: Batch) -> list[dict[str, Any]]:
        messages = {key: self._pending[key].request.messages for key in batch.attempts}
        return [wire.entry(self._options, messages[key], name) for name, key in batch.custom_ids().items()]

    def _listed(self) -> list[Any]:
        listing = partial(client.listing, limit=LISTED, seconds=self._policy.deadline)
        return list(self._patient(listing, "the list of batches"))

    def _found(self, batch: Batch, error: str) -> bool:
        """Whether the server lists a batch that has no id yet: then its id is noted, else the batch is given up.

        Given up, it counts as billed if its reply was lost. Otherwise the process may have ended before it was sent: it
        does not count if the list reaches back to what was on it before.
        """
        newer = list(takewhile(lambda each: _text(each, "id") != batch.after, self._listed()))
        names = set(batch.custom_ids())
        for each in newer:
            name = _text(each, "id")
            if name and _size(each) == len(names) and names & {_text(at, "custom_id") for at in self._results(name)}:
                batch.id = name
                self._note(self._batches)
                return True
        self._drop(batch, error, billed=batch.lost or len(newer) >= LISTED)
        return False

    def _collect(self, batch: Batch) -> Iterator[Completion]:
        """The completions of a batch. What has none is left pending, with its failed attempt in the ledger."""
        keys, left = batch.custom_ids(), set(batch.attempts) & set(self._pending)
        for entry in self._results(batch.id):
            key = keys.get(_text(entry, "custom_id") or "")
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
            if self._policy.again(came, each.kinds, attempt):
                return
            came = Completion(key, "", "error", self._options.model, error=came.error)
        elif came.stop == "error":
            self._ledger.failed(key, attempt, came.error or "", billed=True, usage=came.usage)
        del self._pending[key]
        yield came

    def _drop(self, batch: Batch, error: str, billed: bool) -> None:
        """Writes down that a batch does not exist as far as anyone can tell, and whether it may have been billed."""
        for key, attempt in batch.attempts.items():
            if key in self._pending:
                self._ledger.failed(key, attempt, error, billed)
                self._pending[key].attempt = attempt if billed else attempt - 1
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
            if came.fatal:
                raise stopped(came)
            if not (came.retry and failures < self._policy.attempts and self._paused(came, failures)):
                break
        raise CallError(f"{what}: {came.error}; nothing is lost, a resumed run asks for it again")

    def _paused(self, fault: Fault, failures: int) -> bool:
        """Waits before another attempt; returns False, at once, if the server asks for too long a pause."""
        pause = self._policy.pause(failures, fault.after)
        short = pause < self._policy.deadline
        if short:
            self._wait(pause)
        return short

    def _wait(self, seconds: float) -> None:
        """Waits. Raises BudgetError if the user asks the run to stop: a noted batch is fetched by the next."""
        end = time.monotonic() + seconds
        self._ledger.proceed()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
            self._ledger.proceed()


def _not_taken(fault: Fault) -> CallError:
    """The end of a run whose batch could not be handed in."""
    if not fault.retry:
        return stopped(fault)
    what = "may have been handed in, and counts as billed" if fault.billed else "was not handed in"
    return CallError(f"{fault.error}: the batch {what}; what came before is kept, and a resumed run hands it in again")


def _size(listed: Any) -> int | None:
    """How many requests a batch of the server's list holds."""
    try:
        return int(sum(listed["request_counts"].values()))
    except (KeyError, TypeError, AttributeError):
        return None


def _text(listed: Any, name: str) -> str | None:
    value = listed.get(name) if isinstance(listed, dict) else None
    return value if isinstance(value, str) else None


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
