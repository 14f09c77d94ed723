"""Where a checkpoint's files are, what they are called in a result, and how they become a model.

Finding and checking a checkpoint imports neither torch nor transformers and downloads no weights; only ``fetch`` and
``load`` do.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError
from harness.records import Message, Skill

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADVICE = "give a Hugging Face model folder or a Hub id such as Qwen/Qwen2.5-3B-Instruct"
WEIGHTS = "model.safetensors"
ADAPTER_FILE = "adapter_model.safetensors"
SKILLS = "skills.jsonl"
INDEX = "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja", "tokenizer.model"]
HUB_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that exists."""

    name: str
    """Hub id, or the folder's own name: never a path."""
    revision: str | None
    """The commit, for a Hub id."""
    folder: Path | None
    """None while the files are only at the Hub."""
    digests: Mapping[str, str] | None = None
    """sha256 by weights file as the Hub states them, where there is no folder."""

    def weights_sha256(self) -> str | None:
        """Digest of the weights: the file's sha256, or that of ``sha256sum``'s lines where there are several files.

        None where the files are only at the Hub and the Hub does not state it.
        """
        digests = self.digests
        if self.folder is not None:
            digests = {name: sha256(self.folder / name) for name in weight_files(self.folder)}
        if not digests:
            return None
        if len(digests) == 1:
            return next(iter(digests.values()))
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


def sha256(path: Path) -> str:
    """Digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weight_files(folder: Path) -> list[str]:
    """Names of the safetensors files that make up a checkpoint, sorted; empty if one is missing."""
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if not (folder / INDEX).is_file():
        return []
    names = sorted(set(_read_json(folder / INDEX).get("weight_map", {}).values()))
    return names if names and all((folder / name).is_file() for name in names) else []


def locate(model: str, revision: str | None = None, name: str | None = None) -> Checkpoint:
    """Finds a folder, or a Hub id in the local cache or else at the Hub, and pins the revision to a commit.

    ``name`` is what a folder is called in a result. Raises UsageError.
    """
    if model.startswith(("/", ".", "~")):
        if revision is not None:
            raise UsageError(f"student.revision: {revision!r} was given, but {model!r} is a folder; leave it out")
        folder = Path(model).expanduser()
        _check_folder(folder)
        return Checkpoint(name or folder.resolve().name, None, folder)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        raise UsageError(f"student.model: {model!r} is neither a folder (begins with / . or ~) nor a Hub id; {ADVICE}")
    return _cached(model, revision) or _at_hub(model, revision)


def read_skills(folder: Path) -> list[Skill]:
    """What a checkpoint says that it can do, from skills.jsonl in its folder; empty where there is no such file.

    A line is ``{"name": ..., "messages": [{"role": ..., "content": ...}, ...], "reply": ...}``. Raises UsageError.
    """
    path = folder / SKILLS
    if not path.is_file():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [
            Skill(row["name"], tuple(Message(turn["role"], turn["content"]) for turn in row["messages"]), row["reply"])
            for row in rows
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"student.model: '{path}' is not a list of skills ({type(error).__name__}: {error}); mend it or remove it"
        ) from error


def fetch(checkpoint: Checkpoint) -> Path:
    """The folder of a checkpoint's files, downloaded if need be. Raises UsageError if that fails."""
    if checkpoint.folder is not None:
        return checkpoint.folder
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(checkpoint.name, revision=checkpoint.revision, allow_patterns=FILES)
    except Exception as error:  # which HTTP library raises is the Hub client's own affair
        raise UsageError(_unreachable(checkpoint.name, checkpoint.revision, error)) from error
    return Path(folder)


def load(
    folder: Path, dtype: torch.dtype, device: torch.device, name: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer from a folder: safetensors only, no code from the checkpoint, nothing from the network.

    The model is frozen and in evaluation mode, and calls itself ``name`` in whatever is saved from it.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet(), _readable(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    model.name_or_path = model.config._name_or_path = name
    return model.to(device).eval().requires_grad_(False), tokenizer


def linear_modules(folder: Path) -> set[str]:
    """Names of the linear modules of the model that a folder's config describes. Allocates no weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with quiet(), _readable(folder), torch.device("meta"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        model: Any = AutoModelForCausalLM
        return linear_names(model.from_config(config, trust_remote_code=False))


def linear_names(model: torch.nn.Module) -> set[str]:
    """Names of a model's linear modules, without the path to them."""
    import torch

    return {name.rpartition(".")[2] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}


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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"student.model: '{path}' is not JSON ({error}); {ADVICE}") from error
    return content if isinstance(content, dict) else {}


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


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(f"student.model: folder '{folder}' does not exist; {ADVICE}")
    missing = []
    if not (folder / "config.json").is_file():
        missing.append("config.json")
    if not weight_files(folder):
        missing.append("*.safetensors")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        missing.append("tokenizer.json")
    if missing:
        raise UsageError(f"student.model: folder '{folder}' has no {' and no '.join(missing)}; {ADVICE}")
    settings = folder / "tokenizer_config.json"
    inline = settings.is_file() and _read_json(settings).get("chat_template")
    if not inline and not (folder / "chat_template.jinja").is_file():
        raise UsageError(f"student.model: folder '{folder}' has no chat template; give the folder of a chat model")


def _cached(hub_id: str, revision: str | None) -> Checkpoint | None:
    """The checkpoint in the local cache, if all of its files are there."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(hub_id, "config.json", revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    try:
        _check_folder(folder)
    except UsageError:
        return None
    return Checkpoint(hub_id, folder.name, folder)


def _at_hub(hub_id: str, revision: str | None) -> Checkpoint:
    """The checkpoint as the Hub describes it."""
    from huggingface_hub import model_info
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = model_info(hub_id, revision=revision, timeout=HUB_TIMEOUT, files_metadata=True)
    except RevisionNotFoundError as error:
        raise UsageError(
            f"student.revision: {hub_id} has no revision {revision!r}; give a branch, tag or commit"
        ) from error
    except RepositoryNotFoundError as error:
        raise UsageError(
            f"student.model: no model '{hub_id}' at the Hub, or one that needs `hf auth login`; {ADVICE}"
        ) from error
    except Exception as error:  # as in fetch
        raise UsageError(_unreachable(hub_id, revision, error)) from error
    files = {sibling.rfilename: sibling for sibling in info.siblings or []}
    weights = [name for name in files if name == WEIGHTS or SHARD.fullmatch(name)]
    if "config.json" not in files or not weights:
        raise UsageError(f"student.model: '{hub_id}' has no config.json with safetensors weights; {ADVICE}")
    stated = {name: lfs.sha256 for name in weights if (lfs := files[name].lfs) is not None}
    return Checkpoint(hub_id, info.sha, None, stated if len(stated) == len(weights) else None)


def _unreachable(hub_id: str, revision: str | None, error: Exception) -> str:
    command = f"hf download {hub_id}" + (f" --revision {revision}" if revision else "")
    return (
        f"student.model: '{hub_id}' is not in the local cache and the Hub cannot be reached ({type(error).__name__}); "
        f"run `{command}` where there is a network, or give a model folder"
    )
