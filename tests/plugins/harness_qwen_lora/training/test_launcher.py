"""A training in several processes: the same adapter as one, the same errors, no process left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.api import Example, HarnessError, TokenRow, UsageError
from harness_qwen_lora.checkpoints import loading
from harness_qwen_lora.checkpoints.loading import Source
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training import launcher
from harness_qwen_lora.training import worker as one_process
from harness_qwen_lora.training.fitting import Job, Split, fit
from harness_qwen_lora.training.launcher import environment, launch
from harness_qwen_lora.training.trainer import LoraTrainer

WEIGHTS = "adapter_model.safetensors"
RAISED = """Traceback (most recent call last):
  File "worker.py", line 9, in main
    raise RuntimeError("no such device")
RuntimeError: no such device
E1123 14:06:43.852000 12616 api.py:1002] failed (exitcode: 1) local_rank: 1 (pid: 12626) of binary: python
Traceback (most recent call last):
  File "torch/distributed/run.py", line 1032, in <module>
    main()
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
harness_qwen_lora.training.exit_with_parent FAILED
------------------------------------------------------------
Failures:
[1]:
  rank      : 0 (local_rank: 0)
  exitcode  : -15 (pid: 12625)  (SIGTERM)
  error_file: <N/A>
  traceback : Signal 15 (SIGTERM) received by PID 12625
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  rank      : 1 (local_rank: 1)
  exitcode  : 1 (pid: 12626)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
============================================================
"""
"""What torchrun leaves of two workers, the second of which ends in an exception."""
KILLED = RAISED[RAISED.index("torch.distributed.elastic") :].replace(
    "To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html",
    "Signal 9 (SIGKILL) received by PID 12626",
)
"""What it leaves where the second is killed."""
TERMINATED = KILLED.replace("Signal 9 (SIGKILL)", "Signal 15 (SIGTERM)")


SOON = 10
"""Seconds within which a process that is told to end must have: far more than it takes."""


def source(folder: Path) -> Source:
    return Source(folder, "random", "float32", "cpu")


def job(folder: Path, processes: int = 1) -> Job:
    options = LoraOptions(processes=processes, target_modules=("q_proj",))
    rows = (TokenRow((5, 6, 7), 2, truncated=False, weight=0.5),)
    return Job(source(folder), options, rows, 0, 7, Split(2, False), folder)


@pytest.mark.slow
def test_two_processes_train_the_adapter_of_one(student: QwenStudent, examples: list[Example], tmp_path: Path) -> None:
    """Eleven rows: the last step of an epoch has three, which two processes cannot share evenly."""
    rows, steps = (examples * 4)[:11], []
    reports, weights = [], []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        trainer = LoraTrainer(LoraOptions(processes=processes, target_modules="all-linear", epochs=2))
        reports.append(trainer.train(student, rows, 7, folder, lambda *step: steps.append(step)))
        weights.append(load_file(folder / WEIGHTS))
    one, two = weights
    assert one.keys() == two.keys()
    assert max((one[name] - two[name]).abs().max().item() for name in one) < 1e-6
    assert reports[1].losses == pytest.approx(reports[0].losses, rel=1e-6)
    assert [report.steps for report in reports] == [4, 4]
    assert [step[:2] for step in steps] == [(at, 4) for at in range(1, 5)] * 2
    assert sorted(file.name for file in folder.iterdir()) == ["README.md", "adapter_config.json", WEIGHTS]


def test_two_processes_train_the_same_bits_from_the_same_pieces(student: QwenStudent, tmp_path: Path) -> None:
    """At a learning rate at which AdamW makes much of any rounding."""
    rows = tuple(TokenRow(tuple(range(5, 20 + at)), 6 + at % 5, False, 1 + at % 2) for at in range(16))
    weights = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        options = LoraOptions(
            processes=processes, target_modules="all-linear", learning_rate=5e-3, batch_size=8, accumulation=1, epochs=4
        )
        planned = Job(student.source(), options, rows, 0, 7, Split(4, False), folder)
        if processes > 1:
            launch(planned, lambda *_: None)
        else:
            with student.lend() as base:
                fit(base, planned, lambda *_: None)
        weights.append((folder / WEIGHTS).read_bytes())
    assert weights[0] == weights[1]


def test_job_survives_its_file(tmp_path: Path) -> None:
    for planned in (job(tmp_path), replace(job(tmp_path), start=tmp_path)):
        assert Job.from_json(planned.to_json()) == planned


def saying(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Has other code run in place of torchrun."""
    monkeypatch.setattr(launcher, "command", lambda *_: [sys.executable, "-c", code])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit('first\\nsecond')", "ended with code 1: second"),
        (f"import sys; sys.exit({RAISED!r})", "ended with code 1: RuntimeError: no such device$"),
        (f"import sys; sys.exit({KILLED!r})", r"ended with code 1: Signal 9 \(SIGKILL\) received by PID 12626$"),
        (f"import sys; sys.exit({TERMINATED!r})", r"ended with code 1: Signal 15 \(SIGTERM\) received by PID 12626$"),
        (
            f'import sys; print(\'{{"error": "closed by peer"}}\'); sys.exit({KILLED!r})',
            r"ended with code 1: Signal 9 \(SIGKILL\) received by PID 12626; closed by peer$",
        ),
        ('import sys; print(\'{"error": "the loss is nan"}\'); sys.exit(1)', "ended with code 1: the loss is nan"),
        ("print('no JSON')", "ended with code 0: it said nothing"),
    ],
)
def test_worker_that_fails_is_told_of_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    saying(monkeypatch, code)
    with pytest.raises(HarnessError, match=f"a process of the training {told}") as error:
        launch(job(tmp_path), lambda *_: None)
    assert "\n" not in str(error.value)


