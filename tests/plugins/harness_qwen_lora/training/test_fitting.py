"""How a step is split, what the loss is made of, and that neither changes the adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from harness.api import Example, HarnessError, TokenRow, UsageError
from harness_qwen_lora import memory
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training import hf_trainer
from harness_qwen_lora.training.fitting import Split, share, splits
from harness_qwen_lora.training.hf_trainer import Order, collate, tensors
from harness_qwen_lora.training.trainer import LoraTrainer

QWEN_3B = memory.Shape(
    layers=36, hidden=2048, intermediate=11008, kv=256, vocabulary=151936, bytes_per_value=2, weights=6_171_877_376
)
ROWS = [TokenRow(tuple(range(300)), 200, truncated=False)]


def options(**given: Any) -> LoraOptions:
    return LoraOptions(**given)


def train(student: QwenStudent, examples: list[Example], folder: Path, **given: Any) -> dict[str, torch.Tensor]:
    folder.mkdir()
    LoraTrainer(options(**{"rank": 4, "epochs": 2} | given)).train(student, examples, 7, folder, lambda *_: None)
    return load_file(folder / "adapter_model.safetensors")


def furthest(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)


def test_cpu_takes_the_batch_that_was_asked_for_then_smaller_ones() -> None:
    assert splits(options(), QWEN_3B, ROWS, None) == [Split(2, False), Split(1, False)]
    assert splits(options(checkpointing="on"), QWEN_3B, ROWS, None) == [Split(2, True), Split(1, True)]


def test_large_card_takes_a_whole_step_at_once() -> None:
    assert splits(options(), QWEN_3B, ROWS, 140 * memory.GIB)[0] == Split(8, False)


def test_card_of_12_gib_makes_activations_again_only_where_it_must() -> None:
    assert splits(options(), QWEN_3B, ROWS, 12 * memory.GIB)[0] == Split(2, False)
    long = [TokenRow(tuple(range(1024)), 800, truncated=False)]
    assert splits(options(), QWEN_3B, long, 12 * memory.GIB)[0].checkpointing


def test_dropout_keeps_the_batch_that_was_asked_for() -> None:
    assert splits(options(dropout=0.1), QWEN_3B, ROWS, 140 * memory.GIB)[0] == Split(2, False)


@given(
    step=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    gib=st.none() | st.integers(1, 150),
    checkpointing=st.sampled_from(["auto", "on", "off"]),
    dropout=st.sampled_from([0.0, 0.1]),
)
def test_every_split_keeps_the_examples_of_a_step(
    step: tuple[int, int], gib: int | None, checkpointing: str, dropout: float
) -> None:
    given_options = options(batch_size=step[0], accumulation=step[1], checkpointing=checkpointing, dropout=dropout)
    ways = splits(given_options, QWEN_3B, ROWS, gib and gib * memory.GIB)
    assert ways
    assert len(set(ways)) == len(ways)
    assert all(share(given_options) % way.micro_batch == 0 for way in ways)
    assert checkpointing == "auto" or {way.checkpointing for way in ways} == {checkpointing == "on"}
    assert ways[-1].micro_batch == 1


def test_step_that_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(UsageError, match=r"trainer\.processes: 3 processes cannot share the 8 examples"):
        share(options(processes=3))
    with pytest.raises(UsageError, match=r"trainer\.micro_batch: 3 does not divide the 8 examples"):
        share(options(micro_batch=3))


@given(rows=st.integers(1, 40), processes=st.integers(1, 4), batch=st.integers(1, 4), seed=st.integers(0, 99))
def test_processes_see_every_row_once_in_an_epoch(rows: int, processes: int, batch: int, seed: int) -> None:
    alone, shared = Order(rows, seed, 1), Order(rows, seed, processes * batch)
    for _epoch in range(2):
        order = list(shared)
        assert len(order) == len(shared)
        assert len(order) % (processes * batch) == 0
        assert order[:rows] == list(alone)
        assert sorted(order[:rows]) == list(range(rows))
        assert set(order[rows:]) <= {rows}


def test_logits_are_asked_for_where_a_supervised_token_is_predicted() -> None:
    batch = collate([tensors(TokenRow((5, 6, 7, 8), 2, False)), tensors(TokenRow((5, 9, 9, 9, 4), 4, False))], pad=0)
    assert batch["logits_to_keep"].tolist() == [1, 2, 3]


def test_logits_of_the_prompt_are_never_made(student: QwenStudent, examples: list[Example], tmp_path: Path) -> None:
    rows = [student.chat().row(example, 1024) for example in examples]
    positions: list[int] = []
    with student.lend() as model:
        head: Any = model.lm_head
        handle = head.register_forward_hook(lambda _module, _given, logits: positions.append(logits.shape[1]))
        train(student, examples, tmp_path / "a", batch_size=1, accumulation=3, epochs=1)
        handle.remove()
    assert sorted(positions) == sorted(row.supervised_tokens for row in rows)


@pytest.mark.parametrize("given", [{"checkpointing": "on"}, {"micro_batch": 1}, {"deterministic": True}])
def test_way_that_a_step_is_run_does_not_change_the_adapter(
    student: QwenStudent, examples: list[Example], tmp_path: Path, given: dict[str, Any]
) -> None:
    plain = train(student, examples * 3, tmp_path / "a")
    assert furthest(plain, train(student, examples * 3, tmp_path / "b", **given)) < 1e-6
    assert not torch.are_deterministic_algorithms_enabled()
    with student.lend() as model:
        assert not model.is_activation_checkpointing


def test_checkpointing_makes_activations_again_and_plain_training_does_not(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    calls = {}
    for checkpointing in ("off", "on"):
        seen: list[int] = []
        with student.lend() as model:
            layer: Any = model.model.layers[1].mlp
            handle = layer.register_forward_pre_hook(lambda *_, seen=seen: seen.append(1))
            train(student, examples, tmp_path / checkpointing, checkpointing=checkpointing)
            handle.remove()
        calls[checkpointing] = len(seen)
    assert calls["on"] == 2 * calls["off"] > 0


def out_of_memory_at(monkeypatch: pytest.MonkeyPatch, target: type, name: str, calls: set[int]) -> list[int]:
    """Has a method run out of memory at these calls, counted from 1; gives the list in which calls are counted."""
    real: Callable[..., Any] = getattr(target, name)
    made: list[int] = []

    def method(*given: Any, **named: Any) -> Any:
        made.append(len(made) + 1)
        if len(made) in calls:
            raise torch.OutOfMemoryError("injected")
        return real(*given, **named)

    monkeypatch.setattr(target, name, method)
    return made


def test_training_that_runs_out_of_memory_starts_again_with_less_and_comes_to_the_same(
    student: QwenStudent, examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = train(student, examples * 3, tmp_path / "a")
    out_of_memory_at(monkeypatch, hf_trainer.SupervisedLoss, "forward", {4})
    (tmp_path / "b").mkdir()
    trainer = LoraTrainer(options(rank=4, epochs=2))
    report = trainer.train(student, examples * 3, 7, tmp_path / "b", lambda *_: None)
    assert report.settings["micro_batch"] == 1
    assert furthest(plain, load_file(tmp_path / "b" / "adapter_model.safetensors")) < 1e-6


def test_example_that_never_fits_is_told_of(
    student: QwenStudent, examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out_of_memory_at(monkeypatch, hf_trainer.SupervisedLoss, "forward", set(range(99)))
    with pytest.raises(HarnessError, match="a single example does not fit into memory"):
        train(student, examples, tmp_path / "a")
    assert not list((tmp_path / "a").iterdir())


def test_published_training_fits_12_gib_by_the_estimate_and_a_full_step_without_checkpointing_does_not() -> None:
    left = memory.room(QWEN_3B, 12 * memory.GIB)
    assert memory.training(QWEN_3B, 2, 512, 200, checkpointing=True) < left
    assert memory.training(QWEN_3B, 8, 512, 200, checkpointing=False) > left
