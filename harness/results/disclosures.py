"""What every showing of a result says beside its figures: parts that were made up, a teacher that is a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.design.config import PLUGIN_KINDS

RECORDED = "RECORDED: the teacher's replies are those of an earlier run, given again; nobody was asked"


def remarks(result: Mapping[str, Any]) -> list[str]:
    """The remarks on a result, each a sentence that begins with its name in capitals."""
    found = []
    if result["simulated"]:
        parts = ", ".join(result["simulated"])
        found.append(f"SIMULATED: {parts}. {unreal(result['simulated'])}")
    if is_recorded(result["identities"]["teacher"]):
        found.append(f"{RECORDED}.")
    return found


def unreal(simulated: Sequence[str]) -> str:
    """What it means that these parts, such as ``teacher simulated``, are simulated. Holds no text of theirs."""
    kinds = [kind for kind in PLUGIN_KINDS if any(part.startswith(f"{kind} ") for part in simulated)]
    return f"These numbers say nothing about a real {' or '.join(kinds) or 'model'}."


def is_recorded(teacher: Mapping[str, Any] | None) -> bool:
    """Whether a teacher of this identity gives the replies of another again: see ``harness.api.Teacher``."""
    return bool(teacher and teacher.get("recorded"))
