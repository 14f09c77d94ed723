"""The design of a plan or a result at hand, and what an adapter of it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.api import Arm, Contrast, Design
from harness.design.transfer import TRANSFER


def restored(data: Mapping[str, Any]) -> Design:
    """A design that was written as JSON. Raises KeyError, TypeError or ValueError for what is none."""
    return Design(
        tuple(Arm(**{**each, "splits": tuple(each["splits"])}) for each in data["arms"]),
        tuple(Contrast(**{**each, "varies": tuple(each["varies"])}) for each in data["contrasts"]),
    )


def of(result: Mapping[str, Any]) -> Design:
    """The design of a result, which one of another design than ``transfer`` carries in its plan.

    Raises KeyError, TypeError or ValueError for one that is none.
    """
    chosen = ((result.get("plan") or {}).get("plugins") or {}).get("design")
    return TRANSFER if chosen is None else restored(chosen["design"])


def trained_name(arm: str, seed: int, first: int) -> str:
    """What an adapter and its examples are called: as the arm, and for every seed but the first with the seed."""
    return arm if seed == first else f"{arm}.{seed}"
