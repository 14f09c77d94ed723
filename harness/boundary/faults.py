"""What nobody foresaw, turned into one line with the suspicion that it deserves: plugin code runs in many places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.api import HarnessError
from harness.boundary.text import one_line


@contextmanager
def suspected(doing: str) -> Iterator[None]:
    """Raises HarnessError for an error that nobody foresaw. Those that are fit to show, and the disk's, pass.

    A connection is no disk: a pipe that breaks is that of a plugin's own process.
    """
    try:
        yield
    except Exception as error:
        foreseen = isinstance(error, HarnessError)
        if foreseen or (isinstance(error, OSError) and not isinstance(error, ConnectionError)):
            raise
        what = f"{doing} failed, in the code of a plugin or of the harness: {type(error).__name__}: {error}"
        raise HarnessError(one_line(f"{what}; put --traceback after `harness` to see where")) from error
