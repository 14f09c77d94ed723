from __future__ import annotations

from pathlib import Path

import pytest

from harness.api import (
    PluginError,
    RunFailed,
    RunFinished,
    RunStarted,
    StageAdvanced,
    StageFinished,
    StageStarted,
    hookimpl,
)
from harness.registry.observers import Observers

FINISHED = StageFinished("bootstrap")


class Diary:
    """Writes down all that it is told."""

    def __init__(self, name: str = "", pages: list[object] | None = None) -> None:
        self.name = name
        self.pages: list[object] = [] if pages is None else pages

    @hookimpl
    def harness_run_started(self, event: RunStarted) -> None:
        self.pages.append(event)

    @hookimpl
    def harness_stage_started(self, event: StageStarted) -> None:
        self.pages.append(event)

    @hookimpl
    def harness_stage_advanced(self, event: StageAdvanced) -> None:
        self.pages.append(event)

    @hookimpl
    def harness_stage_finished(self, event: StageFinished) -> None:  # noqa: ARG002 - the hook's signature
        self.pages.append(self.name or FINISHED)

    @hookimpl
    def harness_run_finished(self, event: RunFinished) -> None:
        self.pages.append(event)

    @hookimpl
    def harness_run_failed(self, event: RunFailed) -> None:
        self.pages.append(event)


class Raising:
    """Fails in one hook, each time with other words."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.calls = 0

    @hookimpl
    def harness_stage_finished(self) -> None:
        self.calls += 1
        raise self.error


def test_each_event_reaches_its_hook(tmp_path: Path) -> None:
    diary = Diary()
    told = Observers([("diary", diary)])
    started = RunStarted(tmp_path, ("bootstrap",), ())
    stage, step = StageStarted("bootstrap", "3/9", "learning", 10), StageAdvanced("bootstrap", 1, 10)
    finished, failed = RunFinished(tmp_path, tmp_path / "result.json"), RunFailed(tmp_path, "no disk")
    told.run_started(started)
    told.stage_started(stage)
    told.stage_advanced(step)
    told.stage_finished(FINISHED)
    told.run_finished(finished)
    told.run_failed(failed)
    assert diary.pages == [started, stage, step, FINISHED, finished, failed]
    assert told.warnings == []


def test_observers_are_told_in_the_order_of_their_names() -> None:
    pages: list[object] = []
    told = Observers([(name, Diary(name, pages)) for name in ("c", "a", "b")])
    told.stage_finished(FINISHED)
    assert pages == ["a", "b", "c"]


@pytest.mark.parametrize("error", [ValueError("bad\nnews"), SystemExit(3), RuntimeError("bad news")])
def test_a_failing_observer_stops_neither_the_run_nor_the_others(error: BaseException) -> None:
    first, last, raising = Diary("first"), Diary("last"), Raising(error)
    told = Observers([("a", first), ("b", raising), ("c", last)])
    told.stage_finished(FINISHED)
    assert first.pages == ["first"]
    assert last.pages == ["last"]
    (warning,) = told.warnings
    message = " ".join(str(error).split())
    assert warning == f"observer 'b' failed in harness_stage_finished: {type(error).__name__}: {message}"


def test_an_observer_that_fails_each_time_is_told_on_and_warned_of_once() -> None:
    raising = Raising(ValueError("no"))
    told = Observers([("b", raising)])
    for _ in range(5):
        told.stage_finished(FINISHED)
    assert raising.calls == 5
    assert len(told.warnings) == 1


def test_an_interrupt_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        Observers([("b", Raising(KeyboardInterrupt()))]).stage_finished(FINISHED)


def test_nobody_may_be_listening() -> None:
    Observers([]).stage_finished(FINISHED)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(PluginError, match="observer 'x' is named twice"):
        Observers([("x", Diary()), ("x", Diary())])


def test_a_misspelt_hook_is_refused() -> None:
    class Typo:
        @hookimpl
        def harness_stage_finnished(self) -> None: ...

    with pytest.raises(PluginError, match="which is no hook; did you mean 'harness_stage_finished'"):
        Observers([("typo", Typo())])


def test_an_observer_without_hooks_is_refused() -> None:
    class Unmarked:
        def harness_stage_finished(self, event: StageFinished) -> None: ...

    with pytest.raises(PluginError, match="observer 'deaf' implements no hook"):
        Observers([("deaf", Unmarked())])
