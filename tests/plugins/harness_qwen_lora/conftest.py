"""A random Qwen2 of 20,000 parameters with a tokenizer of its own, and what one asks it and teaches it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from harness.api import Adapter, Example, Message, Problem, Request, Solve
from harness_qwen_lora.checkpoints.loading import quiet
from harness_qwen_lora.options import LoraOptions, QwenLoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training.trainer import LoraTrainer

TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEXTS = ["system user assistant Meetings: 9-11 10-12 13-14 Rooms: 2 Peak: 2 <= 2 ANSWER: YES ANSWER: NO"] * 3
QUESTIONS = ["Meetings: 9-11 10-12 13-14\nRooms: 2", "Meetings: 9-10\nRooms: 1", "Meetings: 9-12 9-11 10-13\nRooms: 2"]

MakeStudent = Callable[..., QwenStudent]


def _save(folder: Path) -> Path:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=320, special_tokens=control, initial_alphabet=alphabet, show_progress=False),
    )
    make: Any = PreTrainedTokenizerFast
    special = {"pad_token": control[0], "eos_token": control[2]}
    tokenizer = make(tokenizer_object=bpe, chat_template=TEMPLATE, **special)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        initializer_range=0.4,  # wide enough that its babble varies
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    with quiet():
        Qwen2ForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("checkpoints") / "random")


@pytest.fixture(scope="session")
def make_student(checkpoint: Path) -> MakeStudent:
    """A student on the random checkpoint, or on another folder, with some options set."""

    def make(folder: Path = checkpoint, **options: Any) -> QwenStudent:
        settings = {"max_new_tokens": 24, "device": "cpu", "threads": 1} | options
        return QwenStudent(str(folder), QwenLoraOptions(**settings))

    return make


@pytest.fixture
def student(make_student: MakeStudent) -> QwenStudent:
    return make_student()


@pytest.fixture(scope="session")
def ask() -> Callable[[str], Request]:
    """A request with a user message."""

    def make(question: str) -> Request:
        problem = Problem("test/0000", "test", "small", {}, question)
        return Request(f"student/{question}", (Message("user", question),), Solve(problem, None))

    return make


@pytest.fixture(scope="session")
def requests(ask: Callable[[str], Request]) -> list[Request]:
    return [ask(question) for question in QUESTIONS]


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    """Three questions, answered YES, NO and YES in replies of different lengths."""
    targets = ["Peak: 2\n2 <= 2\nANSWER: YES", "ANSWER: NO", "Peak: 2\nANSWER: YES"]
    return [
        Example(f"train/{at:04}", (Message("user", question),), target, target[-3:].strip(), "teacher")
        for at, (question, target) in enumerate(zip(QUESTIONS, targets, strict=True))
    ]


@pytest.fixture(scope="session")
def recipe() -> LoraOptions:
    """Settings under which the random checkpoint learns the three examples by heart."""
    return LoraOptions(rank=8, target_modules="all-linear", learning_rate=2e-2, epochs=40, batch_size=3, accumulation=1)


@pytest.fixture(scope="session")
def adapter(
    make_student: MakeStudent, examples: list[Example], recipe: LoraOptions, tmp_path_factory: pytest.TempPathFactory
) -> Adapter:
    """An adapter that has learned the three examples."""
    folder = tmp_path_factory.mktemp("adapter")
    LoraTrainer(recipe).train(make_student(), examples, 7, folder, lambda *_: None)
    weights = folder / "adapter_model.safetensors"
    return Adapter(folder, hashlib.sha256(weights.read_bytes()).hexdigest())
