"""Students `qwen-lora` and `qwen-tiny`, trainers `lora` and `lora-all-linear`: local models on transformers and peft.

What they offer is declared here; what they do is in student.py and training/, which only ``create`` imports.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from harness.api import StudentSpec, TrainerSpec, hookimpl
from harness_qwen_lora.options import AllLinearOptions, LoraOptions, QwenLoraOptions, QwenTinyOptions

if TYPE_CHECKING:
    from harness.api import Student, Trainer

TINY_RECIPE = {
    "rank": 16,
    "target_modules": "all-linear",
    "learning_rate": 5e-3,
    "epochs": 8,
    "batch_size": 8,
    "accumulation": 1,
    "warmup_steps": 10,
}
"""Trainer settings for the bundled checkpoint: a model this small takes a higher rate and more passes."""


def _qwen_lora(options: QwenLoraOptions) -> Student:
    from harness_qwen_lora.student import QwenStudent

    return QwenStudent(options.model, options, revision=options.revision, quantization=options.quantization)


def _qwen_tiny(options: QwenTinyOptions) -> Student:
    from harness_qwen_lora.student import QwenStudent

    return QwenStudent(str(files(__name__) / "tiny"), options, name="qwen-tiny")


def _lora(options: LoraOptions) -> Trainer:
    from harness_qwen_lora.training.trainer import LoraTrainer

    return LoraTrainer(options)


@hookimpl
def harness_students() -> Iterable[StudentSpec[Any]]:
    """The students of this plugin."""
    return [
        StudentSpec(
            name="qwen-lora",
            summary="A Qwen2.5 model, or any other chat model on transformers, run locally.",
            options=QwenLoraOptions,
            create=_qwen_lora,
        ),
        StudentSpec(
            name="qwen-tiny",
            summary="The code of qwen-lora on a small bundled checkpoint: offline, on a CPU, in minutes.",
            options=QwenTinyOptions,
            create=_qwen_tiny,
            defaults={"trainer.lora": TINY_RECIPE, "trainer.lora-all-linear": TINY_RECIPE},
        ),
    ]


@hookimpl
def harness_trainers() -> Iterable[TrainerSpec[Any]]:
    """The trainers of this plugin."""
    return [
        TrainerSpec(
            name="lora",
            summary="LoRA on the reply tokens, with transformers' Trainer and peft.",
            options=LoraOptions,
            create=_lora,
        ),
        TrainerSpec(
            name="lora-all-linear",
            summary="The trainer lora with an adapter on every linear module, not on queries and values alone.",
            options=AllLinearOptions,
            create=_lora,
        ),
    ]
