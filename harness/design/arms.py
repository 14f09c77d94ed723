"""The arms of an experiment as data: who answers, what is in the prompt, and what was trained.

Two arms that are compared differ in one thing. Nothing here runs anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Recipe = Literal["worked", "labels", "naive", "shuffled", "random"]
"""What an adapter is trained on; see ``harness.experiment.examples``."""

Condition = Literal["answerer", "strategy", "adapter"]
"""What may differ between two arms by design: who answers, what its prompt adds, what was trained."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition, measured on one or more problem sets."""

    name: str
    answers: Literal["teacher", "student"]
    summary: str
    strategy: bool = False
    """Whether the learned strategy is in the prompt."""
    recipe: Recipe | None = None
    """What the student was trained on; None for the model as it comes."""
    splits: tuple[str, ...] = ("test",)
    control: Literal["standard", "all"] | None = None
    """For a control, the smallest set of controls that it belongs to."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two arms on one problem set, compared by problem."""

    first: str
    second: str
    factor: str
    """The one thing in which they differ."""
    split: str = "test"
    family: bool = False
    """Whether a claim can rest on it: p-values of the family are adjusted together, all others are exploratory."""
    varies: frozenset[Condition] = frozenset()
    """The conditions that differ because of the factor. All others must be the same in both arms."""
    non_inferiority: bool = False
    """Whether it is asked if the first arm is no worse than the second by more than the margin of the plan."""


TREATMENT = "student-lora"
"""The arm that the claims are about."""
BASE = "student-base"
TEACHER = "teacher-strategy"
"""The taught teacher."""
UNTAUGHT = "teacher-base"
"""The teacher without a strategy."""
BOOTSTRAP = "bootstrap"
"""The stage in which the teacher learns. Its score is that of the changing strategies on the reflection problems."""

ARMS = (
    Arm("student-base", "student", "the student as it comes", splits=("test", "harder", "skills")),
    Arm("teacher-base", "teacher", "the teacher without a strategy"),
    Arm(BOOTSTRAP, "teacher", "the teacher while it learns", strategy=True, splits=("reflect",)),
    Arm("teacher-strategy", "teacher", "the teacher with the learned strategy", strategy=True),
    Arm("student-prompted", "student", "the student with the learned strategy in its prompt", strategy=True),
    Arm(
        "student-lora",
        "student",
        "the student trained on the teacher's worked solutions",
        recipe="worked",
        splits=("test", "harder", "skills"),
    ),
    Arm("lora-labels", "student", "trained on the same answers without the work", recipe="labels", control="standard"),
    Arm(
        "lora-naive",
        "student",
        "trained on the teacher's work from before it learned",
        recipe="naive",
        control="standard",
    ),
    Arm(
        "lora-shuffled",
        "student",
        "trained on the same texts under other problems",
        recipe="shuffled",
        control="standard",
    ),
    Arm("lora-random", "student", "trained on answers that are drawn at random", recipe="random", control="all"),
)

_TOLD: frozenset[Condition] = frozenset({"strategy"})
_TRAINED: frozenset[Condition] = frozenset({"adapter"})

CONTRASTS = (
    Contrast("student-lora", "student-base", "training", family=True, varies=_TRAINED),
    Contrast("student-lora", "lora-labels", "the worked steps", family=True, varies=_TRAINED),
    Contrast("student-lora", "lora-shuffled", "the match of problem and solution", family=True, varies=_TRAINED),
    Contrast("student-lora", "lora-naive", "what the teacher had learned", family=True, varies=_TRAINED),
    Contrast("teacher-strategy", "teacher-base", "the learned strategy in the prompt", family=True, varies=_TOLD),
    Contrast("student-prompted", "student-base", "the learned strategy in the prompt", varies=_TOLD),
    Contrast("student-lora", "student-prompted", "training in place of telling", varies=_TOLD | _TRAINED),
    Contrast(
        "student-lora",
        "teacher-strategy",
        "the student in place of its teacher",
        varies=_TOLD | _TRAINED | {"answerer"},
        non_inferiority=True,
    ),
    Contrast("lora-labels", "lora-random", "right answers in place of the form of an answer", varies=_TRAINED),
    Contrast("student-lora", "student-base", "training", split="harder", varies=_TRAINED),
    Contrast("student-lora", "student-base", "training", split="skills", varies=_TRAINED, non_inferiority=True),
)

NAMES = tuple(arm.name for arm in ARMS)
STANDARD = tuple(arm.name for arm in ARMS if not arm.control)
CONTROLS = {
    "none": (),
    "standard": tuple(arm.name for arm in ARMS if arm.control == "standard"),
    "all": tuple(arm.name for arm in ARMS if arm.control),
}


def by_name(name: str) -> Arm:
    """The arm of that name. Raises KeyError."""
    return {arm.name: arm for arm in ARMS}[name]


def trained_name(arm: str, seed: int, first: int) -> str:
    """What an adapter and its examples are called: as the arm, and for every seed but the first with the seed."""
    return arm if seed == first else f"{arm}.{seed}"


def needs_strategy(name: str) -> bool:
    """Whether an arm cannot be run without a learned strategy."""
    arm = by_name(name)
    return name != BOOTSTRAP and (arm.strategy or arm.recipe not in (None, "naive"))
