"""Tells a person at the terminal how a run goes: bars where there is a screen, plain lines where there is none."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from typing import TextIO

from harness.events import RunStarted, StageAdvanced, StageFinished, StageStarted
from harness.hookspecs import hookimpl

EVERY_SECONDS = 10.0
"""Plain lines come at most this often within a stage."""


class PlainProgress:
    """One line when a stage's part starts, one when it ends, and some between for the slow ones."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._doing = ""
        self._total = 0
        self._started = self._told = 0.0

    @hookimpl
    def harness_run_started(self, event: RunStarted) -> None:
        """Says what will be done."""
        self._line(textwrap.fill(f"stages: {', '.join(event.stages)}", 80, subsequent_indent="  "))
        for part in event.simulated:
            self._line(f"SIMULATED: {part}; nothing it says comes from a real model")

    @hookimpl
    def harness_stage_started(self, event: StageStarted) -> None:
        """Says what starts."""
        self._doing, self._total = _title(event), event.total
        self._started = self._told = self._clock()

    @hookimpl
    def harness_stage_advanced(self, event: StageAdvanced) -> None:
        """Says how far it is, now and then."""
        now = self._clock()
        self._total = event.total
        if now - self._told >= EVERY_SECONDS:
            self._told = now
            left = (now - self._started) / max(event.done, 1) * (event.total - event.done)
            note = f", {event.note}" if event.note else ""
            self._line(f"{self._doing} {event.done}/{event.total}{note}, about {left:.0f} s left")

    @hookimpl
    def harness_stage_finished(self, event: StageFinished) -> None:  # noqa: ARG002 - the hook's signature
        """Says how long it took."""
        self._line(f"{self._doing} {self._total}/{self._total} in {self._clock() - self._started:.1f} s")

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class BarProgress:
    """One bar for each part of a stage, with the time that is left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=14),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            Remaining(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
        )
        self._task = self._progress.add_task("", note="", visible=False)

    @hookimpl
    def harness_run_started(self, event: RunStarted) -> None:
        """Says what will be done."""
        for part in event.simulated:
            self._console.print(f"SIMULATED: {part}; nothing it says comes from a real model", markup=False)
        self._progress.start()

    @hookimpl
    def harness_stage_started(self, event: StageStarted) -> None:
        """Starts a bar."""
        self._task = self._progress.add_task(_title(event), total=event.total or None, note="")

    @hookimpl
    def harness_stage_advanced(self, event: StageAdvanced) -> None:
        """Moves the bar."""
        self._progress.update(self._task, completed=event.done, total=event.total, note=event.note)

    @hookimpl
    def harness_stage_finished(self, event: StageFinished) -> None:  # noqa: ARG002 - the hook's signature
        """Ends the bar."""
        self._progress.update(self._task, note="")

    def close(self) -> None:
        """Leaves the terminal as it was."""
        self._progress.stop()


def _title(event: StageStarted) -> str:
    return f"[{event.place}] {event.stage}: {event.doing}"


def for_terminal() -> PlainProgress | BarProgress:
    """On standard error: bars where it is a terminal, plain lines elsewhere."""
    stream = sys.stderr
    return BarProgress() if stream.isatty() else PlainProgress(stream)
