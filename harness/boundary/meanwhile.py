"""Work that a process of its own does meanwhile, on another core."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from harness.api import HarnessError

T = TypeVar("T")


@contextmanager
def doing(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Begins the work, and gives what waits for its outcome; what the work raises is raised there.

    The process is a copy of this one, ends with it, and is ended where nobody waits any more. Raises HarnessError where
    something else has ended it.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(work, there), daemon=True)
    process.start()
    there.close()
    try:
        yield lambda: _outcome(here)
    finally:
        process.kill()
        process.join()
        here.close()


def _do(work: Callable[[], Any], there: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # this process is ended by the one that began it
    try:
        there.send((work(), None))
    except Exception as error:
        there.send((None, error))


def _outcome(here: Connection) -> Any:
    try:
        made, error = here.recv()
    except EOFError:
        raise HarnessError(
            "a process that did part of the work was ended from outside; is there enough memory?"
        ) from None
    if error is not None:
        raise error
    return made
