"""The plans for a GPU's memory, held to what the tensors of a small model come to."""

from __future__ import annotations

import pytest

from benchmarks.student_memory import answering, training
from harness_qwen_lora.training.fitting import Split


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("split", [Split(4, False), Split(2, False), Split(4, True)])
def test_training_takes_no_more_than_planned_and_not_much_less(split: Split) -> None:
    planned, counted = training("small", 300, 100, split)
    assert counted <= planned < 1.5 * counted


def test_answering_takes_no_more_than_planned_and_not_much_less() -> None:
    planned, counted = answering("small", 20, 200, 3, 128)
    assert counted <= planned < 1.5 * counted
