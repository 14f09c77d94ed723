"""The Hugging Face Hub: what is in the local cache, what the Hub says, and fetching what is missing.

Which files make a checkpoint is in checkpoint.py. Nothing here loads a model.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

from harness.api import UsageError
from harness_qwen_lora.checkpoints.checkpoint import (
    ADVICE,
    INDEX,
    SETTINGS,
    SKILLS,
    WEIGHTS,
    Checkpoint,
    check_folder,
    indexed,
    missing_files,
    refuse_adapters,
)

FILES = sorted({*SETTINGS, SKILLS})
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
    """The checkpoint in the local cache, if all of its files are there. Raises UsageError where they are unfit."""
    folder = _snapshot(hub_id, revision)
    if folder is None or missing_files(folder):
        return None
    check_folder(folder)
    return Checkpoint(hub_id, folder.name, folder)


def _snapshot(hub_id: str, revision: str | None) -> Path | None:
    """The folder in the local cache that holds a commit, whole or in part."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(hub_id, "config.json", revision=revision)
    if not isinstance(config, str) or not COMMIT.fullmatch(Path(config).parent.name):
        return None
    return Path(config).parent


def described(hub_id: str, revision: str | None) -> Checkpoint:
    """The checkpoint as the Hub describes it: the weights are those that a folder with all of its files would have."""
    from huggingface_hub import model_info
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        info = model_info(hub_id, revision=revision, timeout=TIMEOUT, files_metadata=True)
    except RevisionNotFoundError as error:
        raise UsageError(
            f"student.revision: {hub_id} has no revision {revision!r}; give a branch, tag or commit"
        ) from error
    except GatedRepoError as error:
        raise UsageError(_gated(hub_id)) from error
    except RepositoryNotFoundError as error:
        raise UsageError(
            f"student.model: no model '{hub_id}' at the Hub, or one that needs `hf auth login`; {ADVICE}"
        ) from error
    except Exception as error:  # as in download
        raise UsageError(_unreachable(hub_id, revision, error)) from error
    files = {sibling.rfilename: sibling for sibling in info.siblings or []}
    if info.sha is None or not COMMIT.fullmatch(info.sha):
        raise UsageError(f"student.revision: the Hub names no commit for '{hub_id}'; give a commit or a model folder")
    refuse_adapters(hub_id, files)
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
        raise UsageError(_not_fetched(hub_id, revision, error)) from error
    return indexed(Path(index))


def download(checkpoint: Checkpoint) -> Path:
    """Fetches a checkpoint's files into the local cache; gives their folder. Raises UsageError if that fails."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if checkpoint.size > free:
        raise UsageError(
            f"student.model: '{checkpoint.name}' takes {_gigabytes(checkpoint.size)}, and {_gigabytes(free)} are free "
            f"in '{cache}'; make room, or set HF_HOME to a folder elsewhere"
        )
    folder = _fetch(checkpoint, [*FILES, *checkpoint.digests])
    # Under the name that was asked for too: unless the branch has moved meanwhile, a resumed run then finds it in
    # the cache, without asking the Hub.
    _fetch(replace(checkpoint, revision=checkpoint.asked), ["config.json"])
    return folder


def settings(checkpoint: Checkpoint) -> Path:
    """Fetches a checkpoint's files besides the weights, a few MB; gives their folder. Raises UsageError."""
    return _fetch(checkpoint, FILES)


def _fetch(checkpoint: Checkpoint, names: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(checkpoint.name, revision=checkpoint.revision, allow_patterns=names))
    except Exception as error:  # which HTTP library raises is the Hub client's own affair
        raise UsageError(_not_fetched(checkpoint.name, checkpoint.revision, error)) from error


def _not_fetched(hub_id: str, revision: str | None, error: Exception) -> str:
    """Why a file could not be had: terms that are not accepted, a full disk, or no Hub."""
    from huggingface_hub.errors import GatedRepoError

    if isinstance(error, GatedRepoError):
        return _gated(hub_id)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return (
            f"student.model: '{hub_id}' cannot be kept in the local cache ({error.strerror}: {error.filename}); make "
            "room, or set HF_HOME to a folder elsewhere"
        )
    return _unreachable(hub_id, revision, error)


def _gated(hub_id: str) -> str:
    return (
        f"student.model: '{hub_id}' is gated: accept its terms at https://huggingface.co/{hub_id} and run "
        "`hf auth login`, or give another model"
    )


def _unreachable(hub_id: str, revision: str | None, error: Exception) -> str:
    found = QWEN.fullmatch(hub_id)
    found_in_part = _snapshot(hub_id, revision)
    where = (
        f"is in the local cache without {' and without '.join(missing_files(found_in_part)) or 'some of its files'}"
        if found_in_part
        else "is not in the local cache"
    )
    size = f" ({2 * PARAMETERS[found[1]]:.0f} GB)" if found and found[1] in PARAMETERS else ""
    return (
        f"student.model: '{hub_id}' {where} and the Hub cannot be reached ({type(error).__name__}); "
        f"run `{_command(hub_id, revision)}`{size} where there is a network, or give a model folder"
    )


def _command(hub_id: str, revision: str | None) -> str:
    return f"hf download {hub_id}" + (f" --revision {revision}" if revision else "")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
