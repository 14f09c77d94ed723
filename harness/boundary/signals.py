"""How a user ends a run early: the first Ctrl-C or SIGTERM asks it to stop, the second stops it at once.

A run that is asked to stop performs no further effect; what is under way is finished and recorded. The journal and the
ledger call ``proceed`` before each.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from harness.api import StoppedError

ASKED = b"\nharness: finishing what is under way; Ctrl-C again stops at once\n"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE = 0.6
"""Seconds that a run may take to end by itself after the second signal."""


class StopRequest:
    """Whether the user has asked the run to stop.

    ``leave`` ends the process. It is called where the process has not ended by itself GRACE seconds after the second
    signal: plugin code may wait in a place, or in a thread, that no exception reaches.
    """

    def __init__(self, leave: Callable[[], None] | None = None) -> None:
        self.asked = False
        self._leave = leave

    def proceed(self) -> None:
        """Raises StoppedError once the user has asked."""
        if self.asked:
            raise StoppedError("stopped as asked; what is recorded is kept, and nothing more was bought")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals meanwhile. Only the main thread can; the second signal raises KeyboardInterrupt."""
        before = {number: signal.signal(number, self._take) for number in SIGNALS}
        try:
            with self._watched():
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self.asked and self._leave:  # the process may still wait for a thread
                for number in SIGNALS:
                    signal.signal(number, self._end)

    def _take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        with suppress(OSError):
            os.write(2, ASKED)  # a stream may be in the middle of a write of its own

    def _end(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self._leave:
            self._leave()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """A thread counts the signals, too: a handler of Python waits for code of a library in C to come back."""
        if self._leave is None:
            yield
            return
        source, sink = os.pipe()
        os.set_blocking(sink, False)
        before = signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=_deafened)
        threading.Thread(target=self._watch, args=(source, self._leave), daemon=True).start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            os.close(sink)

    def _watch(self, source: int, leave: Callable[[], None]) -> None:
        seen = 0
        while number := os.read(source, 1):
            seen += number[0] in SIGNALS
            if seen == 2:
                time.sleep(GRACE)
                leave()
        os.close(source)


def _deafened() -> None:
    """A fork hears the signals of its terminal as well: they would count twice."""
    signal.set_wakeup_fd(-1)
