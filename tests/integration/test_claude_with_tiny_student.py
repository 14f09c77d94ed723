"""The whole scheduling experiment with the Claude teacher and the bundled student, over HTTP on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import run
from harness.boundary import files
from harness.design.plan import UserSettings
from harness.registry.observers import Observers
from harness.results.checking.validation import problems_of
from tests.loopback.recorded import Recorder
from tests.loopback.server import Loopback

LIMIT = {"limit": 12}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorder]:
    """The run with the simulated teacher itself, and what it said to each prompt."""
    folder = tmp_path_factory.mktemp("local") / "run"
    plan, components = run.prepare(UserSettings(LIMIT, assignments=("teacher.slip=0",)))
    recorder = Recorder(components.teacher)
    run.start(plan, replace(components, teacher=recorder), folder, Observers([]))
    return folder, recorder


def _scores(folder: Path) -> Any:
    result = files.read(folder / "result.json")
    return [(arm["arm"], arm["split"], arm["correct"], arm["outcomes"], arm["steps"]) for arm in result["arms"]]


@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_scores_equal_those_of_the_same_replies_without_the_network(
    mode: str, local: tuple[Path, Recorder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, recorder = local
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test")
    with Loopback(recorder.answer, key="sk-ant-test") as server:
        options = (f"teacher.base_url={server.url}", f"teacher.mode={mode}", "teacher.poll_seconds=0.01")
        plan, components = run.prepare(UserSettings({**LIMIT, "teacher": "claude"}, assignments=options))
        run.start(plan, components, tmp_path / "served", Observers([]))
    assert _scores(tmp_path / "served") == _scores(folder)
    assert problems_of(tmp_path / "served" / "result.json") == []
    assert bool(server.batches) == (mode == "batch")
    calls = files.read(tmp_path / "served" / "result.json")["teacher_calls"]
    assert sum(row["cost_usd"] for row in calls) == pytest.approx(server.cost, abs=1e-5)
