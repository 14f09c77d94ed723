"""The append-only record of every effect of a run: teacher calls, student generations, trainings.

An effect that is recorded is never repeated, so a resume is the same program run again. What an effect means is not
known here: a record is a key, digests of the effect's input, and a JSON value. How a record becomes a line of the file,
and a line a record again, is for ``encoding`` to say; what the value under a key must be, for ``completions``.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from harness.api import JournalError, UsageError
from harness.boundary import folders
from harness.boundary.text import did_you_mean
from harness.journal import completions, encoding, keys
from harness.journal.encoding import Record

GROUP = 256
"""Records that cost nothing and wait together until they are durable."""
GROUP_SECONDS = 1.0
"""How long they wait at most, while further ones come."""


class Recorded(NamedTuple):
    """What an effect gave."""

    key: str
    value: Any
    final: bool = True
    """One that is not (a failed call) is tried again by a resume."""
    free: bool = False
    """Whether it cost nothing, so that it may become durable together with others, at the latest with the last one."""


def _go_on() -> None:
    """Nothing speaks against another effect."""


def _as_it_is(value: Any) -> Any:
    return value


class Journal:
    """The journal of one run. Opened by one process at a time; see ``run_dirs.locked``.

    ``proceed`` is called before effects are performed, and may raise to perform none. Raises JournalError for a file
    that is damaged, whose records do not hold what their keys stand for, or that is no file, and OSError.
    """

    def __init__(self, path: Path, proceed: Callable[[], None] = _go_on) -> None:
        self._path = path
        self._proceed = proceed
        self._known: dict[str, int] = {}
        """Where the line of each key begins: what it says stays in the file until it is asked for."""
        self._origin: Journal | None = None
        self._allowed: Callable[[Record], bool] = bool
        self.last: str | None = None
        """Key of the last record."""
        self._tried: set[str] = set()
        self._failed: set[str] = set()
        """Keys that are known by a failure, as in a ``ReadOnlyJournal``."""
        self.notes: list[tuple[str, Any]] = []
        """Key and value of every record that is not final, in order: what happened on the way to an effect."""
        self.taken = 0
        """How many records were taken over from another journal."""
        self._broken = False
        self._waiting = 0
        """Records that are written and not known to be durable."""
        self._durable = 0
        """Bytes that are."""
        self._synced_at = time.monotonic()
        self._lock = Lock()  # a teacher may write into its ledger from a thread of its own
        self._descriptor = self._open()
        try:
            self.dropped_bytes = self._load()
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def records(self) -> Iterator[Record]:
        """What stands under each key, in the order in which the keys were recorded first."""
        return (encoding.at(self._descriptor, place) for place in list(self._known.values()))

    @property
    def keys(self) -> list[str]:
        """The keys of ``records``."""
        return list(self._known)

    @property
    def live(self) -> bool:
        """Whether effects can be performed: not in a journal that is only read again."""
        return True

    def close(self) -> None:
        """Closes the file. What was recorded is already durable."""
        os.close(self._descriptor)

    def take_over_from(self, origin: Journal, allowed: Callable[[Record], bool]) -> None:
        """From now on takes over what another journal holds for the same input under the same key, if ``allowed``."""
        self._origin, self._allowed = origin, allowed

    def once(self, key: str, given: Any, effect: Callable[[], Any]) -> Any:
        """The recorded value of an effect, or the effect performed and recorded.

        ``given`` is all that the effect depends on. Raises JournalError if ``key`` was recorded for another input.
        """
        return self.fill({key: encoding.digests(given)}, lambda _: [Recorded(key, effect())])[key]

    def fill(
        self,
        wanted: Mapping[str, Mapping[str, str]],
        perform: Callable[[list[str]], Iterable[Recorded]],
        read: Callable[[Any], Any] = _as_it_is,
    ) -> dict[str, Any]:
        """The values of many effects: those recorded, and the others as ``perform(missing keys)`` yields them.

        Each is recorded the moment it is yielded, and durable then, or at the end if it was free. ``wanted`` gives the
        digests of the input of each key, ``read`` what is kept of a value. Raises JournalError if a key was recorded
        for another input, or if ``perform`` leaves one out.
        """
        try:
            for key, given in wanted.items():
                self._take_over(key, given)
            values = {key: read(self._recall(key, given)) for key, given in wanted.items() if key in self._known}
            missing = [key for key in wanted if key not in values]
            if missing:
                self._may_perform(missing)
                for key, value, final, free in perform(missing):
                    if key not in wanted or key in values:
                        raise JournalError(f"an answer came for {key!r}, which was not asked for, or had been answered")
                    self._append(Record(key, wanted[key], value, final), free=free)
                    values[key] = read(value)
        finally:
            self._sync()
        absent = [key for key in wanted if key not in values]
        if absent:
            raise JournalError(f"no answer came for {len(absent)} of {len(wanted)} requests, the first is {absent[0]}")
        return values

    def take_over(self, key: str) -> None:
        """Takes over what the other journal holds for good under a key that a record names which came from there."""
        if self._origin is not None and key in self._origin._known:
            self._take_over(key, self._origin.input(key))

    def note(self, key: str, value: Any) -> None:
        """Records something that happened on the way to an effect."""
        self._append(Record(key, {}, value, final=False))

    def finalize(self, key: str, given: Any, value: Any) -> None:
        """Makes a value final that was recorded as one to try again: from here on, other effects depend on it."""
        if key not in self._known:
            self._append(Record(key, encoding.digests(given), value, final=True))

    def drop(self, key: str) -> Any:
        """Sets a record aside, which is noted: what it recorded is done again. Gives what it held.

        Raises UsageError for a key that is not recorded, and for what the run itself was begun with.
        """
        if key in (keys.PLAN, keys.IDENTITY):
            raise UsageError(f"{self._path}: {key} is what the run was begun with; start a new run, or fork it")
        if key not in self._known:
            near = did_you_mean(key, self._known)
            raise UsageError(f"{self._path}: holds no record of {key!r};{near} harness journal list shows all")
        value = self.record(key).value
        self.note(keys.DROPPED, {"key": key, "value": value})
        return value

    def recorded(self, key: str) -> Any:
        """What is recorded of the effect under a key, or None: what is final, or in a ``ReadOnlyJournal`` the last."""
        return self.record(key).value if key in self._known else None

    def input(self, key: str) -> Mapping[str, str]:
        """The digests of what the effect under a key was given; none for one that is not recorded."""
        return self.record(key).input if key in self._known else {}

    @property
    def open(self) -> set[str]:
        """Keys of the effects that were tried and came to no end: a resume tries them again."""
        return {key for key in self._tried if key not in self._known or key in self._failed}

    def trainings(self) -> Iterator[tuple[str, Any]]:
        """The name and the record of each training."""
        for key in self._known:
            if key.startswith(keys.TRAININGS):
                yield key.removeprefix(keys.TRAININGS), self.record(key).value

    def holds(self, key: str, given: Mapping[str, str]) -> Record | None:
        """What is recorded for good under a key, if it is for that input."""
        record = self.record(key) if key in self._known else None
        return record if record is not None and record.final and record.input == given else None

    def record(self, key: str) -> Record:
        """What stands under a key that is recorded."""
        return encoding.at(self._descriptor, self._known[key])

    def _take_over(self, key: str, given: Mapping[str, str]) -> None:
        if self._origin is None or key in self._known:
            return
        record = self._origin.holds(key, given)
        if record is not None and self._allowed(record):
            self._append(Record(key, given, record.value, final=True, taken=True), free=True)

    def _recall(self, key: str, given: Mapping[str, str]) -> Any:
        record = self.record(key)
        was = record.input
        if was != given:
            changed = sorted(name for name in was.keys() | given.keys() if was.get(name) != given.get(name))
            raise JournalError(
                f"{self._path}: {key} was recorded for another input ({', '.join(changed)} changed): the program or a "
                "plugin is not what it was. Start a new run, take over what still holds by --fork, or set this record "
                f"aside: harness journal drop {shlex.quote(str(self._path.parent))} {shlex.quote(key)}"
            )
        return record.value

    def _may_perform(self, missing: list[str]) -> None:  # noqa: ARG002 - a ReadOnlyJournal names them in its error
        self._proceed()

    def _append(self, record: Record, free: bool = False) -> None:
        with self._lock:
            completions.require_recordable(record.key, record.value)
            place = self._size
            with self._whole():
                self._write(encoding.seal(record, self._last))
                self._waiting += 1
                due = self._waiting >= GROUP or time.monotonic() - self._synced_at >= GROUP_SECONDS
                if due or not free:
                    self._make_durable()
            self._keep(record, place)

    def _sync(self) -> None:
        """Makes durable what waits for it. After a failed write nothing does."""
        with self._lock:
            if self._waiting and not self._broken:
                with self._whole():
                    self._make_durable()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """A step after which the file is whole, or else cut back to what is durable and not written to any more."""
        if self._broken:
            raise JournalError(f"{self._path}: not written to after a failed write")
        self._broken = True  # until it is known to be whole, whatever comes in between
        try:
            yield
        except OSError as error:
            with suppress(OSError):  # what stays of the line is a torn tail, which the next opening drops
                os.ftruncate(self._descriptor, self._durable)
            raise JournalError(
                f"{self._path}: {error.strerror or error}; what was recorded before is safe, resume when it is mended"
            ) from error
        self._broken = False

    def _write(self, data: bytes) -> None:
        if os.write(self._descriptor, data) != len(data):
            raise OSError("short write")
        self._size += len(data)
        self._last = encoding.checksum(data)

    def _make_durable(self) -> None:
        os.fdatasync(self._descriptor)
        self._waiting, self._durable, self._synced_at = 0, self._size, time.monotonic()

    def _keep(self, record: Record, place: int) -> None:
        self.taken += record.taken
        self.last = record.key
        if record.final:
            self._known[record.key] = place
            return
        self.notes.append((record.key, record.value))
        if record.input:
            self._tried.add(record.key)
        if record.key == keys.DROPPED:
            self._known.pop(record.value["key"], None)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        if os.fstat(descriptor).st_size == 0:
            folders.sync_folder(self._path.parent)
        return descriptor

    def _load(self) -> int:
        """Reads what is recorded; returns how many bytes of a torn last line were dropped."""
        self._size, self._last = 0, encoding.FIRST
        for record, length, last in encoding.read(self._path, self._descriptor):
            completions.require(self._path, record.key, record.input, record.value)
            self._keep(record, self._size)
            self._size += length
            self._last = last
        torn = os.fstat(self._descriptor).st_size - self._size
        if torn and self.live:
            os.ftruncate(self._descriptor, self._size)
        self._durable = self._size
        return torn


class ReadOnlyJournal(Journal):
    """A journal that is only read: nothing is performed, nothing is written, nobody is locked out.

    A call that had failed when the run ended is part of it. Raises JournalError for an effect that is not recorded.
    """

    @property
    def live(self) -> bool:
        """Never."""
        return False

    def _open(self) -> int:
        return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)

    def _keep(self, record: Record, place: int) -> None:
        super()._keep(record, place)
        if record.final:
            self._failed.discard(record.key)
        elif record.input and (record.key not in self._known or record.key in self._failed):
            self._known[record.key] = place
            self._failed.add(record.key)

    def _may_perform(self, missing: list[str]) -> None:
        raise JournalError(
            f"{self._path}: holds no record of {missing[0]}"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}; the run did not get so far, or its plan "
            "or a plugin is another one"
        )

    def _append(self, record: Record, free: bool = False) -> None:  # noqa: ARG002 - nothing is written at all
        self._may_perform([record.key])
