"""The design of a plan or a result at hand, the steps that it takes, and what an adapter of it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

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


@dataclass(frozen=True, slots=True)
class Step:
    """What is done for an arm: the teacher learns, it writes worked solutions, an adapter is trained, one is examined.

    A step asks once for each problem of ``splits``; to learn, a reflection asks more besides, and a training nothing.
    """

    kind: Literal["learn", "demonstrate", "train", "examine"]
    arm: Arm
    splits: tuple[str, ...]
    by: Literal["teacher", "student"]
    solutions: Literal["learned", "naive"] | None = None
    """Which worked solutions are written or trained on."""


def steps(design: Design) -> Iterator[Step]:
    """The steps of an experiment with all its arms, in order."""
    demonstrated = False
    for arm in design.arms:
        if arm.role == "learning":
            yield Step("learn", arm, arm.splits, "teacher")
            continue
        if arm.solutions:
            if not demonstrated:
                needed = dict.fromkeys(sorted(each.solutions for each in design.arms if each.solutions))
                yield from (Step("demonstrate", arm, ("train",), "teacher", solutions) for solutions in needed)
            demonstrated = True
            yield Step("train", arm, (), "student", arm.solutions)
        yield Step("examine", arm, arm.splits, arm.answers)
