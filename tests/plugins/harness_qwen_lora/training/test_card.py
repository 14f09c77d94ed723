"""The model card: what the Hub reads of it, what it says, and that it is the same anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import ModelCard

from harness.api import CARD_END, CARD_RESULTS, Example, Message, TrainingReport
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.training.card import text

QUESTION = (Message("user", "a"),)
EXAMPLES = [Example("train/0", QUESTION, "b", "NO", "teacher"), Example("train/1", QUESTION, "b", "NO", "verifier")]
REPORT = TrainingReport(LoraOptions().model_dump(mode="json"), 2, 3, (1.25, 0.5), 10, 20, 0, 1.0, 1)


def card(model: str, revision: str | None = "0" * 40) -> str:
    return text({"model": model, "revision": revision, "weights_sha256": "ab", "dtype": "bfloat16"}, EXAMPLES, REPORT)


def front(written: str) -> Any:
    data: Any = ModelCard(written).data
    return data.to_dict()


def test_hub_reads_base_model_library_and_tags() -> None:
    assert front(card("Qwen/Qwen2.5-3B-Instruct")) == {
        "base_model": "Qwen/Qwen2.5-3B-Instruct",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": "other",
        "license_name": "qwen-research",
        "license_link": "https://huggingface.co/Qwen/Qwen2.5-3B-Instruct",
        "datasets": [],
        "tags": ["lora", "transfer-harness"],
    }


def test_folder_is_not_passed_off_as_a_model_of_the_hub() -> None:
    written = card("my-model", None)
    assert not {"base_model", "license"} & set(front(written))
    assert "- base model: my-model, revision none (a local folder)" in written


@pytest.mark.parametrize("said", ["rank            8", "learning_rate   0.0002", "target_modules  q_proj, v_proj"])
def test_hyper_parameters_are_told(said: str) -> None:
    assert said in card("my-model")


def test_data_and_losses_are_told() -> None:
    written = card("my-model")
    assert "2 worked examples (1 with answers of the teacher, 1 with answers of the verifier)" in written
    assert "3 optimizer steps; mean loss of each epoch: 1.2500, 0.5000." in written


def test_place_for_results_is_marked_once() -> None:
    written = card("my-model")
    assert (written.count(CARD_RESULTS), written.count(CARD_END)) == (1, 1)
    assert written.index(CARD_RESULTS) < written.index(CARD_END)
