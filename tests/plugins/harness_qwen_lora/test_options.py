"""Options from the command line, and what the plugin declares."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

import harness_qwen_lora
from harness_qwen_lora.options import AllLinearOptions, LoraOptions, QwenLoraOptions, QwenTinyOptions


@pytest.mark.parametrize(
    ("given", "modules"),
    [
        ("q_proj,v_proj", ("q_proj", "v_proj")),
        (" q_proj , v_proj,", ("q_proj", "v_proj")),
        ("all-linear", ("all-linear",)),
        (["q_proj"], ("q_proj",)),
    ],
)
def test_target_modules_are_read_from_one_string_or_a_list(given: object, modules: tuple[str, ...]) -> None:
    settings: dict[str, Any] = {"target_modules": given}
    assert LoraOptions(**settings).target_modules == modules


def test_every_trainer_option_can_be_given_as_a_string() -> None:
    given: dict[str, Any] = {"rank": "16", "alpha": "32", "learning_rate": "5e-3", "allow_truncation": "true"}
    options = LoraOptions(**given)
    assert (options.rank, options.alpha, options.learning_rate, options.allow_truncation) == (16, 32, 5e-3, True)


@pytest.mark.parametrize(
    "given",
    [
        {"rank": 0},
        {"learning_rate": 0},
        {"target_modules": ""},
        {"target_modules": "all-linear,q_proj"},
        {"dropout": 1},
        {"scheduler": "steep"},
        {"nope": 1},
    ],
)
def test_trainer_options_out_of_range_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LoraOptions(**given)


def test_published_hyper_parameters_are_the_defaults() -> None:
    options = LoraOptions()
    assert (options.rank, options.target_modules) == (8, ("q_proj", "v_proj"))
    assert (options.learning_rate, options.epochs, options.batch_size, options.accumulation) == (2e-4, 3, 2, 4)


def test_tiny_takes_no_model() -> None:
    given: dict[str, Any] = {"model": "./elsewhere"}
    with pytest.raises(ValidationError):
        QwenTinyOptions(**given)
    assert QwenLoraOptions(**given).model == "./elsewhere"


def test_recipe_of_the_tiny_student_suits_the_trainer() -> None:
    specs = {spec.name: spec for spec in harness_qwen_lora.harness_students()}
    assert set(specs) == {"qwen-lora", "qwen-tiny"}
    LoraOptions(**specs["qwen-tiny"].defaults["trainer.lora"])


def test_declaring_the_plugin_and_finding_a_folder_import_no_heavy_library() -> None:
    code = """
import sys, harness_qwen_lora as plugin
specs = {spec.name: spec for spec in [*plugin.harness_students(), *plugin.harness_trainers()]}
heavy = {"torch", "transformers", "peft", "tokenizers"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
student, trainer = (specs[name].create(specs[name].options()) for name in ("qwen-tiny", "lora"))
student.checkpoint, student.batch_size, student.skills(1), trainer.settings
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_trainers_differ_in_their_modules_alone() -> None:
    plain, everywhere = LoraOptions().model_dump(), AllLinearOptions().model_dump()
    assert {name for name in plain if plain[name] != everywhere[name]} == {"target_modules"}
    assert everywhere["target_modules"] == ("all-linear",)
    assert [spec.name for spec in harness_qwen_lora.harness_trainers()] == ["lora", "lora-all-linear"]


@pytest.mark.parametrize("given", ["auto", "8", 8])
def test_batch_is_a_number_or_left_to_memory(given: Any) -> None:
    assert QwenLoraOptions(batch_size=given).batch_size in ("auto", 8)
    assert LoraOptions(micro_batch=given).micro_batch in ("auto", 8)


@pytest.mark.parametrize("given", ["many", "0", -1])
def test_batch_that_is_neither_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        QwenLoraOptions(batch_size=given)
