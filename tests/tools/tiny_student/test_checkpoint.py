"""The bundled checkpoint: an ordinary Hugging Face folder of the promised size whose skills are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tools.tiny_student.__main__ import main
from tools.tiny_student.export import MOST_BYTES
from tools.tiny_student.measure import skill_scores

FOLDER = Path(__file__).parents[3] / "plugins" / "harness_qwen_lora" / "tiny"


def test_the_folder_is_complete_small_and_without_pickle() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "skills.jsonl",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_BYTES


def test_it_is_not_written_over_unless_one_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tiny_student", "--steps", "1"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "required: --out" in capsys.readouterr().err


def test_generation_is_greedy_and_unpenalised() -> None:
    settings = json.loads((FOLDER / "generation_config.json").read_text(encoding="utf-8"))
    assert settings["do_sample"] is False
    assert settings.get("repetition_penalty", 1.0) == 1.0


def test_the_skills_are_there() -> None:
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    scores = skill_scores(model, tokenizer, seed=77, n=20)
    assert sum(scores.values()) / len(scores) > 0.8, scores
