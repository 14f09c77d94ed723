"""The problems of a task, asked for once: whoever needs them in a run gets what it gave the first time.

Making them can be slow, as where a task searches for hard ones or reads a large file: then a person is told what is
waited for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

from harness.api import Problem

PATIENCE = 2.0
"""Seconds after which a person is told."""

Ask = Callable[[str, int], Sequence[Problem]]


def asked_once(task: Any) -> Any:
    """A guarded task whose ``problems`` remembers what it gave for a split and a count. What it raises is not kept."""
    task.problems = _remembering(task.problems)
    return task


def _remembering(ask: Ask) -> Ask:
    known: dict[tuple[str, int], Sequence[Problem]] = {}

    def problems(split: str, count: int) -> Sequence[Problem]:
        if (split, count) not in known:
            with _told_if_slow(f"making {count} problems of {split}"):
                known[split, count] = ask(split, count)
        return known[split, count]

    return problems


@contextmanager
def _told_if_slow(doing: str) -> Iterator[None]:
    """Says on standard error what is going on, once it has taken longer than a person waits without asking."""
    timer = Timer(PATIENCE, _say, [doing])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(doing: str) -> None:
    with suppress(OSError, ValueError):  # a stream that is closed: nobody waits
        sys.stderr.write(f"{doing} ...\n")
        sys.stderr.flush()
