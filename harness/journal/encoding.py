"""The lines of a journal: how a record becomes one, and a line a record again. Nothing here writes, or decides.

A line is the first 16 hexadecimal digits of a SHA-256, a space, canonical JSON, and a newline. The SHA-256 is that of
the digits of the line before, a space, and the JSON, so that a line cannot be taken out, put in or moved unseen.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import JournalError
from harness.boundary import files

DIGITS = 16
FIRST = b"0" * DIGITS
"""What stands for the digits before the first line."""
LINE = 4096
"""Bytes that are read of a line at first, and as many as are read by then where they are too few."""
FIELDS = {"key": str, "input": dict, "value": object, "final": bool, "taken": bool}


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a journal."""

    key: str
    input: Mapping[str, str]
    """Digest of each part of the effect's input; empty for a note."""
    value: Any
    final: bool
    """Whether it stands for good. One that does not (a failed call) is tried again by a resume."""
    taken: bool = False
    """Whether it was taken over from another journal."""


def digests(given: Any) -> dict[str, str]:
    """Digest of each part of an effect's input, so that a difference has a name."""
    parts = given if isinstance(given, Mapping) else {"input": given}
    return {str(name): files.digest(part) for name, part in parts.items()}


def seal(record: Record, last: bytes) -> bytes:
    """The line of a record that follows a line with the digits ``last``."""
    body = files.canonical(record).encode("utf-8", "surrogatepass")
    return _digits(last, body) + b" " + body + b"\n"


def checksum(line: bytes) -> bytes:
    """The digits of a line."""
    return line[:DIGITS]


def at(descriptor: int, place: int) -> Record:
    """The record of the line that begins at this byte of an open file, which was read or written before."""
    line, wanted = b"", LINE
    while not line.endswith(b"\n"):
        more = os.pread(descriptor, wanted, place + len(line))
        if not more:
            raise JournalError(f"the journal was changed while it was open, at byte {place}")
        line += more[: more.find(b"\n") + 1] or more
        wanted = len(line)
    record = _record(line[DIGITS + 1 : -1])
    if record is None:
        raise JournalError(f"the journal was changed while it was open, at byte {place}")
    return record


def read(path: Path, descriptor: int) -> Iterator[tuple[Record, int, bytes]]:
    """Every whole line of an open file from its beginning: record, length in bytes, digits.

    A last line without its newline is what a crash leaves: it is left out. Raises JournalError, naming the line, for
    damage anywhere else, and for what is no file.
    """
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise JournalError(f"{path}: not a regular file; restore the file or start a new run")
    last, number = FIRST, 0
    with open(descriptor, "rb", closefd=False) as stream:
        stream.seek(0)
        while (line := stream.readline(files.MAX_BYTES)).endswith(b"\n"):
            number += 1
            record = _unseal(line[:-1], last)
            if record is None:
                raise JournalError(f"{path}: line {number} is damaged; restore the file or start a new run")
            last = checksum(line)
            yield record, len(line), last
    if len(line) == files.MAX_BYTES:
        raise JournalError(f"{path}: line {number + 1} is damaged; restore the file or start a new run")


def _digits(last: bytes, body: bytes) -> bytes:
    return hashlib.sha256(last + b" " + body).hexdigest()[:DIGITS].encode()


def _unseal(line: bytes, last: bytes) -> Record | None:
    """The record of a line, or None if the line is not what was written."""
    digits, _, body = line.partition(b" ")
    return _record(body) if _digits(last, body) == digits else None


def _record(body: bytes) -> Record | None:
    try:
        value = files.if_canonical(body)
        if value is files.UNKNOWN:
            value = files.parse(body.decode("utf-8", "surrogatepass"))
        if value.keys() == FIELDS.keys() and all(isinstance(value[name], FIELDS[name]) for name in FIELDS):
            return Record(**value)
    except (ValueError, AttributeError):
        pass
    return None
