"""Adapter folders in the form of peft: whether one is as it was trained, and of a kind that can be put on a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.api import ADAPTER_WEIGHTS, Adapter, HarnessError
from harness_qwen_lora.checkpoints.checkpoint import sha256

CONFIG_FILE = "adapter_config.json"
NAMING_CODE = ("auto_mapping", "megatron_config")
"""What of a configuration names a module for peft to import."""
NAMING_FOLDERS = "XLORA"
"""The kind whose configuration names other adapters to fetch."""


def check(adapter: Adapter) -> Mapping[str, Any]:
    """The configuration of an adapter.

    Raises HarnessError for weights that are not those of its digest, for a kind that peft does not put into the layers
    of a model, and for a configuration that would have it import or fetch something else.
    """
    weights = adapter.folder / ADAPTER_WEIGHTS
    found = sha256(weights) if weights.is_file() else "none, being missing"
    if found != adapter.sha256:
        raise HarnessError(
            f"adapter {adapter.folder}: its weights have sha256 {found}, but {adapter.sha256} was recorded; "
            "train it again or restore the file"
        )
    return _configuration(adapter.folder / CONFIG_FILE)


def _configuration(path: Path) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind = config["peft_type"]
        sound = isinstance(kind, str) and not any(map(config.get, NAMING_CODE))
    except FileNotFoundError as error:
        raise HarnessError(
            f"{path.parent}: holds no {path.name}, by which this student puts an adapter on; choose a trainer that "
            "saves adapters in the form of peft"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise HarnessError(f"{path}: not the configuration of a plain adapter; train it again or restore the file")
    if not _is_of_layers(kind):
        raise HarnessError(
            f"{path}: the configuration of an adapter of the kind {kind[:40]!r}, which this student does not take; "
            "choose a trainer whose adapters lie in the layers of a model, such as LORA or IA3"
        )
    return config


def _is_of_layers(kind: str) -> bool:
    """Whether peft puts an adapter of a kind into single layers, and takes it off again without a trace."""
    from peft import PEFT_TYPE_TO_TUNER_MAPPING
    from peft.tuners.tuners_utils import BaseTuner

    tuners = {known.value: tuner for known, tuner in PEFT_TYPE_TO_TUNER_MAPPING.items()}
    return kind != NAMING_FOLDERS and kind in tuners and issubclass(tuners[kind], BaseTuner)
