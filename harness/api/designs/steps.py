"""What is done in an experiment, one step after the other, and the problem sets that a design adds.

A step names what it makes (a strategy, worked solutions, an adapter) and what it needs of the steps before it. What
depends on a trained student is done once for each training seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """A problem set of a design's own, or one of the usual ones drawn in windows.

    Sets that are taken from one split of the task share no problem.
    """

    name: str
    of: Literal["test", "reflect", "train", "harder"]
    """The split of the task that it is taken from."""
    size: int | None = None
    """How many problems; None for as many as the plan has of the split it is taken from."""
    windows: int = 1
    """In how many windows it is drawn, equally large and in order: see ``harness.api.Drifting``."""


@dataclass(frozen=True, slots=True)
class Learn:
    """The teacher learns a strategy from problems: from its own attempts, or from what a student got wrong."""

    strategy: str
    """What it is called from here on."""
    arm: str
    """The arm under which its attempts are measured and its calls are counted."""
    problems: str
    start: str | None = None
    """The strategy that it starts from; None for the task's seed strategy."""
    wrong_of: str | None = None
    """The student whose wrong answers to these problems it learns from. Then it tries none itself."""
    order: int | None = None
    """Draws an order of the problems; None for that in which they are."""
    kind: Literal["learn"] = field(default="learn", init=False)


@dataclass(frozen=True, slots=True)
class Demonstrate:
    """The teacher writes worked solutions."""

    solutions: str
    """What they are called from here on."""
    arm: str
    """The arm under which its calls are counted."""
    problems: str
    strategy: str | None
    """The strategy in its prompt; None for the teacher as it comes."""
    window: int | None = None
    """The window of the problem set that they are of, counted from 1; None for all of it."""
    wrong_of: str | None = None
    """The student whose wrong answers choose the problems."""
    as_many_as: str | None = None
    """Other worked solutions that there are to be no more of than of these: the first problems, drawn unseen."""
    kind: Literal["demonstrate"] = field(default="demonstrate", init=False)


@dataclass(frozen=True, slots=True)
class Train:
    """A student is trained, once for each training seed, by the recipe of its arm."""

    adapter: str
    """What it is called from here on."""
    arm: str
    """The arm that it is for."""
    solutions: tuple[str, ...]
    """The worked solutions that it is trained on."""
    in_turn: bool = False
    """Whether each problem takes its solution from another of these, in turn. They are of the same problems."""
    replay: tuple[str, ...] = ()
    """Worked solutions of before, of which as many rows are mixed in as there are new ones."""
    start: str | None = None
    """The adapter that it starts from; None for the model as it comes."""
    kind: Literal["train"] = field(default="train", init=False)


@dataclass(frozen=True, slots=True)
class Examine:
    """An arm answers problems."""

    arm: str
    splits: tuple[str, ...]
    strategy: str | None = None
    """The strategy in the prompt."""
    adapter: str | None = None
    """The adapter of the student; None for the model as it comes."""
    window: int | None = None
    """The window of the problem sets, counted from 1; None for all of them."""
    votes_of: tuple[str, ...] = ()
    """The arms whose answers are counted, in place of asking anyone: what most say, the first of equals."""
    kind: Literal["examine"] = field(default="examine", init=False)


Step = Learn | Demonstrate | Train | Examine
"""One of the four."""
