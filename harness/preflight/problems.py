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

from harness.api import Drifting, Problem

PATIENCE = 2.0
"""Seconds after which a person is told."""

Ask = Callable[..., Sequence[Problem]]


def asked_once(task: Any) -> Any:
    """A guarded task that remembers what it gave when it was asked the same. What it raises is not kept."""
    task.problems = _remembering(task.problems)
    if isinstance(task, Drifting):
        task.window = _remembering(task.window)  # type: ignore[method-assign]  # a guarded object has no class of ours
    return task


def _remembering(ask: Ask) -> Ask:
    known: dict[tuple[str | int, ...], Sequence[Problem]] = {}

    def problems(split: str, *window: int) -> Sequence[Problem]:
        """Of a split with a count, or with a window, the number of windows and a count."""
        if (split, *window) not in known:
            with _told_if_slow(f"making {window[-1]} problems of {split}"):
                known[split, *window] = ask(split, *window)
        return known[split, *window]

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
