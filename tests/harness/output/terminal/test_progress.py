from __future__ import annotations

import io
from pathlib import Path

from harness.api import RunStarted, StageAdvanced, StageStarted
from harness.output.terminal.progress import PlainProgress


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_slow_stage_says_now_and_then_how_far_it_is_and_what_is_left() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = PlainProgress(stream, clock)
    progress.harness_stage_started(StageStarted("student-lora", "6/9", "training", 0, 101002))
    for step, now in ((1, 2.0), (2, 11.0), (3, 12.0), (4, 22.0)):
        clock.now = now
        progress.harness_stage_advanced(StageAdvanced("student-lora", step, 8, "loss 0.5"))
    clock.now = 30.0
    progress.harness_stage_finished()
    assert stream.getvalue().splitlines() == [
        "[6/9] student-lora, seed 101002: training 2/8, loss 0.5, ~33 s left",
        "[6/9] student-lora, seed 101002: training 4/8, loss 0.5, ~22 s left",
        "[6/9] student-lora, seed 101002: training 8/8 in 30.0 s",
    ]


def test_what_is_simulated_is_said_first() -> None:
    stream = io.StringIO()
    PlainProgress(stream).harness_run_started(RunStarted(Path("run"), ("teacher-base",), ("teacher toy",)))
    assert "SIMULATED: teacher toy" in stream.getvalue()
