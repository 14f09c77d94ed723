"""What is found out of a checkpoint without loading it: attention, modules, embeddings, whole weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoTokenizer,
    FalconConfig,
    Gemma2Config,
    GPT2Config,
    Llama4TextConfig,
    MarianConfig,
    PreTrainedConfig,
)

from harness.api import Example, Request, UsageError
from harness_qwen_lora.checkpoints.architecture import check, describe
from harness_qwen_lora.checkpoints.loading import linear_features, quiet
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training.trainer import LoraTrainer

MakeStudent = Callable[..., QwenStudent]
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "head_dim": 8,
}
GPT2 = GPT2Config(n_embd=32, n_head=4, n_layer=2, vocab_size=320, n_positions=512)


@pytest.fixture
def of(checkpoint: Path, tmp_path: Path) -> Callable[[PreTrainedConfig], Path]:
    """A folder with the tokenizer of the random checkpoint and a model of another family."""

    def make(config: PreTrainedConfig) -> Path:
        from transformers import AutoModelForCausalLM

        config.eos_token_id, config.pad_token_id, config.bos_token_id = 2, 0, None
        folder = tmp_path / config.model_type
        ignore = shutil.ignore_patterns("*.safetensors", "config.json", "generation_config.json")
        shutil.copytree(checkpoint, folder, ignore=ignore)
        kind: Any = AutoModelForCausalLM
        torch.manual_seed(0)
        with quiet():
            kind.from_config(config).save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


def small(kind: Any, **given: Any) -> Any:
    return kind(vocab_size=320, max_position_embeddings=512, **SMALL, **given)


def test_family_without_sdpa_answers_and_trains_with_eager_attention_and_says_so(
    of: Callable[[PreTrainedConfig], Path],
    make_student: MakeStudent,
    requests: list[Request],
    examples: list[Example],
    tmp_path: Path,
) -> None:
    student = make_student(of(small(Gemma2Config, num_key_value_heads=2)))
    student.preflight()
    assert student.identity["attention"] == "eager"
    assert len(student.generate(requests, None)) == 3
    LoraTrainer(LoraOptions(rank=2, epochs=1)).train(student, examples, 7, tmp_path, lambda *_: None)


def test_family_with_sdpa_keeps_it(student: QwenStudent) -> None:
    assert student.identity["attention"] == "sdpa"


def test_linear_modules_of_gpt2_count(
    of: Callable[[PreTrainedConfig], Path],
    make_student: MakeStudent,
    examples: list[Example],
    tmp_path: Path,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """Conv1D, in a configuration that states no intermediate_size."""
    student = make_student(of(GPT2))
    found = linear_features(student.architecture.model)
    assert (found["c_attn"], found["c_fc"]) == (2 * (32 + 96), 2 * (32 + 128))
    trainer = LoraTrainer(LoraOptions(rank=2, epochs=1, target_modules=("c_attn",)))
    trainer.preflight(student)
    report = trainer.train(student, examples, 7, tmp_path, lambda *_: None)
    assert report.steps == 1
    saved = load_file(tmp_path / "adapter_model.safetensors")
    assert trainer.adapter_bytes(student) == sum(value.nbytes for value in saved.values())
    assert not [warning for warning in recwarn if "fan_in_fan_out" in str(warning.message)]


def test_modules_that_another_family_names_otherwise_are_refused_with_the_choice(
    of: Callable[[PreTrainedConfig], Path], make_student: MakeStudent
) -> None:
    student = make_student(of(GPT2))
    with pytest.raises(UsageError, match="no linear module q_proj, v_proj; choose among c_attn, c_fc, c_proj, lm_head"):
        LoraTrainer(LoraOptions()).preflight(student)


def test_what_peft_cannot_train_is_refused_before_anything_is_loaded(
    of: Callable[[PreTrainedConfig], Path], make_student: MakeStudent
) -> None:
    from transformers import MambaConfig

    student = make_student(of(MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=8, vocab_size=320)))
    student.preflight()
    with pytest.raises(UsageError, match="peft cannot put an adapter on all-linear of this model") as error:
        LoraTrainer(LoraOptions(target_modules=("all-linear",))).preflight(student)
    assert "\n" not in str(error.value)
    assert "_loaded" not in vars(student)


def test_family_that_counts_padding_is_asked_in_batches_without_any(
    of: Callable[[PreTrainedConfig], Path], make_student: MakeStudent, requests: list[Request]
) -> None:
    """Marian's decoder has positions, and no argument by which padding could be told from text."""
    config = MarianConfig(
        vocab_size=320, d_model=32, decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=64, init_std=0.4
    )
    student = make_student(of(config), batch_size=3)
    alone = [student.generate([request], None)[0] for request in requests]
    assert student.generate(requests, None) == alone


