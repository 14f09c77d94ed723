"""A training in several processes: the same adapter as one, no keys, no process left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.errors import HarnessError
from harness.records import Example
from harness_qwen_lora import launcher
from harness_qwen_lora.encoding import Row
from harness_qwen_lora.fitting import Split, fit
from harness_qwen_lora.launcher import Job, environment, launch
from harness_qwen_lora.loading import Source
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training import LoraTrainer

WEIGHTS = "adapter_model.safetensors"


def job(folder: Path, processes: int = 1) -> Job:
    source = Source(folder, "random", "float32", "cpu")
    options = LoraOptions(processes=processes, target_modules=("q_proj",))
    return Job(source, options, (Row((5, 6, 7), 2, truncated=False),), 0, 7, Split(2, False), str(folder))


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
    rows = tuple(Row(tuple(range(5, 20 + at)), 6 + at % 5, truncated=False) for at in range(16))
    weights = []
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        options = LoraOptions(
            processes=processes, target_modules="all-linear", learning_rate=5e-3, batch_size=8, accumulation=1, epochs=4
        )
        planned = Job(student.source(), options, rows, 0, 7, Split(4, False), str(folder))
        if processes > 1:
            launch(planned, lambda *_: None)
        else:
            with student.lend() as base:
                fit(base, rows, 0, options, 7, planned.split, folder, lambda *_: None)
        weights.append((folder / WEIGHTS).read_bytes())
    assert weights[0] == weights[1]


def test_job_survives_its_file(tmp_path: Path) -> None:
    assert Job.from_json(job(tmp_path).to_json()) == job(tmp_path)


def test_workers_see_no_key() -> None:
    given = {"PATH": "/bin", "ANTHROPIC_API_KEY": "a", "HF_TOKEN": "b", "AWS_SECRET": "c", "My_Password": "d"}
    seen = environment(given)
    assert seen["PATH"] == "/bin"
    assert not set("abcd") & set(seen.values())


def saying(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Has other code run in place of torchrun."""
    monkeypatch.setattr(launcher, "command", lambda *_: [sys.executable, "-c", code])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit('first\\nsecond')", "ended with code 1: first second"),
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


def test_worker_without_memory_is_known_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saying(monkeypatch, "import sys; print('{\"out_of_memory\": true}'); sys.exit(1)")
    with pytest.raises(torch.OutOfMemoryError):
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
