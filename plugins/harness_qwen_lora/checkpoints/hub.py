"""The Hugging Face Hub: what is in the local cache, what the Hub says, and fetching what is missing.

Which files make a checkpoint is in checkpoint.py. Nothing here loads a model.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Container
from pathlib import Path

from harness.api import UsageError
from harness_qwen_lora.checkpoints.checkpoint import ADVICE, INDEX, WEIGHTS, Checkpoint, check_folder, indexed

FILES = ["*.json", "*.txt", "*.jinja", "tokenizer.model"]
"""What is fetched besides the weights."""
TIMEOUT = 10.0
"""Seconds."""
COMMIT = re.compile(r"[0-9a-f]{40}")
QWEN = re.compile(r"Qwen/Qwen2\.5-([\d.]+)B(-Instruct)?")
PARAMETERS = {"0.5": 0.49, "1.5": 1.54, "3": 3.09, "7": 7.61, "14": 14.7, "32": 32.5, "72": 72.7}
"""Billions of parameters of each Qwen2.5 model, from its model card; two bytes each."""
LICENCES = {"3": "qwen-research", "72": "qwen"}
"""The sizes of Qwen2.5 that have a licence of Qwen's own; the others are under Apache-2.0."""


def licence(hub_id: str) -> str | None:
    """The licence of a Qwen2.5 model in the Hub's terms; None for any other, whose card says it."""
    found = QWEN.fullmatch(hub_id)
    if found is None:
        return None
    return LICENCES.get(found[1], "apache-2.0") if found[1] in PARAMETERS else None


def cached(hub_id: str, revision: str | None) -> Checkpoint | None:
    """The checkpoint in the local cache, if all of its files are there."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(hub_id, "config.json", revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    if not COMMIT.fullmatch(folder.name):
        return None
    try:
        check_folder(folder)
    except UsageError:
        return None
    return Checkpoint(hub_id, folder.name, folder)


def described(hub_id: str, revision: str | None) -> Checkpoint:
    """The checkpoint as the Hub describes it: the weights are those that a folder with all of its files would have."""
    from huggingface_hub import model_info
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = model_info(hub_id, revision=revision, timeout=TIMEOUT, files_metadata=True)
    except RevisionNotFoundError as error:
        raise UsageError(
            f"student.revision: {hub_id} has no revision {revision!r}; give a branch, tag or commit"
        ) from error
    except RepositoryNotFoundError as error:
        raise UsageError(
            f"student.model: no model '{hub_id}' at the Hub, or one that needs `hf auth login`; {ADVICE}"
        ) from error
    except Exception as error:  # as in download
        raise UsageError(_unreachable(hub_id, revision, error)) from error
    files = {sibling.rfilename: sibling for sibling in info.siblings or []}
    if info.sha is None or not COMMIT.fullmatch(info.sha):
        raise UsageError(f"student.revision: the Hub names no commit for '{hub_id}'; give a commit or a model folder")
    weights = _weights(hub_id, info.sha, revision, files)
    if "config.json" not in files or not weights or not files.keys() >= set(weights):
        raise UsageError(f"student.model: '{hub_id}' has no config.json with safetensors weights; {ADVICE}")
    stated = {name: lfs for name in weights if (lfs := files[name].lfs) is not None}
    if len(stated) < len(weights):
        raise UsageError(
            f"student.model: the Hub states no digest of the weights of '{hub_id}', by which a resumed run would know "
            f"them again; run `{_command(hub_id, revision)}` first"
        )
    digests = {name: lfs.sha256 for name, lfs in stated.items()}
    return Checkpoint(hub_id, info.sha, None, digests, sum(lfs.size for lfs in stated.values()), revision)


def _weights(hub_id: str, commit: str, revision: str | None, files: Container[str]) -> list[str]:
    """Names of the weights files; where there are several, by the Hub's index, fetched into the local cache."""
    from huggingface_hub import hf_hub_download

    if WEIGHTS in files:
        return [WEIGHTS]
    if INDEX not in files:
        return []
    try:
        index = hf_hub_download(hub_id, INDEX, revision=commit)
    except Exception as error:  # as in download
        raise UsageError(_unreachable(hub_id, revision, error)) from error
    return indexed(Path(index))


def download(checkpoint: Checkpoint) -> Path:
    """Fetches a checkpoint's files into the local cache; gives their folder. Raises UsageError if that fails."""
    from huggingface_hub import constants, snapshot_download

    cache = Path(constants.HF_HUB_CACHE)
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if checkpoint.size > free:
        raise UsageError(
            f"student.model: '{checkpoint.name}' takes {_gigabytes(checkpoint.size)}, and {_gigabytes(free)} are free "
            f"in '{cache}'; make room, or set HF_HOME to a folder elsewhere"
        )
    try:
        wanted = [*FILES, *checkpoint.digests]
        folder = snapshot_download(checkpoint.name, revision=checkpoint.revision, allow_patterns=wanted)
        # Under the name that was asked for too: unless the branch has moved meanwhile, a resumed run then finds it in
        # the cache, without asking the Hub.
        snapshot_download(checkpoint.name, revision=checkpoint.asked, allow_patterns=["config.json"])
    except Exception as error:  # which HTTP library raises is the Hub client's own affair
        raise UsageError(_unreachable(checkpoint.name, checkpoint.revision, error)) from error
    return Path(folder)


def _unreachable(hub_id: str, revision: str | None, error: Exception) -> str:
    found = QWEN.fullmatch(hub_id)
    size = f" ({2 * PARAMETERS[found[1]]:.0f} GB)" if found and found[1] in PARAMETERS else ""
    return (
        f"student.model: '{hub_id}' is not in the local cache and the Hub cannot be reached ({type(error).__name__}); "
        f"run `{_command(hub_id, revision)}`{size} where there is a network, or give a model folder"
    )


def _command(hub_id: str, revision: str | None) -> str:
    return f"hf download {hub_id}" + (f" --revision {revision}" if revision else "")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
