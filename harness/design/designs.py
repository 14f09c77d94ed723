"""The design of a plan or a result at hand, how large its problem sets are, and what an adapter of it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.api import Arm, Claim, Contrast, Demonstrate, Design, Examine, Learn, ProblemSet, Step, Train
from harness.design.transfer import TRANSFER

STEPS: Mapping[str, Callable[..., Step]] = {
    "learn": Learn,
    "demonstrate": Demonstrate,
    "train": Train,
    "examine": Examine,
}


def restored(data: Mapping[str, Any]) -> Design:
    """A design that was written as JSON. Raises KeyError, TypeError or ValueError for what is none."""
    return Design(
        arms=tuple(Arm(**_whole(each)) for each in data["arms"]),
        contrasts=tuple(Contrast(**_whole(each)) for each in data["contrasts"]),
        steps=tuple(_step(each) for each in data.get("steps", ())),
        sets=tuple(ProblemSet(**each) for each in data.get("sets", ())),
        claims=tuple(Claim(**_whole(each)) for each in data.get("claims", ())),
        explanations=dict(data.get("explanations", {})),
        series=tuple(data.get("series", ())),
    )


def _step(data: Mapping[str, Any]) -> Step:
    return STEPS[data["kind"]](**_whole({key: value for key, value in data.items() if key != "kind"}))


def _whole(data: Mapping[str, Any]) -> dict[str, Any]:
    """With every list as the tuple that it was."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


def of(result: Mapping[str, Any]) -> Design:
    """The design of a result, which one of another design than ``transfer`` carries in its plan.

    Raises KeyError, TypeError or ValueError for one that is none.
    """
    chosen = ((result.get("plan") or {}).get("plugins") or {}).get("design")
    return TRANSFER if chosen is None else restored(chosen["design"])


def size(design: Design, sizes: Mapping[str, int], name: str) -> int:
    """How many problems a set has by a plan with these sizes: as many in each of its windows."""
    chosen = design.problem_set(name)
    whole = sizes[chosen.of] if chosen.size is None else chosen.size
    return whole // chosen.windows * chosen.windows


def count(design: Design, sizes: Mapping[str, int], limit: int | None, name: str) -> int:
    """How many of them a plan with that limit uses: the first of each window."""
    windows = design.problem_set(name).windows
    whole = size(design, sizes, name)
    return whole if limit is None else min(whole, limit) // windows * windows


def trained_name(arm: str, seed: int, first: int) -> str:
    """What is made for a training seed is called: by its plain name, and for every seed but the first with the seed."""
    return arm if seed == first else f"{arm}.{seed}"
