"""What answering and training take of a GPU's memory: estimates from a model's shape, and what there is.

An estimate only decides where to start: what does not fit after all is halved where it runs. No model is run here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

GIB = 2**30
RESERVED = 0.15
"""Share of the memory that no plan counts on: kernels, libraries, holes between allocations."""
MOST_ROWS = 256
"""Prompts of a batch, however much memory there is: beyond it a step costs as much as it saves."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a decoder that its memory depends on."""

    layers: int
    hidden: int
    intermediate: int
    kv: int
    """Width of the keys of one token in one layer, all heads together."""
    vocabulary: int
    bytes_per_value: int
    weights: int
    """Bytes of all weights."""

    @property
    def cache_per_token(self) -> int:
        """Bytes of keys and values of one token."""
        return 2 * self.layers * self.kv * self.bytes_per_value


def shape(model: PreTrainedModel) -> Shape:
    """The shape of a loaded model, read off its configuration and its weights.

    Families name their sizes differently, and some state none for their feed-forward layers: then it is the usual four
    times the hidden size.
    """
    config = model.config.get_text_config()
    embeddings: Any = model.get_input_embeddings()
    hidden = _stated(config, "hidden_size", "d_model", "n_embd") or int(embeddings.weight.shape[-1])
    heads = _stated(config, "num_attention_heads", "n_head", "num_heads") or 1
    head = _stated(config, "head_dim") or hidden // heads
    return Shape(
        layers=_stated(config, "num_hidden_layers", "n_layer", "num_layers") or 1,
        hidden=hidden,
        intermediate=_stated(config, "intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size") or 4 * hidden,
        kv=head * (_stated(config, "num_key_value_heads") or heads),
        vocabulary=int(embeddings.weight.shape[0]),
        bytes_per_value=model.dtype.itemsize,
        weights=sum(weight.numel() * weight.element_size() for weight in model.parameters()),
    )


def _stated(config: object, *names: str) -> int | None:
    """The first of some settings that a configuration states as a number, or as one for each layer."""
    for name in names:
        value = getattr(config, name, None)
        if isinstance(value, list) and value:
            value = max(value)
        if isinstance(value, int) and value > 0:
            return value
    return None


def answering(shape: Shape, rows: int, width: int, new: int, chunk: int | None) -> int:
    """Bytes that a padded batch takes besides the weights: ``rows`` prompts of ``width`` tokens, ``new`` made for each.

    The larger of two moments: the last chunk of the prompts, with its activations, and the last new token.
    """
    at_once = width if chunk is None else min(width, chunk)
    activations = (3 * shape.intermediate + 6 * shape.hidden) * shape.bytes_per_value
    prompts = width * shape.cache_per_token + at_once * activations
    last = (width + new) * shape.cache_per_token
    # logits as they come, and twice in float32: what generate() copies, and what it chooses from
    logits = shape.vocabulary * (shape.bytes_per_value + 8)
    return rows * (max(prompts, last) + logits)


def training(shape: Shape, rows: int, length: int, supervised: int, checkpointing: bool) -> int:
    """Bytes that one forward and backward pass takes besides the weights, for ``rows`` examples of ``length`` tokens.

    Counts what backward needs of a decoder layer with frozen weights: 24 bytes a hidden unit (norms in float32, inputs
    of the adapters, queries, attention output) and three values an intermediate unit; with checkpointing the input of
    every layer, and one layer's activations. ``supervised`` tokens of each example get logits.
    """
    layer = 24 * shape.hidden + (3 * shape.intermediate + 2 * shape.kv) * shape.bytes_per_value
    kept = shape.layers * shape.hidden * shape.bytes_per_value + layer if checkpointing else shape.layers * layer
    logits = supervised * shape.vocabulary * (2 * shape.bytes_per_value + 8)
    return rows * (length * kept + logits)


def total(device: torch.device, limit_gib: float) -> int:
    """Bytes of a GPU that may be used: all of it, or the limit. What is free now would change from run to resume."""
    import torch

    there = torch.cuda.get_device_properties(device).total_memory
    return min(there, int(limit_gib * GIB)) if limit_gib else there


def hold(device: torch.device, limit_gib: float) -> None:
    """Keeps this process to so much of a GPU: beyond it, torch raises OutOfMemoryError as a smaller card would."""
    import torch

    torch.cuda.set_per_process_memory_fraction(total(device, limit_gib) / total(device, 0), device.index)


def room(shape: Shape, memory: int) -> int:
    """Bytes of ``memory`` that are left beside the weights for a plan."""
    return int(memory * (1 - RESERVED)) - shape.weights
