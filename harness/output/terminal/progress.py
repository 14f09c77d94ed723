"""Tells a person how a run goes: a live line where there is a screen, plain lines where there is none."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from harness.api import RunStarted, StageAdvanced, StageStarted, hookimpl
from harness.boundary.text import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

EVERY_SECONDS = 10.0
"""Plain lines come at most this often within a stage."""


class Stream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> int:
        """Writes text."""

    def flush(self) -> None:
        """Makes it seen."""


class PlainProgress:
    """One line when a stage's part starts, one when it ends, and some between for the slow ones."""

    def __init__(self, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._doing = ""
        self.total = 0
        self._started = self._told = 0.0

    @hookimpl
    def harness_run_started(self, event: RunStarted) -> None:
        """Says what will be done."""
        self._line(f"run directory: {event.run_dir}")
        stages = f"stages: {', '.join(event.stages)}"
        self._line(textwrap.fill(stages, 80, subsequent_indent="  ", break_on_hyphens=False))
        for part in event.simulated:
            self._line(f"SIMULATED: {part}; nothing it says comes from a real model")
        if event.forecast:
            self._line(f"{event.forecast}; --dry-run shows it by stage")
        for warning in event.warnings:
            self._line(textwrap.fill(f"warning: {warning}", 80, subsequent_indent="  ", break_on_hyphens=False))

    @hookimpl
    def harness_stage_started(self, event: StageStarted) -> None:
        """Says what starts."""
        self._doing, self.total = _title(event), event.total
        self._started = self._told = self._clock()

    @hookimpl
    def harness_stage_advanced(self, event: StageAdvanced) -> None:
        """Says how far it is, now and then."""
        now = self._clock()
        self.total = event.total
        if now - self._told >= EVERY_SECONDS:
            self._told = now
            left = (now - self._started) / max(event.done, 1) * (event.total - event.done)
            note = f", {event.note}" if event.note else ""
            self._line(f"{self._doing} {event.done}/{event.total}{note}, ~{left:.0f} s left")

    @hookimpl
    def harness_stage_finished(self) -> None:
        """Says how long it took."""
        self._line(f"{self._doing} {self.total}/{self.total} in {self._clock() - self._started:.1f} s")

    def _line(self, text: str) -> None:
        self._stream.write(printable(text) + "\n")
        self._stream.flush()


class LiveProgress:
    """A live line for what goes on now, with the time that is left; what is done stays as a plain line above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = [TextColumn(f"{{task.{field}}}", markup=False) for field in ("description", "fields[note]")]
        self._progress = Progress(SpinnerColumn(), *columns, TimeRemainingColumn(), console=console, transient=True)
        self._plain = PlainProgress(_Above(console))
        self._task = self._progress.add_task("", note="", visible=False)

    @hookimpl
    def harness_run_started(self, event: RunStarted) -> None:
        """Says what will be done."""
        self._plain.harness_run_started(event)
        self._progress.start()

    @hookimpl
    def harness_stage_started(self, event: StageStarted) -> None:
        """Starts a live line."""
        self._plain.harness_stage_started(event)
        self._task = self._progress.add_task(_title(event), total=event.total or None, note="")

    @hookimpl
    def harness_stage_advanced(self, event: StageAdvanced) -> None:
        """Moves it."""
        note = one_line(f"{event.done}/{event.total} {event.note}")
        self._progress.update(self._task, completed=event.done, total=event.total, note=note)
        self._plain.total = event.total

    @hookimpl
    def harness_stage_finished(self) -> None:
        """Replaces it by a plain one."""
        self._progress.remove_task(self._task)
        self._plain.harness_stage_finished()

    def close(self) -> None:
        """Leaves the terminal as it was."""
        self._progress.stop()


class _Above:
    """A stream whose lines appear above the live line."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, text: str) -> int:
        self._console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def _title(event: StageStarted) -> str:
    seed = "" if event.training_seed is None else f", seed {event.training_seed}"
    return one_line(f"[{event.place}] {event.stage}{seed}: {event.doing}")


def for_terminal() -> PlainProgress | LiveProgress:
    """On standard error: a live line where it is a terminal, plain lines alone elsewhere."""
    stream = sys.stderr
    return LiveProgress() if stream.isatty() else PlainProgress(stream)
