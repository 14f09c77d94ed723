"""How a user ends a run early: the first Ctrl-C or SIGTERM asks it to stop, the second stops it at once.

A run that is asked to stop performs no further effect; what is under way is finished and recorded. The journal and the
ledger call ``proceed`` before each.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.api import StoppedError

ASKED = b"\nharness: finishing what is under way; Ctrl-C again stops at once\n"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether the user has asked the run to stop."""

    def __init__(self) -> None:
        self.asked = False

    def proceed(self) -> None:
        """Raises StoppedError once the user has asked."""
        if self.asked:
            raise StoppedError("stopped as asked; what is recorded is kept, and nothing more was bought")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals meanwhile. Only the main thread can; the second signal raises KeyboardInterrupt."""
        before = {number: signal.signal(number, self._take) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, ASKED)  # a stream may be in the middle of a write of its own
