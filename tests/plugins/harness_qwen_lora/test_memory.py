"""The limit on a GPU's memory: what torch is told, and that whoever loads the model tells it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, BloomConfig, GPT2Config, MambaConfig, PreTrainedConfig

from harness_qwen_lora import memory
from harness_qwen_lora.checkpoints.loading import Source, load
from tests.plugins.harness_qwen_lora.conftest import MakeStudent


@pytest.mark.parametrize(("limit", "share"), [(12, 12 / 140), (200, 1.0)])
def test_process_is_held_to_its_share_of_the_card(monkeypatch: pytest.MonkeyPatch, limit: float, share: float) -> None:
    told: list[tuple[float, int | None]] = []
    card = SimpleNamespace(total_memory=140 * memory.GIB)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: card)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *given: told.append(given))
    memory.hold(torch.device("cuda:1"), limit)
    ((fraction, index),) = told
    assert fraction == pytest.approx(share)
    assert index == 1


def test_loading_holds_the_process_to_the_limit_before_it_touches_the_card(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class HeldError(Exception):
        pass

    def stop(*given: object) -> None:
        raise HeldError(*given)

    monkeypatch.setattr(memory, "hold", stop)
    with pytest.raises(HeldError) as held:
        load(Source(checkpoint, "random", "float32", "cuda:1", memory_gib=12))
    assert held.value.args == (torch.device("cuda:1"), 12)


def test_limit_goes_with_the_model_into_another_process(make_student: MakeStudent) -> None:
    assert make_student(memory_gib=12).source().memory_gib == 12


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        (GPT2Config(n_embd=32, n_head=4, n_layer=2, vocab_size=100), (2, 32, 128, 32, 100)),
        (BloomConfig(hidden_size=32, n_head=4, n_layer=2, vocab_size=100), (2, 32, 128, 32, 100)),
        (MambaConfig(hidden_size=32, num_hidden_layers=2, vocab_size=100), (2, 32, 64, 32, 100)),
    ],
    ids=lambda given: getattr(given, "model_type", ""),
)
def test_shape_is_read_of_families_that_state_no_intermediate_size(
    config: PreTrainedConfig, sizes: tuple[int, ...]
) -> None:
    kind: Any = AutoModelForCausalLM
    with torch.device("meta"):
        found = memory.shape(kind.from_config(config))
    assert (found.layers, found.hidden, found.intermediate, found.kv, found.vocabulary) == sizes
