"""A disk that fails, or a process that dies, at the n-th call that reaches the disk.

Calls are counted in this process, by the functions of ``os`` through which a run writes, syncs, opens, names and
removes files. Works wherever Python does; which outcome is right is for the tests to say.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CALLS = ("write", "fdatasync", "fsync", "open", "replace", "rename", "ftruncate", "mkdir", "unlink", "rmdir")


class Boundaries:
    """Counts calls; at number ``at`` it acts, before the call is made, or after it with ``after``.

    ``act`` may raise, or end the process. With ``lasting`` it acts at every later call too.
    """

    def __init__(
        self, at: int, act: Callable[[str], None], after: bool = False, lasting: bool = False, calls: Any = CALLS
    ) -> None:
        self.at, self.act, self.after, self.lasting, self.calls = at, act, after, lasting, calls
        self.count = 0
        self.names: list[str] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every call meanwhile is counted."""
        real = {name: getattr(os, name) for name in self.calls}
        for name in self.calls:
            setattr(os, name, self._wrapped(name, real[name]))
        try:
            yield
        finally:
            for name, call in real.items():
                setattr(os, name, call)

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            self.names.append(name)
            due = self.count == self.at or (self.lasting and self.count > self.at)
            if due and not self.after:
                self.act(name)
            value = call(*args, **kwargs)
            if due and self.after:
                self.act(name)
            return value

        return wrapped


def kill(_: str) -> None:
    """What ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], object]) -> int:
    """Does some work in a forked process. Returns its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
