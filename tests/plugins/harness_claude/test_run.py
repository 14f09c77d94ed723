"""The whole experiment through the real SDK, with toys for everything but the teacher."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import pytest

from harness import run
from harness.api import BudgetError
from harness.audit import EXIT_BLOCKED
from harness.boundary import files
from harness.design.plan import UserSettings
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness.registry.observers import Observers
from harness.results.checking.validation import problems_of
from harness_claude.options import Options
from harness_claude.teacher import create
from tests.conftest import ToyRun
from tests.loopback.faults import GOOD as ODD
from tests.loopback.faults import LOST, UNBILLED
from tests.loopback.recorded import Recorder
from tests.loopback.server import Loopback
from tests.toys import CHOSEN, GOOD

REPOSITORY = Path(__file__).parents[3]
FOLDERS = ("plugins", "tasks", "schemas")
ClaudeRun = Callable[..., Path]


def _says(prompt: str) -> str:
    """What the toy teacher says to the same prompt."""
    system, _, question = prompt.partition("\n")
    if question == "reflect":
        return GOOD
    return "so " + (("ODD" if int(question) % 2 else "EVEN") if GOOD in system else "EVEN")


@pytest.fixture
def claude_site(toy_site: Path) -> Path:
    """The toys' folder on the import path, in which the teacher `claude` is installed too."""
    if not metadata.entry_points(group="harness.teachers", name="claude"):
        info = toy_site / "harness_claude_dev-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harness-claude-dev\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[harness.teachers]\nclaude = harness_claude\n")
    return toy_site


@pytest.fixture
def claude_run(toy_run: ToyRun, claude_site: Path) -> ClaudeRun:  # noqa: ARG001 - the plugin must be installed
    """Runs the toy experiment with the teacher `claude` at a server."""

    def start(server: Loopback, *assignments: str, **settings: Any) -> Path:
        address = f"teacher.base_url={server.url}"
        quick = ("teacher.poll_seconds=0.001", "teacher.attempts=12")
        return toy_run(address, *quick, *assignments, teacher="claude", **settings)

    return start


def _arms(run_dir: Path) -> Any:
    return files.read(run_dir / "result.json")["arms"]


def _scores(run_dir: Path) -> Any:
    return [
        (arm["arm"], arm["split"], arm["correct"], arm["n"], arm["outcomes"], arm["strata"]) for arm in _arms(run_dir)
    ]


@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_scores_are_those_of_the_same_replies_without_a_network(
    mode: str, claude_run: ClaudeRun, tmp_path: Path
) -> None:
    user = UserSettings({**CHOSEN, "teacher": "simulated"}, assignments=("teacher.slip=0",))
    plan, components = run.prepare(user)
    recorder = Recorder(components.teacher)
    run.start(plan, replace(components, teacher=recorder), tmp_path / "local", Observers([]))
    with Loopback(recorder.answer) as server:
        served = claude_run(server, f"teacher.mode={mode}", out="served")
    assert _scores(served) == _scores(tmp_path / "local")
    assert bool(server.batches) == (mode == "batch")
    assert problems_of(served / "result.json") == []


