"""An adapter that the disk refuses, by a limit of the kernel's own on the size of files."""

from __future__ import annotations

import errno
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.api import Example, TokenRow
from harness_qwen_lora.checkpoints.loading import Source
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training import worker
from harness_qwen_lora.training.fitting import Job, Split
from harness_qwen_lora.training.trainer import LoraTrainer

LIMIT = 20_000
"""Bytes: less than an adapter for every linear module, more than anything else that is written."""


@contextmanager
def _limited() -> Iterator[None]:
    """No file may grow beyond LIMIT meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_adapter_that_cannot_be_written_is_an_error_of_the_disk(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    trainer = LoraTrainer(LoraOptions(target_modules="all-linear", epochs=1))
    with _limited(), pytest.raises(OSError, match="File too large") as error:
        trainer.train(student, examples, 7, tmp_path, lambda *_: None)
    assert (error.value.errno, error.value.filename) == (errno.EFBIG, str(tmp_path))


def test_a_worker_that_cannot_write_its_adapter_says_so(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = LoraOptions(target_modules="all-linear", epochs=1)
    rows = (TokenRow((5, 6, 7), 2, truncated=False),)
    source = Source(checkpoint, "random", "float32", "cpu")
    job = tmp_path / "job.json"
    job.write_text(Job(source, options, rows, 0, 7, Split(1, False), tmp_path).to_json())
    with _limited():
        assert worker.main(str(job)) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {
        "disk": [errno.EFBIG, "File too large", str(tmp_path)]
    }
