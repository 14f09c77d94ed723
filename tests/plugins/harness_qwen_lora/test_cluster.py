"""What a cluster leaves in the environment changes no model and no training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.api import Example
from harness_qwen_lora import cluster
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training.launcher import environment
from harness_qwen_lora.training.trainer import LoraTrainer

LEFT = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500",
    "ACCELERATE_MIXED_PRECISION": "bf16",
    "ACCELERATE_USE_FSDP": "true",
    "ACCELERATE_USE_DEEPSPEED": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "SLURM_PROCID": "1",
    "SLURM_NTASKS": "2",
    "OMPI_COMM_WORLD_RANK": "1",
    "PMI_SIZE": "2",
    "TORCHELASTIC_RUN_ID": "x",
    "PET_NNODES": "2",
    "DEEPSPEED_CONFIG_FILE": "nowhere.json",
    "PARALLELISM_CONFIG_TP_SIZE": "2",
}
KEPT = ("PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "NCCL_SOCKET_IFNAME", "HF_HOME", "RANKING", "USER", "TMPDIR")


@pytest.mark.parametrize("name", LEFT)
def test_variable_of_a_cluster_is_known(name: str) -> None:
    assert cluster.without({name: "1"}) == {}


@pytest.mark.parametrize("name", KEPT)
def test_variable_that_tells_no_process_its_part_is_kept(name: str) -> None:
    assert cluster.without({name: "1"}) == {name: "1"}


def test_hidden_variables_come_back_and_nothing_else_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with cluster.hidden():
        assert "RANK" not in os.environ
        os.environ["RANK"] = "5"
        os.environ["LOCAL_RANK"] = "5"
    assert os.environ["RANK"] == "1"
    assert "LOCAL_RANK" not in os.environ


def test_workers_see_none_of_them(tmp_path: Path) -> None:
    assert not LEFT.keys() & environment(LEFT, tmp_path).keys()


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_training_under_a_clusters_variables_gives_the_same_adapter(
    student: QwenStudent, examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    options = LoraOptions(processes=processes, rank=2, epochs=1, batch_size=2, accumulation=1)
    saved = []
    for name, left in (("plain", {}), ("cluster", LEFT)):
        folder = tmp_path / name
        folder.mkdir()
        for variable, value in left.items():
            monkeypatch.setenv(variable, value)
        student.release()
        LoraTrainer(options).train(student, examples, 7, folder, lambda *_: None)
        saved.append((folder / "adapter_model.safetensors").read_bytes())
    assert saved[0] == saved[1]


def test_student_loads_and_answers_under_a_clusters_variables(
    make_student: Any, requests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = make_student().generate(requests, None)
    for variable, value in LEFT.items():
        monkeypatch.setenv(variable, value)
    student = make_student()
    student.preflight()
    assert student.generate(requests, None) == before
