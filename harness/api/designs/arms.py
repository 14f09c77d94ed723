"""The conditions of an experiment, what each is for, and what is claimed of two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Recipe = Literal["worked", "labels", "naive", "shuffled", "random"]
"""What an adapter is trained on: the teacher's worked solutions; the same answers without the work; its work from
before it learned; the same texts under other problems; answers that are drawn at random."""

Condition = Literal["answerer", "strategy", "adapter"]
"""What may differ between two arms by design: who answers, what its prompt adds, what was trained."""

ArmRole = Literal["base", "untaught", "learning", "teacher", "told", "treatment", "control", "variant"]
"""What an arm is for: the student as it comes; the teacher as it comes; the teacher while it learns; the taught
teacher; the student that is told the strategy; the trained student that the ladder of claims is about; a control;
another arm, of which the design may claim something of its own."""

Explanation = str
"""What else could explain a gain of the treatment: a name in EXPLANATIONS, or in the explanations of a design."""

EXPLANATIONS: Mapping[Explanation, str] = {
    "answers": "that the right answers do it, without the work",
    "texts": "that texts of this kind do it, under whatever problem",
    "prior": "that what the teacher could do before it learned does it",
    "form": "that the form of an answer does it",
}
"""In words what a control rules out where the treatment is ahead of it. A design may add some of its own."""

SPLITS = ("test", "harder", "skills")
"""The problem sets that every design has to measure arms on; the teacher learns from others."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition, measured on one or more problem sets."""

    name: str
    answers: Literal["teacher", "student"]
    role: ArmRole
    summary: str
    strategy: bool = False
    """Whether a learned strategy is in the prompt."""
    recipe: Recipe | None = None
    """What the student was trained on; None for the model as it comes."""
    splits: tuple[str, ...] = ("test",)
    control: Literal["standard", "all"] | None = None
    """For a control, the smallest set of controls that it belongs to."""
    rules_out: Explanation | None = None
    """For a control, what it rules out."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two arms on one problem set, compared by problem."""

    first: str
    second: str
    factor: str
    """The one thing in which they differ."""
    varies: tuple[Condition, ...]
    """The conditions that differ because of the factor. All others are the same in both arms."""
    split: str = "test"
    family: bool = False
    """Whether a claim can rest on it: p-values of the family are adjusted together, all others are exploratory."""
    non_inferiority: bool = False
    """Whether it is asked if the first arm is no worse than the second by more than the margin of the plan."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a design can show beside the ladder: that one arm is ahead of others, of which the contrasts tell."""

    text: str
    """In words, such as ``the loop does more than as many more rows``."""
    first: str
    over: tuple[str, ...]
    """The arms that it must be ahead of, each in a contrast of the family on the same problem set."""
    split: str = "test"
    rung: int = 2
    """The rung of the ladder that must be reached before anything of the kind can be claimed."""
