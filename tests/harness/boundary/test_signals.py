from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.api import Completion, Request, StoppedError
from harness.audit import EXIT_BLOCKED
from harness.boundary import files, signals
from harness.boundary.signals import StopRequest
from harness.cli import main
from harness_claude import batches, calls, worker
from tests import toys
from tests.conftest import ToyRun
from tests.loopback.server import Loopback

TOYS = ("--task=parity", "--student=toy", "--reflection=toy", "--trainer=toy", "--preset=small")


@pytest.fixture(autouse=True)
def _elsewhere(
    toy_site: Path,  # noqa: ARG001 - the plugins must be installed
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *arguments])


def test_the_first_signal_asks_and_the_second_stops(capfd: pytest.CaptureFixture[str]) -> None:
    stop, before = StopRequest(), signal.getsignal(signal.SIGINT)
    stop.proceed()
    with stop.listening():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(StoppedError, match="stopped as asked"):
            stop.proceed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before
    assert capfd.readouterr().err == signals.ASKED.decode()


def _interrupted_at(monkeypatch: pytest.MonkeyPatch, key: str, times: int = 1) -> None:
    """Has the toy teacher get signals while it answers a request."""
    reply = toys.ToyTeacher._reply

    def interrupted(self: toys.ToyTeacher, request: Request) -> Completion:
        if request.key == key:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return reply(self, request)

    monkeypatch.setattr(toys.ToyTeacher, "_reply", interrupted)


def test_a_first_signal_finishes_the_call_under_way_and_makes_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "effects"
    key = "teacher-base/test/0007"
    with monkeypatch.context() as patch:
        _interrupted_at(patch, key)
        stopped = _run(*TOYS, "--teacher=toy", "-o", f"teacher.marker={marker}", "--out", "run", "--max-cost", "1")
    assert stopped.exit_code == 130
    assert stopped.stderr.endswith("\ngo on with:\nharness run --resume run --max-cost 1\n")
    assert "stopped as asked; what is recorded is kept, and nothing more was bought" in stopped.stderr
    assert marker.read_text().splitlines()[-1] == key
    assert f'"key":"{key}"' in Path("run", "journal.jsonl").read_text().splitlines()[-1]
    assert files.read(Path("run", "run_meta.json"))["teacher"]["in_doubt"] == []
    before = marker.read_text()
    again = _run("--resume", "run", "--max-cost", "1")
    assert again.exit_code == EXIT_BLOCKED, again.output
    assert marker.read_text().startswith(before)
    calls = [line for line in marker.read_text().splitlines() if "/" in line]
    assert len(calls) == len(set(calls)), "a call was made twice"


def test_a_second_signal_stops_at_once_and_the_call_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "teacher-base/test/0007"
    with monkeypatch.context() as patch:
        _interrupted_at(patch, key, times=2)
        stopped = _run(*TOYS, "--teacher=toy", "--out", "my run")
    assert stopped.exit_code == 130
    assert stopped.stderr.endswith("harness: interrupted\ngo on with:\nharness run --resume 'my run'\n")
    (doubt,) = files.read(Path("my run", "run_meta.json"))["teacher"]["in_doubt"]
    assert doubt == {"key": key, "attempt": 1, "worst_cost": 30e-6}
    again = _run("--resume", "my run")
    assert again.exit_code == EXIT_BLOCKED, again.output
    assert "IN DOUBT: 1 call may have been billed without a recorded reply, at most 0.000030 USD" in " ".join(
        again.stdout.split()
    )
    assert f"  {key}, attempt 1, at most 0.000030 USD" in again.stdout


def test_a_run_that_was_stopped_ends_in_the_same_bytes(monkeypatch: pytest.MonkeyPatch, finished_run: ToyRun) -> None:
    whole = finished_run(out="whole")
    with monkeypatch.context() as patch:
        _interrupted_at(patch, "bootstrap/reflect/batch-01")
        assert _run(*TOYS, "--teacher=toy", "--out", "run").exit_code == 130
    assert _run("--resume", "run").exit_code == EXIT_BLOCKED
    assert Path("run", "result.json").read_bytes() == (whole / "result.json").read_bytes()


def _answer(_: str) -> str:
    return "so EVEN"


CLAUDE = (*TOYS, "--teacher=claude", "-o", "teacher.model=claude-haiku-5-5", "--stages=teacher-base", "--out=run")


def _signalled_when(condition: Callable[[], bool]) -> threading.Thread:
    """Sends a signal as soon as the server sees something."""
    never = threading.Event()

    def watch() -> None:
        end = time.monotonic() + 20
        while not condition() and time.monotonic() < end:
            never.wait(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_calls_in_flight_are_finished_and_recorded_after_a_first_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    with Loopback(_answer, delay=0.3) as server:
        watcher = _signalled_when(lambda: server.under_way == 3)
        stopped = _run(*CLAUDE, "-o", f"teacher.base_url={server.url}", "-o", "teacher.concurrency=3")
        watcher.join()
        assert stopped.exit_code == 130, stopped.output
        assert 3 <= len(server.purchases) < 12
        journal = Path("run", "journal.jsonl").read_text()
        assert journal.count('"stop":"end"') == len(server.purchases)
        assert files.read(Path("run", "run_meta.json"))["teacher"]["in_doubt"] == []
        server.delay = 0
        assert _run("--resume", "run").exit_code == EXIT_BLOCKED
        assert len(server.purchases) == 12


def test_a_batch_is_not_waited_for_after_a_first_signal_and_fetched_by_the_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        signal.raise_signal(signal.SIGINT)  # a second sleep would end the process at once

    with Loopback(_answer) as server:
        server.looks = 10**6
        batched = ("-o", "teacher.mode=batch", "-o", "teacher.poll_seconds=20")
        with monkeypatch.context() as patch:
            patch.setattr(batches, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
            stopped = _run(*CLAUDE, "-o", f"teacher.base_url={server.url}", *batched)
        assert stopped.exit_code == 130, stopped.output
        assert "stopped as asked" in stopped.stderr
        assert slept == [calls.LOOK]
        (batch,) = server.batches.values()
        assert batch.looks == 10**6 - 1
        batch.looks = 0
        assert _run("--resume", "run").exit_code == EXIT_BLOCKED
        assert len(server.purchases) == 12


def test_a_pause_before_another_attempt_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    waited: list[float] = []
    real = worker.Worker.next

    def waiting(self: worker.Worker[calls.Call], seconds: float | None) -> Any:
        if seconds is None:
            return real(self, seconds)
        waited.append(seconds)
        signal.raise_signal(signal.SIGINT)  # a second wait would end the process at once
        return None

    monkeypatch.setattr(worker.Worker, "next", waiting)
    with Loopback(_answer, script=["429-after"] * 12) as server:
        server.retry_after = "20"
        stopped = _run(*CLAUDE, "-o", f"teacher.base_url={server.url}", "-o", "teacher.concurrency=1")
        assert stopped.exit_code == 130, stopped.output
        assert "stopped as asked" in stopped.stderr
        assert waited == [calls.LOOK]
        assert len(server.calls) == 12, "each was made once"
