"""What a checkpoint's model would be, found out without its weights in memory: attention, modules, embeddings.

Built on torch's meta device, which allocates nothing. A model with values is loaded in loading.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api import UsageError
from harness_qwen_lora.checkpoints.checkpoint import ADVICE
from harness_qwen_lora.checkpoints.loading import check_weights, fixed_arguments, quiet, readable
from harness_qwen_lora.cluster import hidden
from harness_qwen_lora.options import Attention

SDPA: Attention = "sdpa"
EAGER: Attention = "eager"
UNFIT = {
    "blt": "transformers cannot run: its cache asks for a number of layers, which the family does not state",
    "reformer": "draws the hashes of its attention at random, so that the same prompt gives other replies each time",
}
"""Families that transformers builds and that cannot be measured, with the reason."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """The model of a checkpoint, as its configuration describes it."""

    model: Any
    """Without values, on the meta device. Whoever puts an adapter on it takes it off again."""
    attention: Attention
    """``sdpa``, or ``eager`` where transformers has no other for the family."""

    @property
    def embeddings(self) -> int:
        """Rows of the input embeddings: the number of token ids that the model knows."""
        return int(self.model.get_input_embeddings().weight.shape[0])


def describe(folder: Path) -> Architecture:
    """The architecture of a model folder, from its configuration alone.

    Raises UsageError for a model that cannot be built or cannot generate.
    """
    try:
        found = Architecture(_build(folder, SDPA), SDPA)
    except _NoSuchAttentionError:
        found = Architecture(_build(folder, EAGER), EAGER)
    family = found.model.config.model_type
    reason = UNFIT.get(family)
    if not found.model.can_generate():
        reason = "writes no text in transformers"
    if reason is not None:
        raise UsageError(f"student.model: '{folder}' holds a model of the family {family}, which {reason}; {ADVICE}")
    return found


def check(folder: Path, attention: Attention) -> None:
    """Raises UsageError unless a folder's weights files hold, by their headers, all that its model needs."""
    from transformers import AutoModelForCausalLM

    kind: Any = AutoModelForCausalLM
    with quiet(), readable(folder), hidden():
        _, found = kind.from_pretrained(
            folder, device_map={"": "meta"}, output_loading_info=True, **fixed_arguments(attention)
        )
        check_weights(folder, found)


class _NoSuchAttentionError(Exception):
    """The family has no sdpa."""


def _build(folder: Path, attention: Attention) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    kind: Any = AutoModelForCausalLM
    with quiet(), readable(folder, _NoSuchAttentionError), hidden(), torch.device("meta"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        try:
            return kind.from_config(config, attn_implementation=attention, trust_remote_code=False)
        except (ValueError, ImportError) as error:
            if attention == SDPA and "attention" in str(error):
                raise _NoSuchAttentionError from error
            raise
