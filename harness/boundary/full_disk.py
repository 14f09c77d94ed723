"""A disk that is full is told as that, however a library wraps what the system has said. Nothing here makes room."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

NUMBERS = (errno.ENOSPC, errno.EDQUOT)
LEAST = 2**20
"""Bytes below which nothing more can be written to a disk that is worth it."""
WRITING = re.compile(r"writ|sav(e|ing)|flush", re.IGNORECASE)
"""Words of a library that could not write, and does not say why."""


def told(error: BaseException, folder: Path) -> str | None:
    """What is full, and in which way, if an error on the way to a file in a folder goes back to that; None otherwise.

    Goes by the number of an error, by the system's words in the text of one that wraps it, and for a library that keeps
    neither by its complaint about a write where the disk has no room left.
    """
    for each in _behind(error):
        for number in NUMBERS:
            said = os.strerror(number)
            if isinstance(each, OSError) and each.errno == number:
                return f"{each.filename or folder}: {said}"
            if said.lower() in str(each).lower() or re.search(
                rf"\b(os error|errno\W?) {number}\b", str(each), re.IGNORECASE
            ):
                return f"{folder}: {said}"
    if any(WRITING.search(str(each)) for each in _behind(error)) and _free(folder) < LEAST:
        return f"{folder}: {os.strerror(errno.ENOSPC)}"
    return None


def _behind(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it was raised for, the outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [
            each.__cause__,
            each.__context__,
            *(each.exceptions if isinstance(each, BaseExceptionGroup) else ()),
        ]


def _free(folder: Path) -> int:
    """Bytes that are free where a folder is, or was."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    return shutil.disk_usage(there).free