@pytest.mark.parametrize("seed", range(2))
def test_scores_and_purchases_stay_the_same_when_a_third_of_the_calls_fail(
    seed: int, claude_run: ClaudeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_claude.calls.Policy.pause", lambda *_: 0.001)
    with Loopback(_says) as calm:
        whole = claude_run(calm, out="calm")
    with Loopback(_says, faults=[*UNBILLED, *LOST, *ODD], chance=0.3, seed=seed) as stormy:
        run_dir = claude_run(stormy, out="stormy")
    assert _arms(run_dir) == _arms(whole)
    assert stormy.bought() == calm.bought()
    spent = files.read(run_dir / "run_meta.json")["teacher"]
    assert spent["failed_attempts"] == sum(stormy.met[fault] for fault in (*UNBILLED, *LOST)) > 5
    assert spent["in_doubt"] == []
    booked = sum(row["cost_usd"] for row in files.read(run_dir / "result.json")["teacher_calls"])
    assert booked == pytest.approx(sum(sold.cost for sold in stormy.purchases if sold.delivered), abs=1e-6)
    assert spent["committed_usd"] >= stormy.cost
    assert files.read(whole / "run_meta.json")["teacher"]["committed_usd"] == pytest.approx(calm.cost, abs=1e-6)


@pytest.mark.parametrize(("mode", "limit"), [("sync", 0.08), ("batch", 0.04)])
def test_a_run_stops_at_its_limit_and_a_higher_one_buys_nothing_twice(
    mode: str, limit: float, claude_run: ClaudeRun, tmp_path: Path
) -> None:
    with Loopback(_says) as server:
        options = (f"teacher.mode={mode}", "teacher.price_input=100", "teacher.price_output=2")
        whole = claude_run(server, *options, out="whole")
        once, server.purchases = server.bought(), []
        with pytest.raises(BudgetError):
            claude_run(server, *options, max_cost=limit)
        assert server.purchases
        run_dir = tmp_path / "run"
        assert files.read(run_dir / "run_meta.json")["teacher"]["committed_usd"] <= limit
        run.resume(run_dir, Observers([]), 100.0)
    assert server.bought() == once
    assert (run_dir / "result.json").read_bytes() == (whole / "result.json").read_bytes()


def test_the_key_is_in_no_file_of_a_run(claude_run: ClaudeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-CANARY-77")
    with Loopback(_says, key="sk-ant-CANARY-77") as server:
        run_dir = claude_run(server)
    written = b"".join(path.read_bytes() for path in run_dir.rglob("*") if path.is_file())
    assert server.url.removeprefix("http://").encode() in written
    assert b"CANARY" not in written


def _killed_when(command: list[str], environment: dict[str, str], reached: Callable[[], bool]) -> bool:
    """Runs a command, and kills it when a condition holds; returns whether it was still running."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not reached():
            time.sleep(0.002)
        alive = process.poll() is None
        process.kill()
        assert process.stderr is not None
        assert alive or process.returncode == EXIT_BLOCKED, process.stderr.read().decode()
    return alive


def _has_sold(server: Loopback, count: int) -> bool:
    return len(server.purchases) >= count


@pytest.mark.parametrize("mode", ["sync", pytest.param("batch", marks=pytest.mark.slow)])
def test_a_killed_run_loses_at_most_what_was_under_way(
    mode: Literal["sync", "batch"], claude_site: Path, tmp_path: Path
) -> None:
    path = os.pathsep.join(map(str, [claude_site, REPOSITORY, *(REPOSITORY / name for name in FOLDERS)]))
    environment = {**os.environ, "PYTHONPATH": path}
    harness = [sys.executable, "-m", "harness", "run"]
    components = [f"--{kind}={name}" for kind, name in {**CHOSEN, "teacher": "claude"}.items()]
    concurrency, kills = 2, 0
    with Loopback(_says, delay=0.01) as server:
        run_dir = tmp_path / "run"
        command = [*harness, *components, f"-oteacher.base_url={server.url}", f"-oteacher.concurrency={concurrency}"]
        command += [f"-oteacher.mode={mode}", "-oteacher.poll_seconds=0.01", f"--out={run_dir}"]
        for moment in (5, 17):
            seen = len(server.purchases)
            kills += _killed_when(command, environment, partial(_has_sold, server, seen + moment))
            command = [*harness, f"--resume={run_dir}"]
        assert kills == 2
        assert not _killed_when(command, environment, lambda: False)
    allowed = kills * (concurrency if mode == "sync" else 1)
    assert sum(count - 1 for count in server.bought().values()) <= allowed
    journal = Journal(run_dir / "journal.jsonl")
    ledger = RunLedger(journal, create(Options(mode=mode)).cost, None)
    journal.close()
    assert len(ledger.in_doubt) <= allowed
    assert ledger.committed >= server.cost
    assert problems_of(run_dir / "result.json") == []
