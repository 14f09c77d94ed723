"""What nobody foresaw, turned into one line that says in whose code it arose: plugin code runs in many places.

Which plugins there are is not known here; whoever imports one says by ``know`` which code is its own.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from harness.api import HarnessError, PluginError, UsageError
from harness.boundary.text import one_line

OURS = "harness"
TRANSPARENT = ("harness.api", "harness.boundary.faults", "harness.registry")
"""Code of the harness that plugin code is called through: a fault below it is not its own."""
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""A disk that is full or broken is that, whoever finds it out."""
WHERE = "put --traceback after `harness` to see where"


class FaultError(HarnessError):
    """A fault of a plugin in a run that is under way."""

    @property
    def transient(self) -> bool:
        """Whether the same code may do better another time, as after a fault of a network."""
        cause: BaseException | None = self
        while isinstance(cause, HarnessError):
            cause = cause.__cause__
        return isinstance(cause, OSError)


_AUTHORS: dict[str, list[str]] = {}
"""Who has code in a top package."""


def know(module: str, who: str) -> None:
    """From now on the code of a module, and of all that lies in the same top package, is a plugin's: ``who``.

    A part of the harness that is offered as a plugin stays the harness's.
    """
    if _top(module) != OURS and who not in (authors := _AUTHORS.setdefault(_top(module), [])):
        authors.append(who)


def known(module: str) -> str | None:
    """Whose code a module is: of all who have any in its top package. None for code that nobody has spoken for."""
    return " or ".join(_AUTHORS.get(_top(module), ())) or None


def author(error: BaseException) -> str | None:
    """In whose code an error arose: what ``know`` was told, ``harness``, or None where no frame of either is left.

    The innermost frame of a plugin or of the harness counts: what a library raises is the affair of its caller.
    """
    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if theirs := known(module):
            found = theirs
        elif _top(module) == OURS and not module.startswith(TRANSPARENT):
            found = OURS
    return found


def passes(error: BaseException) -> bool:
    """Whether an error that came out of plugin code is told as it is: one that is fit to show, the user's, a disk's."""
    if isinstance(error, OSError):
        return error.errno in DISK or (author(error) == OURS and not isinstance(error, ConnectionError))
    return isinstance(error, HarnessError | KeyboardInterrupt)


def line(who: str, doing: str, error: BaseException) -> str:
    """One line on what a plugin's code raised: who, what it was doing, and what is to be done about it."""
    said = f"{type(error).__name__}: {error}".removesuffix(": ")
    again = "if it comes again, mend" if isinstance(error, OSError) else "mend"
    return one_line(f"{who} failed in {doing}: {said}; {again} or update the plugin; {WHERE}")


@contextmanager
def suspected(doing: str, kind: type[HarnessError] = HarnessError) -> Iterator[None]:
    """Raises an error of this kind for what nobody foresaw. What is fit to show, and the disk's, passes.

    A connection is no disk: a pipe that breaks is that of a plugin's own process. Once a run is under way, a fault of a
    plugin is no longer bad input.
    """
    try:
        yield
    except PluginError as error:
        if issubclass(kind, UsageError):
            raise
        raise FaultError(str(error)) from error
    except BaseException as error:
        if passes(error):
            raise
        who = author(error)
        if who not in (None, OURS):
            raise (kind if issubclass(kind, UsageError) else FaultError)(line(str(who), doing, error)) from error
        if not isinstance(error, Exception):
            raise  # the program is to end
        if isinstance(error, OSError) and not isinstance(error, ConnectionError):
            raise
        what = f"{doing} failed, in the code of a plugin or of the harness: {type(error).__name__}: {error}"
        raise kind(one_line(f"{what}; {WHERE}")) from error


def _top(module: str) -> str:
    return module.partition(":")[0].partition(".")[0]
