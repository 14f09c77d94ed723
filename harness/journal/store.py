"""The append-only record of every effect of a run: teacher calls, student generations, trainings.

An effect that is recorded is never repeated, so a resume is the same program run again. What an effect means is not
known here: a record is a key, digests of the effect's input, and a JSON value. How a record becomes a line of the file,
and a line a record again, is for ``encoding`` to say; what the value under a key must be, for ``completions``.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from harness.api import JournalError, UsageError
from harness.boundary import files
from harness.boundary.text import did_you_mean
from harness.journal import completions, encoding, keys
from harness.journal.encoding import Record

Recorded = tuple[str, Any, bool]
"""Key, value, and whether it is final. One that is not final (a failed call) is tried again by a resume."""


def _go_on() -> None:
    """Nothing speaks against another effect."""


class Journal:
    """The journal of one run. Opened by one process at a time; see ``run_dirs.locked``.

    ``proceed`` is called before effects are performed, and may raise to perform none. Raises JournalError for a file
    that is damaged, whose records do not hold what their keys stand for, or that is no file, and OSError.
    """

    def __init__(self, path: Path, proceed: Callable[[], None] = _go_on) -> None:
        self._path = path
        self._proceed = proceed
        self._known: dict[str, Record] = {}
        self._origin: Journal | None = None
        self._allowed: Callable[[Record], bool] = bool
        self.last: str | None = None
        """Key of the last record."""
        self._tried: set[str] = set()
        self.notes: list[tuple[str, Any]] = []
        """Key and value of every record that is not final, in order: what happened on the way to an effect."""
        self.taken = 0
        """How many records were taken over from another journal."""
        self._broken = False
        self._lock = Lock()  # a teacher may write into its ledger from a thread of its own
        self._descriptor = self._open()
        try:
            self.dropped_bytes = self._load()
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def records(self) -> list[Record]:
        """What stands under each key, in the order in which the keys were recorded first."""
        return list(self._known.values())

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
        return self.fill({key: given}, lambda _: [(key, effect(), True)])[key]

    def fill(self, wanted: Mapping[str, Any], perform: Callable[[list[str]], Iterable[Recorded]]) -> dict[str, Any]:
        """The values of many effects: those recorded, and the others as ``perform(missing keys)`` yields them.

        Each is recorded the moment it is yielded. ``wanted`` gives the input of each key. Raises JournalError if a key
        was recorded for another input, or if ``perform`` leaves one out.
        """
        inputs = {key: encoding.digests(given) for key, given in wanted.items()}
        for key, given in inputs.items():
            self._take_over(key, given)
        values = {key: self._recall(key, given) for key, given in inputs.items() if key in self._known}
        missing = [key for key in wanted if key not in values]
        if missing:
            self._may_perform(missing)
            for key, value, final in perform(missing):
                if key not in inputs or key in values:
                    raise JournalError(f"an answer came for {key!r}, which was not asked for, or had been answered")
                self._append(Record(key, inputs[key], value, final))
                values[key] = value
        absent = [key for key in wanted if key not in values]
        if absent:
            raise JournalError(f"no answer came for {len(absent)} of {len(wanted)} requests, the first is {absent[0]}")
        return values

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
        value = self._known[key].value
        self.note(keys.DROPPED, {"key": key, "value": value})
        return value

    def recorded(self, key: str) -> Any:
        """What is recorded of the effect under a key, or None: what is final, or in a ``ReadOnlyJournal`` the last."""
        return self._known[key].value if key in self._known else None

    def input(self, key: str) -> Mapping[str, str]:
        """The digests of what the effect under a key was given; none for one that is not recorded."""
        return self._known[key].input if key in self._known else {}

    @property
    def open(self) -> set[str]:
        """Keys of the effects that were tried and came to no end: a resume tries them again."""
        return {key for key in self._tried if key not in self._known or not self._known[key].final}

    def trainings(self) -> Iterator[tuple[str, Any]]:
        """The name and the record of each training."""
        for key in self._known:
            if key.startswith(keys.TRAININGS):
                yield key.removeprefix(keys.TRAININGS), self._known[key].value

    def holds(self, key: str, given: Mapping[str, str]) -> Record | None:
        """What is recorded for good under a key, if it is for that input."""
        record = self._known.get(key)
        return record if record is not None and record.final and record.input == given else None

    def _take_over(self, key: str, given: Mapping[str, str]) -> None:
        if self._origin is None or key in self._known:
            return
        record = self._origin.holds(key, given)
        if record is not None and self._allowed(record):
            self._append(Record(key, given, record.value, final=True, taken=True))

    def _recall(self, key: str, given: Mapping[str, str]) -> Any:
        was = self._known[key].input
        if was != given:
            changed = sorted(name for name in was.keys() | given.keys() if was.get(name) != given.get(name))
            raise JournalError(
                f"{self._path}: {key} was recorded for another input ({', '.join(changed)} changed): the program or a "
                "plugin is not what it was. Start a new run, take over what still holds by --fork, or set this record "
                f"aside: harness journal drop {shlex.quote(str(self._path.parent))} {shlex.quote(key)}"
            )
        return self._known[key].value

    def _may_perform(self, missing: list[str]) -> None:  # noqa: ARG002 - a ReadOnlyJournal names them in its error
        self._proceed()

    def _append(self, record: Record) -> None:
        with self._lock:
            completions.require_recordable(record.key, record.value)
            self._write(encoding.seal(record, self._last))
            self._keep(record)

    def _write(self, data: bytes) -> None:
        """Writes one line, durably or not at all."""
        if self._broken:
            raise JournalError(f"{self._path}: not written to after a failed write")
        self._broken = True  # until it is known to be whole, whatever comes in between
        before = None
        try:
            before = os.fstat(self._descriptor).st_size
            if os.write(self._descriptor, data) != len(data):
                raise OSError("short write")
            os.fdatasync(self._descriptor)
        except OSError as error:
            if before is not None:
                with suppress(OSError):  # what stays of the line is a torn tail, which the next opening drops
                    os.ftruncate(self._descriptor, before)
            raise JournalError(
                f"{self._path}: {error.strerror or error}; what was recorded before is safe, resume when it is mended"
            ) from error
        self._broken = False
        self._last = encoding.checksum(data)

    def _keep(self, record: Record) -> None:
        self.taken += record.taken
        self.last = record.key
        if record.final:
            self._known[record.key] = record
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
            files.sync_folder(self._path.parent)
        return descriptor

    def _load(self) -> int:
        """Reads what is recorded; returns how many bytes of a torn last line were dropped."""
        whole, self._last = 0, encoding.FIRST
        for record, length, last in encoding.read(self._path, self._descriptor):
            completions.require(self._path, record.key, record.input, record.value)
            self._keep(record)
            whole += length
            self._last = last
        torn = os.fstat(self._descriptor).st_size - whole
        if torn and self.live:
            os.ftruncate(self._descriptor, whole)
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

    def _keep(self, record: Record) -> None:
        super()._keep(record)
        known = self._known.get(record.key)
        if record.input and not (known and known.final):
            self._known[record.key] = record

    def _may_perform(self, missing: list[str]) -> None:
        raise JournalError(
            f"{self._path}: holds no record of {missing[0]}"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}; the run did not get so far, or its plan "
            "or a plugin is another one"
        )

    def _append(self, record: Record) -> None:
        self._may_perform([record.key])
