"""From a model folder or a Hub id to a checkpoint, and from a checkpoint to a model in memory.

Finding a checkpoint imports neither torch nor transformers and downloads no weights; only ``fetch`` and ``load`` do.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import UsageError
from harness_qwen_lora import memory
from harness_qwen_lora.checkpoints import hub
from harness_qwen_lora.checkpoints.checkpoint import ADVICE, Checkpoint, check_folder
from harness_qwen_lora.options import Dtype, Quantization

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Source:
    """All that ``load`` needs."""

    folder: Path
    name: str
    """What the model calls itself in whatever is saved from it."""
    dtype: Dtype
    device: str
    quantization: Quantization = "none"
    memory_gib: float = 0
    """GPU memory that the process may take from then on; 0 for all there is."""


def locate(model: str, revision: str | None = None, name: str | None = None) -> Checkpoint:
    """Finds a folder, or a Hub id in the local cache or else at the Hub, and pins the revision to a commit.

    ``name`` is what a folder is called in a result. Raises UsageError.
    """
    if model.startswith(("/", ".", "~")):
        if revision is not None:
            raise UsageError(f"student.revision: {revision!r} was given, but {model!r} is a folder; leave it out")
        folder = Path(model).expanduser()
        check_folder(folder)
        return Checkpoint(name or folder.resolve().name, None, folder)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise UsageError(f"student.model: {model!r} is neither a folder (begins with / . or ~) nor a Hub id; {ADVICE}")
    return hub.cached(model, revision) or hub.described(model, revision)


def fetch(checkpoint: Checkpoint) -> Path:
    """The folder of a checkpoint's files, downloaded if need be. Raises UsageError if that fails."""
    if checkpoint.folder is not None:
        return checkpoint.folder
    folder = hub.download(checkpoint)
    check_folder(folder)
    return folder


def load(source: Source) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer from a folder: safetensors only, no code from the checkpoint, nothing from the network.

    The model is frozen and in evaluation mode.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, dtype, device = source.folder, getattr(torch, source.dtype), torch.device(source.device)
    if device.type == "cuda" and source.memory_gib:
        memory.hold(device, source.memory_gib)
    with quiet(), _readable(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            **_in_four_bits(source.quantization, dtype, device),
        )
    model.name_or_path = model.config._name_or_path = source.name
    if source.quantization == "none":
        model = model.to(device)
    return model.eval().requires_grad_(False), tokenizer


def check_quantization() -> None:
    """Raises UsageError where the library for 4-bit weights is not installed."""
    if find_spec("bitsandbytes") is None:
        raise UsageError(
            "student.quantization: nf4 needs bitsandbytes, which is not installed; run `pip install bitsandbytes`, or "
            "give none"
        )


def _in_four_bits(quantization: Quantization, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """What from_pretrained needs to keep weights as QLoRA does (arXiv:2305.14314): nf4, constants quantized again."""
    if quantization == "none":
        return {}
    from transformers import BitsAndBytesConfig

    config: Any = BitsAndBytesConfig
    settings = config(
        load_in_4bit=True,
        bnb_4bit_quant_type=quantization,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": settings, "device_map": {"": device}}


def linear_modules(folder: Path) -> Mapping[str, int]:
    """``linear_features`` of the model that a folder's config describes. Allocates no weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with quiet(), _readable(folder), torch.device("meta"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        model: Any = AutoModelForCausalLM
        return linear_features(model.from_config(config, trust_remote_code=False))


def linear_features(model: torch.nn.Module) -> Mapping[str, int]:
    """By name, without the path: how many inputs and outputs a model's linear modules have, all of a name together."""
    import torch

    found: Counter[str] = Counter()
    for path, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            found[path.rpartition(".")[2]] += module.in_features + module.out_features
    return found


@contextmanager
def known_peft_warning() -> Iterator[None]:
    """Silences the one FutureWarning that peft 0.21 causes in transformers 5.23 whenever it wraps a model."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        yield


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Turns whatever transformers makes of a damaged or foreign checkpoint into one line."""
    try:
        yield
    except Exception as error:
        cause = str(error).partition("\n")[0]
        raise UsageError(
            f"student.model: folder '{folder}' cannot be loaded ({type(error).__name__}: {cause}); {ADVICE}"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers' progress bars and advice off the terminal; its errors still show."""
    from transformers.utils import logging as module

    transformers_logging: Any = module  # half of its functions are untyped

    bars, level = transformers_logging.is_progress_bar_enabled(), transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