def test_module_that_only_looks_linear_gets_no_adapter(
    of: Callable[[PreTrainedConfig], Path],
    make_student: MakeStudent,
    examples: list[Example],
    tmp_path: Path,
) -> None:
    """The router of Llama 4 has the weights of a linear module, and gives two things."""
    config = Llama4TextConfig(
        vocab_size=320, num_key_value_heads=2, num_local_experts=2, intermediate_size_mlp=64, **SMALL
    )
    student = make_student(of(config))
    assert "router" not in linear_features(student.blank())
    report = LoraTrainer(LoraOptions(rank=2, epochs=1, target_modules=("all-linear",))).train(
        student, examples, 7, tmp_path, lambda *_: None
    )
    assert report.steps == 1


def test_linear_module_that_a_family_writes_itself_counts(
    of: Callable[[PreTrainedConfig], Path], make_student: MakeStudent
) -> None:
    config = FalconConfig(vocab_size=320, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
    student = make_student(of(config))
    assert {"query_key_value", "dense_h_to_4h"} <= linear_features(student.blank()).keys()
    LoraTrainer(LoraOptions(target_modules=("all-linear",))).preflight(student)


def test_tokens_beyond_the_embeddings_are_refused(copy: Path, make_student: MakeStudent) -> None:
    tokenizer = AutoTokenizer.from_pretrained(copy)
    rows = len(tokenizer)
    tokenizer.add_tokens(["Meetings"])
    tokenizer.save_pretrained(copy)
    said = f"1 tokens of its tokenizer, such as 'Meetings' with the id {rows}, lie beyond the model's {rows} embeddings"
    with pytest.raises(UsageError, match=said):
        make_student(copy).preflight()


def test_pad_token_beyond_the_embeddings_is_refused(copy: Path, make_student: MakeStudent) -> None:
    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.save_pretrained(copy)
    with pytest.raises(UsageError, match="such as '<pad>'"):
        make_student(copy).preflight()


def test_special_token_that_nothing_writes_may_lie_beyond_the_embeddings(
    copy: Path, make_student: MakeStudent, requests: list[Request], ask: Callable[[str], Request]
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    tokenizer.save_pretrained(copy)
    student = make_student(copy)
    student.preflight()
    assert len(student.generate([*requests, ask("<image>")], None)) == 4


def test_weights_that_lack_some_are_refused_by_name(copy: Path, make_student: MakeStudent) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"lack 1 that the model needs \(model\.layers\.1\.mlp\.up_proj\.weight\)"):
        make_student(copy).preflight()


def test_weights_of_another_shape_are_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights["model.norm.weight"] = torch.ones(3)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match="cannot be loaded"):
        check(copy, "sdpa")


@pytest.mark.parametrize("size", [2, 1000])
def test_weights_file_that_was_cut_is_refused(copy: Path, size: int) -> None:
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:size])
    with pytest.raises(UsageError, match="cannot be loaded") as error:
        check(copy, "sdpa")
    assert "\n" not in str(error.value)


def test_family_that_transformers_does_not_know_is_refused(copy: Path) -> None:
    path = copy / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "nobodys"}))
    with pytest.raises(UsageError, match="cannot be loaded") as error:
        describe(copy)
    assert "\n" not in str(error.value)