def test_what_a_worker_refuses_is_refused_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "job.json"
    path.write_text(job(tmp_path / "no model").to_json())
    with pytest.raises(UsageError) as alone:
        loading.load(source(tmp_path / "no model"))
    assert one_process.main(str(path)) == 1
    said = capsys.readouterr().out
    saying(monkeypatch, f"import sys; print({said!r}); sys.exit(1)")
    with pytest.raises(UsageError) as launched:
        launch(job(tmp_path), lambda *_: None)
    assert str(launched.value) == str(alone.value)


def test_worker_without_memory_is_known_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saying(monkeypatch, "import sys; print('{\"out_of_memory\": true}'); sys.exit(1)")
    with pytest.raises(torch.OutOfMemoryError):
        launch(job(tmp_path), lambda *_: None)


def test_disk_that_is_full_for_a_worker_is_told_of_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = '{"disk": [28, "No space left on device", "adapters/x"]}'
    saying(monkeypatch, f"import sys; print({said!r}); sys.exit(1)")
    with pytest.raises(OSError, match="No space left on device: 'adapters/x'"):
        launch(job(tmp_path), lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_error_that_no_one_foresaw_is_told_by_the_worker_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(_source: Source) -> Any:
        raise RuntimeError("no such\ndevice " + "x" * 1000)

    path = tmp_path / "job.json"
    path.write_text(job(tmp_path).to_json())
    monkeypatch.setattr(loading, "load", load)
    assert one_process.main(str(path)) == 1
    said = capsys.readouterr().out
    saying(monkeypatch, f"import sys; print({said!r}); sys.exit(1)")
    with pytest.raises(HarnessError, match=r"ended with code 1: RuntimeError: no such device x+$") as error:
        launch(job(tmp_path), lambda *_: None)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    "said",
    [
        '{"error": "the loss is nan"}\n{"error": "closed by peer"}',
        '{"error": "the loss is nan"}\n{"disk": [28, "No space left on device", "adapters/x"]}',
        '{"error": "the loss is nan"}\n{"steps": 2}',
        '{"steps": 2}\n{"error": "the loss is nan"}',
    ],
)
def test_first_of_several_errors_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    saying(monkeypatch, f"import sys; print({said!r}); sys.exit(1)")
    with pytest.raises(HarnessError, match="the loss is nan"):
        launch(job(tmp_path), lambda *_: None)


def test_listener_that_stops_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    code = "import json, time; print(json.dumps({'step': 1, 'of': 2, 'loss': 0.5}), flush=True); time.sleep(600)"
    saying(monkeypatch, code)
    started: list[Any] = []
    real = subprocess.Popen.__init__

    def remember(self: Any, *given: Any, **named: Any) -> None:
        real(self, *given, **named)
        started.append(self)

    monkeypatch.setattr(subprocess.Popen, "__init__", remember)
    with pytest.raises(KeyboardInterrupt):
        launch(job(tmp_path), stop)
    assert [process.returncode for process in started] == [-signal.SIGTERM]


ENDLESS = """
import sys
from harness_qwen_lora.training.fitting import Job
from harness_qwen_lora.training.launcher import launch

launch(Job.from_json(sys.stdin.read()), lambda *_: print("step", flush=True))
"""


def _descendants(process: int) -> set[int]:
    """Every process below one, by the kernel's table."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it may end meanwhile
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux, to wait for processes that are not children")
def test_workers_of_a_run_that_is_killed_end_with_it_and_leave_nothing_outside_its_directory(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "adapter", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    options = LoraOptions(processes=2, target_modules=("q_proj",), epochs=10**6)
    source = Source(checkpoint, "random", "float32", "cpu")
    endless = Job(source, options, (TokenRow((5, 6, 7), 2, truncated=False),) * 2, 0, 7, Split(1, False), folder)
    run = subprocess.Popen(
        [sys.executable, "-c", ENDLESS],
        env=environment(os.environ, elsewhere),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert run.stdin
    assert run.stdout
    run.stdin.write(endless.to_json().encode())
    run.stdin.close()
    assert run.stdout.readline() == b"step\n"
    workers = [os.pidfd_open(process) for process in _descendants(run.pid)]
    run.kill()
    run.wait()
    run.stdout.close()
    ended = [select.select([worker], [], [], SOON)[0] == [worker] for worker in workers]
    for worker, done in zip(workers, ended, strict=True):
        if not done:
            signal.pidfd_send_signal(worker, signal.SIGKILL)
        os.close(worker)
    assert ended == [True] * 3, "torchrun and two workers"
    assert list(elsewhere.iterdir()) == []
    assert [file.name.startswith(".scratch-") for file in folder.iterdir()] == [True]
