"""The append-only record of every effect of a run: teacher calls, student generations, trainings.

An effect that is recorded is never repeated, so a resume is the same program run again. What an effect means is not
known here: a record is a key, the digest of the effect's input, and a JSON value.

A line of the file is the first 16 hexadecimal digits of the SHA-256 of what follows, a space, canonical JSON, and a
newline. A torn last line is what a crash leaves; it is dropped. Damage anywhere else is refused.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from harness import files
from harness.errors import JournalError

Recorded = tuple[str, Any, bool]
"""Key, value, and whether it is final. One that is not final (a failed call) is tried again by a resume."""


class Journal:
    """The journal of one run. Opened by one process at a time; see ``locked``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inputs: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self.notes: list[tuple[str, Any]] = []
        """Key and value of every record that is not final, in order: what happened on the way to an effect."""
        self.dropped_bytes = self._load()
        created = not path.exists()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if created:
            files.sync_folder(path.parent)
        self._broken = False
        self._lock = Lock()  # a teacher may write into its ledger from a thread of its own

    def close(self) -> None:
        """Closes the file. What was recorded is already durable."""
        os.close(self._descriptor)

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
        inputs = {key: files.digest(given) for key, given in wanted.items()}
        values = {key: self._recall(key, given) for key, given in inputs.items() if key in self._values}
        missing = [key for key in wanted if key not in values]
        if missing:
            for key, value, final in perform(missing):
                if key not in inputs or key in values:
                    raise JournalError(f"an answer came for {key!r}, which was not asked for, or had been answered")
                self._append(key, inputs[key], value, final)
                values[key] = value
        absent = [key for key in wanted if key not in values]
        if absent:
            raise JournalError(f"no answer came for {len(absent)} of {len(wanted)} requests, the first is {absent[0]}")
        return values

    def note(self, key: str, value: Any) -> None:
        """Records something that happened on the way to an effect."""
        self._append(key, "", value, final=False)

    def settle(self, key: str, given: Any, value: Any) -> None:
        """Makes a value final that was recorded as one to try again: from here on, other effects depend on it."""
        if key not in self._values:
            self._append(key, files.digest(given), value, final=True)

    def recorded(self, key: str) -> Any:
        """The final value under a key, or None."""
        return self._values.get(key)

    def _recall(self, key: str, given: str) -> Any:
        if self._inputs[key] != given:
            raise JournalError(
                f"{self._path}: {key} was recorded for another input; the program or a plugin has changed since. "
                "Start a new run"
            )
        return self._values[key]

    def _append(self, key: str, given: str, value: Any, final: bool) -> None:
        data = _seal(files.canonical({"key": key, "input": given, "final": final, "value": value}))
        with self._lock:
            self._write(data)
            self._keep(key, given, value, final)

    def _write(self, data: bytes) -> None:
        """Writes one line, durably or not at all."""
        if self._broken:
            raise JournalError(f"{self._path}: not written to after a failed write")
        before = os.fstat(self._descriptor).st_size
        try:
            if os.write(self._descriptor, data) != len(data):
                raise OSError("short write")
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._broken = True
            os.ftruncate(self._descriptor, before)
            raise JournalError(
                f"{self._path}: {error.strerror or error}; what was recorded before is safe, resume when it is mended"
            ) from error

    def _keep(self, key: str, given: str, value: Any, final: bool) -> None:
        if final:
            self._inputs[key], self._values[key] = given, value
        else:
            self.notes.append((key, value))

    def _load(self) -> int:
        """Reads what is recorded; returns how many bytes of a torn last line were dropped."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return 0
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].split(b"\n")[:-1], 1):
            record = _unseal(line)
            if record is None:
                raise JournalError(f"{self._path}: line {number} is damaged; restore the file or start a new run")
            self._keep(record["key"], record["input"], record["value"], record["final"])
        if whole < len(data):
            os.truncate(self._path, whole)
        return len(data) - whole


def _seal(body: str) -> bytes:
    data = body.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:16].encode() + b" " + data + b"\n"


def _unseal(line: bytes) -> Any:
    """The record of a line, or None if the line is not what was written."""
    checksum, _, data = line.partition(b" ")
    if hashlib.sha256(data).hexdigest()[:16].encode() != checksum:
        return None
    return files.parse(data.decode("utf-8", "surrogatepass"))


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Holds a run directory for this process. Raises JournalError at once if another process holds it.

    The lock is the kernel's and ends with the process, however it ends; the file only says who holds it.
    """
    descriptor = os.open(run_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode("utf-8", "replace").strip()
            raise JournalError(f"{run_dir} is in use by {holder or 'another process'}; wait for it to end") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        os.close(descriptor)
