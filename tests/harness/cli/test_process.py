"""The real command as a process: how it ends, whatever holds it and whatever became of its standard streams."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.audit import EXIT_BLOCKED
from harness.cli import main, process
from tests.harness.conftest import FakeDistribution

ROOT = Path(__file__).parents[3]
SOURCES = [ROOT, *(ROOT / name for name in ("plugins", "tasks", "schemas"))]
READY = "under way"
TOYS = (
    "run",
    "--task=parity",
    "--student=toy",
    "--reflection=toy",
    "--trainer=toy",
    "--preset=small",
    "--stages=teacher-base",
)
SLOW = f"""
import threading, time
from pathlib import Path
from pydantic import BaseModel, ConfigDict, Field
from harness.api import ObserverSpec, TeacherSpec, hookimpl
from tests import toys

class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    way: str = ""

def stubborn():
    Path("ready").write_text("{READY}")
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def forever():
    Path("ready").write_text("{READY}")
    threading.Event().wait(60)

class Slow(toys.ToyTeacher):
    def __init__(self, way):
        super().__init__(toys.Options())
        self.way = way

    def complete(self, requests, ledger):
        if self.way == "swallow":
            stubborn()
        if self.way == "pool":
            from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor() as pool:
                pool.submit(forever).result()
        if self.way == "left":
            threading.Thread(target=forever).start()
        for request in requests:
            ledger.sending(request.key, 1, self.worst_cost(request))
            time.sleep(0.1)
            yield self._reply(request)

class Deaf:
    @hookimpl
    def harness_stage_started(self, event):
        stubborn()

@hookimpl
def harness_teachers():
    create = lambda options, task, seed: Slow(options.way)
    return [TeacherSpec(name="slow", summary="Slow.", options=Options, create=create)]

@hookimpl
def harness_observers():
    return [ObserverSpec(name="deaf", summary="Deaf.", options=Options, create=lambda options: Deaf())]
"""
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def start(toy_site: Path, fake_distribution: FakeDistribution) -> Start:
    """Starts the command with the toys, and with a teacher and an observer that are slow to end."""
    points = {"harness.teachers": {"slow": "slow_module"}, "harness.observers": {"deaf": "slow_module"}}
    site = fake_distribution("harness-slow", points, {"slow_module": SLOW})
    path = os.pathsep.join(map(str, [site, toy_site, *SOURCES]))

    def started(*arguments: str, stderr: int = subprocess.PIPE, closed: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "harness", *arguments]
        shell = ["sh", "-c", f'exec "$@" {closed}', "sh"] if closed else []
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.Popen([*shell, *command], env=environment, stdout=subprocess.PIPE, stderr=stderr)

    return started


def _ended(running: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """The exit code, and what was put out."""
    output, _ = running.communicate()
    return running.returncode, output


def _when(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to that")


@pytest.fixture
def nobody() -> Any:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    "way",
    [
        ("--teacher=slow", "-o", "teacher.way=swallow"),
        ("--teacher=slow", "-o", "teacher.way=pool"),
        ("--teacher=toy", "--observer", "deaf"),
    ],
    ids=["teacher that swallows it", "teacher in a thread", "observer"],
)
def test_whatever_holds_a_run_it_ends_within_a_second_of_the_second_signal(start: Start, way: tuple[str, ...]) -> None:
    running = start(*TOYS, *way, "--out", "run")
    _when(lambda: Path("ready").exists())
    running.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.3)
    asked = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=10)
    assert time.monotonic() - asked < 1
    assert running.returncode == process.EXIT_INTERRUPTED
    last = f"harness: interrupted\ngo on with:\nharness run --resume run{' --observer deaf' if 'deaf' in way else ''}\n"
    assert errors.decode().endswith(last)
    assert errors.count(b"interrupted") == 1
    assert b"Traceback" not in errors


def test_a_thread_that_is_left_over_holds_a_stopped_run_until_the_next_signal_and_no_longer(
    start: Start,
) -> None:
    running = start(*TOYS, "--teacher=slow", "-o", "teacher.way=left", "--out", "run")
    _when(lambda: Path("ready").exists())
    running.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(1.5)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=10)
    assert running.returncode == process.EXIT_INTERRUPTED
    assert b"stopped as asked" in errors
    assert b"Traceback" not in errors


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-"])
def test_a_run_whose_standard_streams_are_closed_ends_as_any_other_and_writes_into_no_file_of_its_own(
    start: Start, closed: str
) -> None:
    code, output = _ended(start(*TOYS, "--teacher=toy", "--out", "run", closed=closed))
    assert code == EXIT_BLOCKED
    assert output.endswith(b"report: run/report.html\n") != ("1>" in closed)
    assert CliRunner().invoke(main, ["validate", "run"]).exit_code == 0
    assert _ended(start("run", "--teacher=nosuch", closed=closed))[0] == 2


def test_a_reader_of_errors_who_leaves_changes_neither_a_run_nor_its_exit_code(start: Start, nobody: int) -> None:
    assert _ended(start(*TOYS, "--teacher=toy", "--out", "run", stderr=nobody))[0] == EXIT_BLOCKED
    assert CliRunner().invoke(main, ["validate", "run"]).exit_code == 0
    assert _ended(start("run", "--teacher=nosuch", stderr=nobody))[0] == 2


def test_a_run_without_anybody_to_tell_is_stopped_by_a_signal_and_can_go_on(start: Start, nobody: int) -> None:
    running = start(*TOYS, "--teacher=slow", "--out", "run", stderr=nobody)
    journal = Path("run", "journal.jsonl")
    _when(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 3)
    running.send_signal(signal.SIGTERM)
    assert _ended(running)[0] == process.EXIT_INTERRUPTED
    assert CliRunner().invoke(main, ["run", "--resume", "run"]).exit_code == EXIT_BLOCKED
