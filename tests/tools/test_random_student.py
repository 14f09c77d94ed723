"""The random-weight model folder: the real shape, and a folder that the student takes."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import Qwen2ForCausalLM

from harness.api import Message, Problem, Request, Solve
from harness_qwen_lora.options import QwenLoraOptions
from harness_qwen_lora.student import QwenStudent
from tools.random_student import config, write


def test_shape_of_3b_has_its_number_of_parameters() -> None:
    with torch.device("meta"):
        model = Qwen2ForCausalLM(config("3b"))
    assert sum(weight.numel() for weight in model.parameters()) == 3_085_938_688


def test_student_loads_the_folder_and_answers(tmp_path: Path) -> None:
    write(tmp_path / "random", "small")
    student = QwenStudent(str(tmp_path / "random"), QwenLoraOptions(device="cpu", max_new_tokens=4, threads=1))
    request = Request("0", (Message("user", "Rooms: 2"),), Solve(Problem("0", "test", "all", {}, ""), None))
    assert student.generate([request], None)[0].usage.output_tokens in range(1, 5)
