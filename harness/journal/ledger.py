"""The books of a run: what its teacher calls have cost, may have cost, and may still cost before the limit.

Kept in the journal, so a resumed run goes on with the same books. How an attempt is sent is the teacher's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import RLock
from typing import Any

from harness.api import BudgetError, Json, Usage
from harness.journal.keys import DROPPED, FAILED, NOTE, SENDING
from harness.journal.store import Journal


@dataclass(frozen=True, slots=True)
class InDoubt:
    """An attempt that went out and of which nothing more is known: it may have been billed."""

    key: str
    attempt: int
    worst_cost: float | None


class RunLedger:
    """The ledger that a teacher is given. ``cost`` is the teacher's own; ``limit`` is in USD, None for no limit.

    ``proceed`` raises BudgetError once the user has asked the run to stop.
    """

    def __init__(
        self,
        journal: Journal,
        cost: Callable[[Usage], float | None],
        limit: float | None,
        proceed: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._cost = cost
        self._limit = limit
        self._proceed = proceed
        self._lock = RLock()  # a teacher may write from a thread of its own while another reads
        self._open: dict[str, list[InDoubt]] = {}
        """The attempts of which no end is known, by request, without those that have none."""
        self._notes: dict[str, Json] = {}
        self._spent = 0.0
        self._halted: BudgetError | None = None
        self.failures = 0
        """Attempts that gave no reply."""
        for key, value in journal.notes:
            self._replay(key, value)
        for key in list(self._open):
            if _is_reply(value := journal.recorded(key)):
                self.settle(key, Usage(**value["usage"]))

    def sending(self, key: str, attempt: int, worst_cost: float | None) -> None:
        """See ``harness.api.Ledger``."""
        self.proceed()
        with self._lock:
            if self._limit is not None and worst_cost is None:
                raise BudgetError("--max-cost: the teacher has no known price, so no limit can be kept; give it one")
            if self._limit is not None and self.committed + (worst_cost or 0.0) > self._limit:
                raise BudgetError(
                    f"--max-cost {self._limit:g}: {self.committed:.4f} USD are spent or reserved, and the next call "
                    f"may cost {worst_cost or 0.0:.4f}; what is paid for is kept; resume with a higher --max-cost"
                )
            self._journal.note(SENDING, {"key": key, "attempt": attempt, "worst_cost": worst_cost})
            self._open.setdefault(key, []).append(InDoubt(key, attempt, worst_cost))

    def failed(self, key: str, attempt: int, error: str, billed: bool, usage: Usage | None = None) -> None:
        """See ``harness.api.Ledger``."""
        value: dict[str, Any] = {"key": key, "attempt": attempt, "error": error, "billed": billed}
        value["usage"] = asdict(usage) if usage else None
        with self._lock:
            self._journal.note(FAILED, value)
            self._replay(FAILED, value)

    def proceed(self) -> None:
        """See ``harness.api.Ledger``."""
        if self._halted is not None:
            raise self._halted
        self._proceed()

    def halt(self, error: BudgetError) -> None:
        """From now on nothing more is sent: whoever wants to gets this error."""
        self._halted = error

    def is_open(self, key: str) -> bool:
        """Whether an attempt at a request is written down of which no end is known."""
        with self._lock:
            return key in self._open

    def note(self, name: str, value: Json) -> None:
        """See ``harness.api.Ledger``."""
        with self._lock:
            self._journal.note(NOTE, {"name": name, "value": value})
            self._notes[name] = value

    def noted(self, name: str) -> Json:
        """See ``harness.api.Ledger``."""
        return self._notes.get(name)

    def settle(self, key: str, usage: Usage) -> None:
        """Books what a completion cost, in place of what was reserved for its last attempt."""
        with self._lock:
            self._spent += self._cost(usage) or 0.0
            self._close(key)

    @property
    def in_doubt(self) -> list[InDoubt]:
        """Attempts of which no end is known: under way, or left open by a crash."""
        with self._lock:
            return [attempt for attempts in self._open.values() for attempt in attempts]

    @property
    def committed(self) -> float:
        """USD that are spent, may have been billed, or are reserved for attempts under way."""
        with self._lock:
            return self._spent + sum(attempt.worst_cost or 0.0 for attempt in self.in_doubt)

    def _close(self, key: str) -> InDoubt | None:
        """Takes the last open attempt at a request off the books, if there is one."""
        attempts = self._open.get(key, [])
        closed = attempts.pop() if attempts else None
        if not attempts:
            self._open.pop(key, None)
        return closed

    def _replay(self, key: str, value: Any) -> None:
        if key == SENDING:
            attempt = InDoubt(value["key"], value["attempt"], value["worst_cost"])
            self._open.setdefault(attempt.key, []).append(attempt)
        elif key == FAILED:
            attempt = self._close(value["key"]) or InDoubt(value["key"], value["attempt"], None)
            known = self._cost(Usage(**value["usage"])) if value["usage"] else None
            self._spent += (known if known is not None else attempt.worst_cost or 0.0) if value["billed"] else 0.0
            self.failures += 1
        elif key == DROPPED:
            if _is_reply(value["value"]):  # what was set aside was paid for all the same
                self.settle(value["key"], Usage(**value["value"]["usage"]))
        elif key == NOTE:
            self._notes[value["name"]] = value["value"]
        elif _is_reply(value):  # it was paid for, and is asked for again
            self.settle(key, Usage(**value["usage"]))


def _is_reply(value: Any) -> bool:
    """Whether a recorded value is a completion that did not fail; a journal holds other things as well."""
    return isinstance(value, dict) and value.get("stop", "error") != "error"
