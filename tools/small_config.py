"""A small random configuration for any family of models that transformers knows.

transformers states only the full size of each family. Here its sizes are made small by the names that they have, and
the few relations between them are tried in several ways until one can be built and run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

POSITIONS = 1024
WIDTH, HEADS, HEAD = 64, 4, 16
MOST_PARAMETERS = 45_000_000
SIZES: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "hidden_size",
            "d_model",
            "n_embd",
            "dim",
            "embed_dim",
            "emb_dim",
            "embedding_dim",
            "lru_width",
            "word_embed_dim",
        ),
        WIDTH,
    ),
    **dict.fromkeys(
        ("embedding_size", "attention_hidden_size", "input_embedding_size", "output_embedding_size"), WIDTH
    ),
    **dict.fromkeys(
        (
            "intermediate_size",
            "ffn_dim",
            "decoder_ffn_dim",
            "encoder_ffn_dim",
            "d_inner",
            "n_inner",
            "ffn_hidden_size",
            "feed_forward_size",
            "dff",
            "moe_intermediate_size",
            "shared_expert_intermediate_size",
            "shared_intermediate_size",
            "intermediate_size_mlp",
            "expert_ffn_hidden_size",
            "moe_shared_expert_intermediate_size",
            "dense_intermediate_size",
            "mlp_hidden_size",
            "expert_hidden_size",
            "dim_ff",
            "block_ff_dim",
        ),
        2 * WIDTH,
    ),
    **dict.fromkeys(
        (
            "num_attention_heads",
            "n_head",
            "n_heads",
            "decoder_attention_heads",
            "encoder_attention_heads",
            "num_heads",
            "num_encoder_attention_heads",
            "num_decoder_attention_heads",
            "index_n_heads",
        ),
        HEADS,
    ),
    **dict.fromkeys(("head_dim", "d_head", "attention_head_size", "qk_nope_head_dim", "v_head_dim", "dim_head"), HEAD),
    **dict.fromkeys(("global_head_dim", "swa_head_dim", "attention_head_dim", "index_head_dim"), HEAD),
    "qk_rope_head_dim": 8,
    "rotary_dim": 8,
    "q_lora_rank": 32,
    "kv_lora_rank": 16,
    "o_lora_rank": 16,
    "o_groups": 2,
    "index_topk": 8,
    **dict.fromkeys(
        (
            "num_experts",
            "n_routed_experts",
            "num_local_experts",
            "moe_num_experts",
            "num_moe_experts",
            "ffn_num_experts",
        ),
        4,
    ),
    **dict.fromkeys(
        ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts", "moe_top_k"), 2
    ),
    **dict.fromkeys(("n_group", "topk_group", "num_expert_group", "n_shared_experts", "num_shared_experts"), 1),
    "zero_expert_num": 2,
    **dict.fromkeys(("mamba_d_state", "ssm_state_size", "state_size", "mamba_state_dim"), 16),
    **dict.fromkeys(("mamba_n_heads", "mamba_num_heads", "n_mamba_heads"), 8),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim", "mamba_headdim"), HEAD),
    **dict.fromkeys(("mamba_n_groups", "mamba_ngroups", "n_groups", "num_query_groups"), 1),
    **dict.fromkeys(("mamba_dt_rank", "time_step_rank"), 4),
    **dict.fromkeys(("chunk_size", "mamba_chunk_size"), 16),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "linear_head_dim"), HEAD),
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads", "linear_num_heads"), HEADS),
    **dict.fromkeys(("hidden_size_per_layer_input", "vocab_size_per_layer_input", "num_kv_shared_layers"), 0),
    "adapter_rank": 8,
    "kv_channels": HEAD,
    "attn_dim": WIDTH,
    "laurel_rank": 8,
    "num_mem_blocks": 1,
    "image_size": 32,
    "patch_size": 16,
    "depth": 2,
    "codebook_size": 64,
    "num_codebooks": 2,
}
"""Small values by the names that configurations use."""
HYBRID = {
    "layer_types": ["linear_attention", "indexed_attention"] * 2,
    "num_hidden_layers": 4,
    "indexer_n_heads": 4,
    "indexer_kv_heads": 1,
    "indexer_head_dim": HEAD,
    "indexer_budget": 16,
    "indexer_compress_ratio": 4,
    "hc_lowrank": 16,
}
TWO_KINDS = {
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "num_hidden_layers": 4,
    "num_kv_shared_layers": 2,
}
OWN: Mapping[str, Mapping[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "blt": {"encoder_hash_byte_group_vocab": 500},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 10000.0}}},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2, "hidden_size": WIDTH},
    },
    "deepseek_v2": {"head_dim": 8, "n_group": 1, "topk_group": 1, "n_routed_experts": 4, "num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "dots3_note": {
        "text_config": {"num_attention_heads": 4, "num_key_value_heads": 4},
        "vision_config": {"adapter_in_dim": WIDTH, "adapter_out_dim": WIDTH},
        "audio_config": {"num_key_value_heads": 4, "adapter_input_size": WIDTH, "adapter_out_dim": WIDTH},
    },
    "gemma3n_text": {**TWO_KINDS, "hidden_size_per_layer_input": HEAD, "vocab_size_per_layer_input": 1061},
    "gemma4_assistant": {
        "text_config": {
            "model_type": "gemma4_text",
            "hidden_size": WIDTH,
            "num_hidden_layers": 4,
            "hidden_size_per_layer_input": 0,
            "vocab_size_per_layer_input": 0,
        }
    },
    "granitemoehybrid": {"layer_types": ["mamba", "attention"], "num_hidden_layers": 2},
    "hunyuan_v1_dense": {"head_dim": HEAD},
    "hunyuan_v1_moe": {"head_dim": HEAD},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2},
    "longcat_flash": {"n_routed_experts": 4, "zero_expert_num": 2, "moe_topk": 2},
    "mamba2": {"num_heads": 8, "head_dim": HEAD},
    "ministral": {"head_dim": HEAD},
    "qwen4_exp": {"text_config": HYBRID},
    "qwen4_exp_text": HYBRID,
    "reformer": {"is_decoder": True, "axial_pos_embds": False},
    "xlstm": {"chunk_size": 64, "qk_dim_factor": 1.0},
    "xmod": {"default_language": "en_XX"},
}
"""What single families need besides: settings whose default is nothing, or that must fit each other."""
LAYERS = (
    "num_hidden_layers", "n_layer", "n_layers", "decoder_layers", "encoder_layers", "num_layers", "num_blocks",
    "num_encoder_layers", "num_decoder_layers",
)  # fmt: skip
KEYS = ("num_key_value_heads", "num_kv_heads", "num_global_key_value_heads", "n_head_kv", "swa_num_key_value_heads")
LENGTHS = (
    "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_target_positions", "context_length",
    "max_sequence_length", "original_max_position_embeddings",
)  # fmt: skip
TEXT = ("text_config", "decoder", "decoder_config", "llm_config", "language_config")
"""Names under which a configuration of several parts keeps the one that reads text."""


@dataclass(frozen=True)
class Recipe:
    """What is tried: layers (None for the family's own number), key-value heads, whether head sizes are left alone."""

    layers: int | None
    keys: int
    own_heads: bool = False
    own_sizes: bool = False


RECIPES = [
    Recipe(layers, keys, own_heads, own_sizes)
    for own_sizes in (False, True)
    for own_heads in (False, True)
    for layers in (2, 4, 8, None)
    for keys in (2, 4, 1)
    if not (own_sizes and layers is None)
]


def small_model(family: str, vocabulary: int, ids: Mapping[str, int | None]) -> PreTrainedModel:
    """A model of a family with random weights, which has been run once where any can be.

    ``ids``: the ids of the tokenizer's special tokens, by the names that a configuration uses. Raises ValueError, with
    what went wrong in the first attempt.
    """
    first: Exception | None = None
    kind: Any = AutoModelForCausalLM
    for config in configurations(family, vocabulary, ids):
        try:
            with torch.device("meta"):
                blank = kind.from_config(config)
            if sum(value.numel() for value in blank.parameters()) > MOST_PARAMETERS:
                raise ValueError("it is too large for a small model")
            torch.manual_seed(0)
            model: PreTrainedModel = kind.from_config(config, dtype=torch.float32).eval()
            with torch.inference_mode():
                model(input_ids=torch.arange(3, 43)[None])
        except Exception as error:
            first = first or error
            continue
        return model
    raise ValueError(f"no small model could be made ({type(first).__name__}: {str(first).partition(chr(10))[0][:200]})")


def buildable(family: str, vocabulary: int, ids: Mapping[str, int | None]) -> bool:
    """Whether transformers can build a causal model from any configuration of a family."""
    kind: Any = AutoModelForCausalLM
    found = False
    for config in configurations(family, vocabulary, ids):
        found = True
        with suppress(Exception), torch.device("meta"):
            kind.from_config(config)
            return True
    return not found


def configurations(family: str, vocabulary: int, ids: Mapping[str, int | None]) -> Iterator[Any]:
    """Configurations of a family, smaller ones first. What cannot be made is passed over."""
    kind = CONFIG_MAPPING[family]
    for recipe in RECIPES:
        try:
            yield kind(**_merged(_settings(kind, recipe, vocabulary, ids), OWN.get(family, {})))
        except Exception:  # noqa: S112 - a family may refuse any of them in its own way
            continue


def _merged(settings: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which those of ``own`` stand before the others, at any depth."""
    merged = dict(settings)
    for name, value in own.items():
        inner = merged.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return merged


def _settings(kind: Any, recipe: Recipe, vocabulary: int, ids: Mapping[str, int | None]) -> dict[str, Any]:
    """Arguments of a configuration class by which its sizes are small."""
    try:
        default = kind().to_dict()
    except Exception:  # a family whose own defaults do not fit each other; see OWN
        default = {}
    names = {own: name for name, own in (kind.attribute_map or {}).items()}
    parts = dict(kind.sub_configs or {})
    given: dict[str, Any] = {}
    depth = next((default[name] for name in LAYERS if isinstance(default.get(name), int)), None)
    for name, value in default.items():
        if name in parts:
            given[name] = _part(parts[name], value, name, recipe, vocabulary, ids)
        elif name in ids:
            given[name] = ids[name]
        elif isinstance(value, list) and depth and len(value) == depth and recipe.layers:
            given[name] = value[: recipe.layers]
        else:
            small = _small(name, names.get(name), value, recipe, vocabulary)
            if small is not None:
                given[name] = small
    return given


def _part(kind: Any, value: Any, name: str, recipe: Recipe, vocabulary: int, ids: Mapping[str, int | None]) -> Any:
    """A part of a configuration: the sizes of one that reads no text keep its own vocabulary."""
    from transformers import AutoConfig

    if kind is AutoConfig:
        kind = CONFIG_MAPPING[value["model_type"]]
    reads = name in TEXT
    return _settings(kind, recipe, vocabulary if reads else 0, ids if reads else {})


def _small(name: str, alias: str | None, value: Any, recipe: Recipe, vocabulary: int) -> Any:
    """The small value of a setting; None where it is left as it is."""
    if isinstance(value, bool) or not isinstance(value, int | None):
        return None
    for known in (name, alias):
        if known is None:
            continue
        if known == "vocab_size":
            return vocabulary or None
        if known in LAYERS:
            return recipe.layers
        if known in KEYS:
            return recipe.keys
        if known in LENGTHS:
            return POSITIONS if isinstance(value, int) else None
        if known in SIZES and isinstance(value, int):
            if recipe.own_heads and SIZES[known] == HEAD and known != "mamba_d_state":
                return None
            if recipe.own_sizes and known not in ("hidden_size", "d_model", "n_embd", "num_attention_heads", "n_head"):
                return None
            return SIZES[known]
    return None
