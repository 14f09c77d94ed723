"""A checkpoint on disk: which files make it up, what they are called in a result, and what makes one unfit.

Only names, digests and JSON; the Hub is in hub.py, and becoming a model in loading.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.api import Message, Skill, UsageError

ADVICE = "give a Hugging Face model folder or a Hub id such as Qwen/Qwen2.5-3B-Instruct"
WEIGHTS = "model.safetensors"
SKILLS = "skills.jsonl"
INDEX = "model.safetensors.index.json"
PLAIN_NAME = re.compile(r"\w[\w.-]*\.safetensors")
"""A weights file beside its index: a name that cannot lead out of the folder."""
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
    "tekken.json",
)
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
"""What peft leaves. transformers would put it on the model without a word."""
CONFIGS = ("config.json", "tokenizer_config.json", "generation_config.json")
SETTINGS = (
    *CONFIGS,
    *TOKENIZERS,
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
"""Files besides the weights that decide what a model is asked and what it answers."""
CODE_KEYS = ("auto_map", "custom_pipelines")
"""Keys by which a checkpoint asks for code of its own to be run."""
WEIGHTS_KEY = "transformers_weights"
"""Key by which a configuration chooses another weights file."""
IMPLEMENTATION = re.compile(r"_?\w*implementation\w*")
"""Keys that choose how a part of the model is computed: by a name that transformers knows, or by code at the Hub."""
CODE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+|.*[/\\:].*|.*--.*", re.DOTALL)
"""A value that could name code: a dotted path, or a place."""
NAMES_ITSELF = "_name_or_path"
"""The one private key that holds a place, and that chooses nothing."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that exists."""

    name: str
    """Hub id, or the folder's own name: never a path."""
    revision: str | None
    """The commit, for a Hub id."""
    folder: Path | None
    """None while the files are only at the Hub."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """sha256 by weights file as the Hub states them, where there is no folder."""
    size: int = 0
    """Bytes of the weights as the Hub states them, where there is no folder."""
    asked: str | None = None
    """The branch, tag or commit by which the Hub was asked, where there is no folder; None for its default branch."""

    def weights_sha256(self) -> str:
        """Digest of the weights: the file's sha256, or that of ``sha256sum``'s lines where there are several files."""
        digests = self.digests
        if self.folder is not None:
            digests = {name: sha256(self.folder / name) for name in weight_files(self.folder)}
        if len(digests) == 1:
            return next(iter(digests.values()))
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


def settings_sha256(folder: Path) -> dict[str, str]:
    """Digests by name of the files that decide what a model is asked: configuration, tokenizer, template, stops."""
    return {name: sha256(folder / name) for name in sorted(SETTINGS) if (folder / name).is_file()}


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
    names = indexed(folder / INDEX)
    return names if all((folder / name).is_file() for name in names) else []


def indexed(path: Path) -> list[str]:
    """Names of the files among which an index shares the weights out, sorted; empty if it names any other file."""
    weights = _read_json(path).get("weight_map")
    names = list(weights.values()) if isinstance(weights, dict) else []
    # a name from a file could lead out of the folder
    whole = all(isinstance(name, str) and PLAIN_NAME.fullmatch(name) for name in names)
    return sorted(set(names)) if whole else []


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


def check_folder(folder: Path) -> None:
    """Raises UsageError unless a folder holds a chat model in safetensors that asks for no code of its own."""
    if not folder.is_dir():
        raise UsageError(f"student.model: folder '{folder}' does not exist; {ADVICE}")
    check_settings(folder, weights=True)


def check_settings(folder: Path, weights: bool = False) -> None:
    """The same of the files besides the weights, and of these where ``weights``."""
    refuse_adapters(str(folder), [file.name for file in folder.iterdir()])
    missing = missing_files(folder)
    if not weights:
        missing = [name for name in missing if name != "*.safetensors"]
    if missing:
        raise UsageError(f"student.model: folder '{folder}' has no {' and no '.join(missing)}; {ADVICE}")
    settings = folder / "tokenizer_config.json"
    inline = settings.is_file() and _read_json(settings).get("chat_template")
    if not inline and not any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        raise UsageError(f"student.model: folder '{folder}' has no chat template; give the folder of a chat model")
    for name in CONFIGS:
        if (folder / name).is_file():
            _check_keys(folder / name, _read_json(folder / name))


def missing_files(folder: Path) -> list[str]:
    """What of a checkpoint is not in a folder."""
    missing = []
    if not (folder / "config.json").is_file():
        missing.append("config.json")
    if not weight_files(folder):
        missing.append("*.safetensors")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        missing.append("tokenizer.json")
    return missing


def refuse_adapters(place: str, names: Iterable[str]) -> None:
    """Raises UsageError where the files of a model include those of an adapter."""
    left = [name for name in ADAPTERS if name in set(names)]
    if left:
        raise UsageError(
            f"student.model: '{place}' holds {' and '.join(left)}, an adapter that would answer in the base model's "
            "place; remove it, or give the folder of a model without one"
        )


def _check_keys(path: Path, content: object) -> None:
    """Raises UsageError for settings, however deep, that name code or that choose other weights."""
    for key, value in _entries(content):
        if key in CODE_KEYS:
            raise UsageError(
                f"student.model: '{path}' asks for code from the checkpoint ({key}), which is never run; "
                "give a model that transformers itself knows"
            )
        if key == WEIGHTS_KEY and value is not None:
            raise UsageError(
                f"student.model: '{path}' chooses its weights by {key}; call the file {WEIGHTS} and remove the key"
            )
        private = key.startswith("_") and key != NAMES_ITSELF
        if (private or IMPLEMENTATION.fullmatch(key)) and any(CODE_NAME.fullmatch(text) for text in _texts(value)):
            raise UsageError(
                f"student.model: '{path}' sets the {'private ' if private else ''}key {key}, which could choose code; "
                "remove it, or give another model"
            )


def _entries(content: object) -> Iterator[tuple[str, object]]:
    """Every key with its value, at any depth."""
    if isinstance(content, dict):
        yield from content.items()
        for value in content.values():
            yield from _entries(value)
    elif isinstance(content, list):
        for value in content:
            yield from _entries(value)


def _texts(value: object) -> Iterator[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"student.model: '{path}' is not JSON ({error}); {ADVICE}") from error
    if not isinstance(content, dict):
        raise UsageError(f"student.model: '{path}' is not a JSON object; {ADVICE}")
    return content
