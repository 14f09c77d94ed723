"""A design as data: the arms of an experiment, what each is for, and which of them are compared.

Nothing here runs anything. Whoever reads an experiment asks a design for roles, never for an arm by its name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Literal, get_args

Recipe = Literal["worked", "labels", "naive", "shuffled", "random"]
"""What an adapter is trained on: the teacher's worked solutions; the same answers without the work; its work from
before it learned; the same texts under other problems; answers that are drawn at random."""

Condition = Literal["answerer", "strategy", "adapter"]
"""What may differ between two arms by design: who answers, what its prompt adds, what was trained."""

ArmRole = Literal["base", "untaught", "learning", "teacher", "told", "treatment", "control"]
"""What an arm is for: the student as it comes; the teacher as it comes; the teacher while it learns; the taught
teacher; the student that is told the strategy; the trained student that the claims are about; a control."""

Explanation = Literal["answers", "texts", "prior", "form"]
"""What else could explain a gain of the treatment; see EXPLANATIONS."""

EXPLANATIONS: Mapping[Explanation, str] = {
    "answers": "that the right answers do it, without the work",
    "texts": "that texts of this kind do it, under whatever problem",
    "prior": "that what the teacher could do before it learned does it",
    "form": "that the form of an answer does it",
}
"""In words what a control rules out where the treatment is ahead of it."""

SPLITS = ("test", "harder", "skills")
"""The problem sets that an arm can be measured on; the learning teacher has its own, ``reflect``."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEYS = frozenset({"demonstrate", "demonstrations", "journal", "ledger", "plan", "probe", "result", "setting"})
_TAKEN = _KEYS | {"train", "unfit"}
"""Names by which a run records other things."""
_PLAIN = re.compile(r"[\w ,.;:'()/-]{1,100}")
"""A text that pages and terminals can show as it stands."""
_VALUES: Mapping[str, tuple[Any, ...]] = {
    "answers": ("teacher", "student"),
    "role": get_args(ArmRole),
    "recipe": (None, *get_args(Recipe)),
    "control": (None, "standard", "all"),
    "rules_out": (None, *EXPLANATIONS),
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition, measured on one or more problem sets."""

    name: str
    answers: Literal["teacher", "student"]
    role: ArmRole
    summary: str
    strategy: bool = False
    """Whether the learned strategy is in the prompt."""
    recipe: Recipe | None = None
    """What the student was trained on; None for the model as it comes."""
    splits: tuple[str, ...] = ("test",)
    control: Literal["standard", "all"] | None = None
    """For a control, the smallest set of controls that it belongs to."""
    rules_out: Explanation | None = None
    """For a control, what it rules out."""

    @property
    def solutions(self) -> Literal["learned", "naive"] | None:
        """Which worked solutions it is trained on: those of the taught teacher, or of the teacher as it comes."""
        return None if self.recipe is None else "naive" if self.recipe == "naive" else "learned"

    @property
    def needs_strategy(self) -> bool:
        """Whether it cannot be run without a learned strategy."""
        return self.role != "learning" and (self.strategy or self.solutions == "learned")


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


@dataclass(frozen=True)
class Design:
    """The arms in the order of the experiment, and the contrasts in the order in which they are told.

    Raises ValueError, on construction, for a design that could not be run or read as it says.
    """

    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]

    def __post_init__(self) -> None:
        for wrong in chain(self._wrong_arms(), self._wrong_contrasts()):
            raise ValueError(wrong)

    @cached_property
    def _by_name(self) -> Mapping[str, Arm]:
        return {arm.name: arm for arm in self.arms}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all arms, in the order of the experiment."""
        return tuple(self._by_name)

    def arm(self, name: str) -> Arm:
        """The arm of that name. Raises KeyError."""
        return self._by_name[name]

    def named(self, role: ArmRole) -> str | None:
        """The name of the arm of a role, of which there is one; None where the design has none."""
        return next((arm.name for arm in self.arms if arm.role == role), None)

    @property
    def treatment(self) -> str:
        """The name of the arm that the claims are about."""
        return next(arm.name for arm in self.arms if arm.role == "treatment")

    @property
    def standard(self) -> tuple[str, ...]:
        """The names of the arms that are no controls."""
        return tuple(arm.name for arm in self.arms if arm.role != "control")

    def controls(self, chosen: Literal["none", "standard", "all"]) -> tuple[str, ...]:
        """The names of the controls in a set of them."""
        sets = {"none": (), "standard": ("standard",), "all": ("standard", "all")}[chosen]
        return tuple(arm.name for arm in self.arms if arm.control in sets)

    def ruling_out(self, *explanations: Explanation) -> tuple[str, ...]:
        """The names of the controls that rule out one of these explanations."""
        return tuple(arm.name for arm in self.arms if arm.rules_out in explanations)

    def differing(self, first: str, second: str) -> tuple[Condition, ...]:
        """The conditions in which two arms differ."""
        one, other = self.arm(first), self.arm(second)
        pairs: Mapping[Condition, bool] = {
            "answerer": one.answers != other.answers,
            "strategy": one.strategy != other.strategy,
            "adapter": one.recipe != other.recipe,
        }
        return tuple(condition for condition, differs in pairs.items() if differs)

    def _wrong_arms(self) -> Iterator[str]:
        for arm in self.arms:
            if not _NAME.fullmatch(arm.name) or arm.name in _TAKEN:
                yield f"arm {arm.name!r}: expected a name of a-z, 0-9 and '-' by which a run records nothing else"
            yield from (f"arm {arm.name!r}: {wrong}" for wrong in _wrong(arm))
        for name, times in Counter(arm.name for arm in self.arms).items():
            if times > 1:
                yield f"arm {name!r}: stands twice in the design"
        roles = Counter(arm.role for arm in self.arms)
        if not roles["treatment"]:
            yield "no arm is the treatment, so there is nothing to claim anything of"
        for role, times in roles.items():
            if times > 1 and role != "control":
                yield f"{times} arms have the role {role!r}; expected one"

    def _wrong_contrasts(self) -> Iterator[str]:
        for each in self.contrasts:
            pair = f"contrast {each.first} - {each.second}/{each.split}"
            unknown = [name for name in (each.first, each.second) if name not in self._by_name]
            if unknown:
                yield f"{pair}: no arm {unknown[0]!r}"
                continue
            for name in (each.first, each.second):
                if each.split not in self.arm(name).splits:
                    yield f"{pair}: {name} is not measured on {each.split}"
            if not _PLAIN.fullmatch(each.factor):
                yield f"{pair}: expected up to 100 letters, digits, spaces and , . ; : ' ( ) / - as its factor"
            found = self.differing(each.first, each.second)
            if not found or set(found) != set(each.varies):
                declared, differ = (", ".join(names) or "nothing" for names in (each.varies, found))
                yield f"{pair}: declares that {declared} varies, and the arms differ in {differ}"
        keys = Counter((each.first, each.second, each.split) for each in self.contrasts)
        yield from (f"contrast {one} - {other}/{split}: twice" for (one, other, split), n in keys.items() if n > 1)
        compared = {name for each in self.contrasts for name in (each.first, each.second)}
        for arm in self.arms:
            if arm.role == "control" and arm.name not in compared:
                yield f"control {arm.name!r}: is compared with nothing, so it rules nothing out"


def _wrong(arm: Arm) -> Iterator[str]:
    """What of an arm is no value, or does not fit what it is for."""
    for name, values in _VALUES.items():
        if (given := getattr(arm, name)) not in values:
            yield f"{name} is {given!r}; expected one of {', '.join(map(str, values))}"
    if not _PLAIN.fullmatch(arm.summary):
        yield "expected up to 100 letters, digits, spaces and , . ; : ' ( ) / - as its summary"
    who = arm.answers, arm.strategy, arm.recipe is not None
    fitting = {
        "base": [("student", False, False)],
        "untaught": [("teacher", False, False)],
        "learning": [("teacher", True, False)],
        "teacher": [("teacher", True, False)],
        "told": [("student", True, False)],
        "treatment": [("student", False, True)],
        "control": [("student", False, False), ("student", False, True)],
    }
    if who not in fitting[arm.role]:
        yield f"who answers, what it is told and what it is trained on do not fit the role {arm.role!r}"
    if (arm.role == "control") != (arm.control is not None) or (arm.role == "control") != (arm.rules_out is not None):
        yield "a control, and nothing else, has a set of controls and rules something out"
    if arm.role == "learning":
        if arm.splits != ("reflect",):
            yield "the teacher learns from the problems of reflect alone"
    elif "test" not in arm.splits or not set(arm.splits) <= set(SPLITS) or len(set(arm.splits)) < len(arm.splits):
        yield f"expected test, and others of {', '.join(SPLITS)} once each, as its splits"
