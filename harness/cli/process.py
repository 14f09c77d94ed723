"""The process around a verb: its standard streams, and its end where something holds it.

What a verb prints, and what an error says, is not decided here.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from typing import TextIO

import click

EXIT_INTERRUPTED = 130
COLLECT = 100_000, 20, 50
"""When cycles are looked for: a verb makes many rows, few of them in one, and looking took a twentieth of its time."""

_OUTPUT: ContextVar[TextIO] = ContextVar("_OUTPUT")


class Verb(click.Command):
    """A verb, or a part of one. What a plugin prints meanwhile goes to standard error, beside what the verb says."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs it."""
        gc.set_threshold(*COLLECT)
        with printing_aside():
            return super().invoke(ctx)


class Parts(click.Group):
    """A verb that has parts."""

    command_class = Verb


@contextmanager
def printing_aside() -> Iterator[None]:
    """``sys.stdout`` is standard error meanwhile, and only ``output`` is the true one.

    It is that of Python: what a plugin's own processes or libraries in C write there, they must see to themselves.
    """
    before = _OUTPUT.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _OUTPUT.reset(before)


def output() -> TextIO:
    """Where the output of a verb goes."""
    return _OUTPUT.get(sys.stdout)


def mend_streams() -> None:
    """Makes sure that standard error can be written to, whatever became of it, and that no file takes its place.

    A descriptor that is closed is the next one that is opened: the journal would get what is meant for the terminal.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "backslashreplace")
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        raw = io.BufferedWriter(_Unbreakable(2, "w", closefd=False))  # type: ignore[type-var]  # it writes any buffer
        encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
        sys.stderr = io.TextIOWrapper(raw, encoding, "backslashreplace", line_buffering=True)


class _Unbreakable(io.FileIO):
    """Standard error: with nobody left to read it, nothing is left to say."""

    def write(self, data: bytes) -> int:  # type: ignore[override]  # any buffer
        try:
            return super().write(data)
        except OSError:
            return len(data)


def leave(last_words: str) -> None:
    """Ends the process now, whatever its threads wait for. What is recorded is safe, as after a kill."""
    with suppress(OSError):
        os.write(2, last_words.encode(errors="backslashreplace"))
    os._exit(EXIT_INTERRUPTED)
