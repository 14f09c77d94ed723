"""From a model folder or a Hub id to a checkpoint, and from a checkpoint to a model in memory.

Finding a checkpoint imports neither torch nor transformers and downloads no weights; what follows ``locate`` does.
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
from harness_qwen_lora.checkpoints.checkpoint import ADVICE, Checkpoint, check_folder, check_settings
from harness_qwen_lora.cluster import hidden
from harness_qwen_lora.options import Attention, Dtype, Quantization

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


MOST_NAMED = 3
"""Weights that a message names."""
MOST_CAUSE = 300
"""Characters of a library's own words that a message repeats."""


@dataclass(frozen=True, slots=True)
class Source:
    """All that ``load`` needs."""

    folder: Path
    name: str
    """What the model calls itself in whatever is saved from it."""
    dtype: Dtype
    device: str
    attention: Attention = "sdpa"
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


def settings(checkpoint: Checkpoint) -> Path:
    """The folder of a checkpoint's files besides the weights, downloaded if need be. Raises UsageError."""
    if checkpoint.folder is not None:
        return checkpoint.folder
    folder = hub.settings(checkpoint)
    check_settings(folder)
    return folder


def tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder. Raises UsageError."""
    from transformers import AutoTokenizer

    with quiet(), readable(folder):
        made: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    return made


def stops(folder: Path) -> list[int]:
    """The token ids by which a checkpoint's generation settings end a reply."""
    from transformers import AutoConfig, GenerationConfig

    with quiet(), readable(folder):
        if (folder / "generation_config.json").is_file():
            settings = GenerationConfig.from_pretrained(folder, local_files_only=True)
        else:
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            settings = GenerationConfig.from_model_config(config)
    eos = settings.eos_token_id
    return [eos] if isinstance(eos, int) else list(eos or [])


def load(source: Source) -> PreTrainedModel:
    """The model of a folder: safetensors only, no code from the checkpoint, nothing from the network.

    It is frozen and in evaluation mode. Raises UsageError.
    """
    import torch
    from transformers import AutoModelForCausalLM

    folder, dtype, device = source.folder, getattr(torch, source.dtype), torch.device(source.device)
    if device.type == "cuda" and source.memory_gib:
        memory.hold(device, source.memory_gib)
    kind: Any = AutoModelForCausalLM
    with quiet(), readable(folder), hidden():
        model, found = kind.from_pretrained(
            folder,
            dtype=dtype,
            output_loading_info=True,
            **fixed_arguments(source.attention),
            **_in_four_bits(source.quantization, dtype, device),
        )
        check_weights(folder, found)
    model.name_or_path = model.config._name_or_path = source.name
    if source.quantization == "none":
        model = model.to(device)
    frozen: PreTrainedModel = model.eval().requires_grad_(False)
    return frozen


def fixed_arguments(attention: Attention) -> dict[str, Any]:
    """What every model is loaded with."""
    return {
        "attn_implementation": attention,
        "use_safetensors": True,
        "trust_remote_code": False,
        "local_files_only": True,
    }


def check_weights(folder: Path, found: Mapping[str, Any]) -> None:
    """Raises UsageError where transformers would fill weights that a checkpoint lacks with random numbers."""
    missing = sorted(found["missing_keys"])
    if missing:
        named = ", ".join(missing[:MOST_NAMED]) + (", ..." if len(missing) > MOST_NAMED else "")
        raise UsageError(
            f"student.model: the weights in '{folder}' lack {len(missing)} that the model needs ({named}), which would "
            "be random numbers; give a folder that holds all of them"
        )


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


def linear_features(model: torch.nn.Module) -> Mapping[str, int]:
    """By name, without the path: how many inputs and outputs a model's linear modules have, all of a name together.

    GPT-2's Conv1D, a linear module under another name, counts.
    """
    found: Counter[str] = Counter()
    for path, module in _linear(model):
        if not _computes_otherwise(module):
            found[path.rpartition(".")[2]] += sum(module.weight.shape)
    return found


def no_linear_modules(model: torch.nn.Module) -> list[str]:
    """Paths of the modules that hold the weights of a linear module and compute something else, such as routers."""
    return sorted(path for path, module in _linear(model) if _computes_otherwise(module))


def _linear(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    import torch
    from transformers.pytorch_utils import Conv1D

    for path, module in model.named_modules():
        if isinstance(module, torch.nn.Linear | Conv1D):
            yield path, module


def _computes_otherwise(module: Any) -> bool:
    """Whether a model's own code makes something else of a vector than its linear map. A quantised weight does not."""
    import torch
    from transformers.pytorch_utils import Conv1D

    kind = type(module)
    plain = kind.forward in (torch.nn.Linear.forward, Conv1D.forward)
    if plain or not kind.__module__.startswith("transformers.models."):
        return False
    given = torch.zeros(1, 1, module.in_features, dtype=module.weight.dtype, device=module.weight.device)
    try:
        with torch.no_grad():
            made = module(given)
    except (RuntimeError, TypeError, ValueError):
        return True
    return not isinstance(made, torch.Tensor) or made.shape != (1, 1, module.out_features)


@contextmanager
def known_peft_warning() -> Iterator[None]:
    """Silences warnings of peft that say nothing to a user.

    The FutureWarning that peft 0.21 causes in transformers 5.23 whenever it wraps a model; that GPT-2's Conv1D has its
    weights the other way round, which peft sets right; that settings of peft's own for experts found none.
    """
    with warnings.catch_warnings():
        experts = r"The following (rank|alpha)_pattern keys|target_parameters="
        warnings.filterwarnings("ignore", message=experts, category=RuntimeWarning)
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False", category=UserWarning)
        yield


@contextmanager
def readable(folder: Path, but: type[Exception] = UsageError) -> Iterator[None]:
    """Turns whatever transformers makes of a damaged or foreign checkpoint into one line, all ``but`` one error."""
    try:
        yield
    except (UsageError, but):
        raise
    except Exception as error:
        raise UsageError(
            f"student.model: folder '{folder}' cannot be loaded ({type(error).__name__}: {cause(error)}); {ADVICE}"
        ) from error


def cause(error: BaseException) -> str:
    """What an error says, in one line."""
    first = next((line for line in str(error).splitlines() if line.strip()), "")
    return " ".join(first.split())[:MOST_CAUSE]


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
