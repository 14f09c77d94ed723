from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.api import ADAPTER_WEIGHTS, JournalError, TrainingReport
from tests import toys
from tests.durability.conftest import Small


def test_an_adapter_is_durable_before_it_has_its_name(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename = os.fsync, os.rename

    def synced(descriptor: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        sync(descriptor)

    def renamed(old: str, new: str) -> None:
        done.append(f"name {Path(new).name}")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    small.start(tmp_path / "run")
    place = done.index("name student-lora")
    assert done[place - 2] == f"sync {ADAPTER_WEIGHTS}"
    assert done[place - 1].startswith("sync student-lora.unfinished-")
    assert done[place + 1] == "sync adapters"


def test_a_training_that_was_not_recorded_is_done_again_in_an_empty_folder(small: Small, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    small.start(run_dir)
    result, journal = (run_dir / "result.json").read_bytes(), run_dir / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    trained = next(number for number, line in enumerate(lines) if b'"key":"train/' in line)
    journal.write_bytes(b"".join(lines[:trained]))
    (run_dir / "adapters" / "student-lora" / "leftover").write_text("of a training that a kill ended")
    (run_dir / "adapters" / "student-lora.unfinished-0").mkdir()
    small.go_on(run_dir)
    assert (run_dir / "result.json").read_bytes() == result
    left = {path.relative_to(run_dir / "adapters").as_posix() for path in (run_dir / "adapters").rglob("*")}
    assert left == {"student-lora", f"student-lora/{ADAPTER_WEIGHTS}", "student-lora/README.md"}


def test_a_configuration_that_was_changed_after_the_training_is_refused(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = toys.ToyTrainer.train

    def with_configuration(self: toys.ToyTrainer, *given: Any) -> TrainingReport:
        (given[3] / "adapter_config.json").write_text('{"lora_alpha": 32}')
        return train(self, *given)

    monkeypatch.setattr(toys.ToyTrainer, "train", with_configuration)
    run_dir = tmp_path / "run"
    small.start(run_dir)
    small.go_on(run_dir)
    (run_dir / "adapters" / "student-lora" / "adapter_config.json").write_text('{"lora_alpha": 2}')
    with pytest.raises(JournalError, match=r"adapter_config\.json is not the one that was trained"):
        small.go_on(run_dir)
