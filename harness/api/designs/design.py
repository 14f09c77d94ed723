"""All of an experiment as data, and what is asked of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from harness.api.designs import checking
from harness.api.designs.arms import EXPLANATIONS, Arm, ArmRole, Claim, Condition, Contrast, Explanation
from harness.api.designs.steps import Demonstrate, Examine, Learn, ProblemSet, Step, Train
from harness.api.records import _LATER

LEARNED, NAIVE = "learned", "naive"
"""What the strategy of a design that states no steps is called, and its worked solutions: with it, and without."""


@dataclass(frozen=True)
class Design:
    """The arms in the order of the experiment, and the contrasts in the order in which they are told.

    Raises ValueError, on construction, for a design that could not be run or read as it says.
    """

    arms: tuple[Arm, ...]
    contrasts: tuple[Contrast, ...]
    steps: tuple[Step, ...] = field(default=(), metadata=_LATER)
    """What is done, in order. Left out where it follows from the arms: the teacher learns from ``reflect``, writes
    worked solutions of ``train``, each trained arm is trained on them from the model as it comes."""
    sets: tuple[ProblemSet, ...] = field(default=(), metadata=_LATER)
    claims: tuple[Claim, ...] = field(default=(), metadata=_LATER)
    """What can be claimed beside the ladder."""
    explanations: Mapping[Explanation, str] = field(default_factory=dict, metadata=_LATER)
    """What its controls rule out beside EXPLANATIONS, each in words that begin with ``that``."""
    series: tuple[str, ...] = field(default=(), metadata=_LATER)
    """Arms that follow each other, such as rounds: shown with scores, retained skills and what the teacher cost."""

    def __post_init__(self) -> None:
        for wrong in checking.wrong(self):
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
        """The name of the first arm of a role; None where the design has none."""
        return next((arm.name for arm in self.arms if arm.role == role), None)

    @property
    def treatment(self) -> str:
        """The name of the arm that the ladder of claims is about."""
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

    def explained(self, explanation: Explanation) -> str:
        """An explanation in words. Raises KeyError."""
        return self.explanations.get(explanation) or EXPLANATIONS[explanation]

    def problem_set(self, name: str) -> ProblemSet:
        """A problem set: one that the design declares, or a usual one."""
        usual: Any = name
        return next((each for each in self.sets if each.name == name), ProblemSet(name, usual))

    # Steps

    @cached_property
    def walk(self) -> tuple[Step, ...]:
        """The steps of all arms, in order."""
        return self.steps or tuple(_following(self.arms))

    @cached_property
    def made(self) -> Mapping[tuple[str, str], Step]:
        """The step that makes a strategy, worked solutions or an adapter, by kind and name."""
        return {_product(step): step for step in self.walk if not isinstance(step, Examine)}

    @cached_property
    def strategy(self) -> str:
        """The name of the strategy that is learned first, or given in its place."""
        return next((step.strategy for step in self.walk if isinstance(step, Learn)), LEARNED)

    @cached_property
    def first_learned(self) -> tuple[str, ...]:
        """The names of the strategies that start from the task's own: one of them can be given instead."""
        return tuple(step.strategy for step in self.walk if isinstance(step, Learn) and step.start is None)

    def needed(self, step: Step) -> set[Step]:
        """The steps that a step rests on, and all that these rest on."""
        found: set[Step] = set()
        waiting = [step]
        while waiting:
            new = set(self._before(waiting.pop())) - found
            found |= new
            waiting += new
        return found

    def _before(self, step: Step) -> Iterator[Step]:
        names: list[tuple[str, str | None]] = []
        arms: tuple[str | None, ...] = ()
        match step:
            case Learn():
                names, arms = [("strategy", step.start)], (step.wrong_of,)
            case Demonstrate():
                names = [("strategy", step.strategy), ("solutions", step.as_many_as)]
                arms = (step.wrong_of,)
            case Train():
                names = [("solutions", each) for each in (*step.solutions, *step.replay)]
                names.append(("adapter", step.start))
            case Examine():
                names, arms = [("strategy", step.strategy), ("adapter", step.adapter)], step.votes_of
        for kind, name in names:
            if name is not None and (kind, name) in self.made:
                yield self.made[kind, name]
        for each in self.walk:
            if isinstance(each, Examine) and each.arm in arms:
                yield each

    def chosen(self, stages: Collection[str], given: bool = False) -> tuple[Step, ...]:
        """The steps of these arms, in order. ``given``: a strategy stands in for what is learned from nothing."""
        if not self.steps:
            return tuple(_following([self.arm(name) for name in self.names if name in stages]))
        wanted = {step for step in self.walk if step.arm in stages and _is_measured(step)}
        wanted |= {before for step in wanted for before in self.needed(step)}
        replaced = {step for step in wanted if isinstance(step, Learn) and step.start is None} if given else set()
        return tuple(step for step in self.walk if step in wanted - replaced)

    def required(self, name: str, given: bool = False) -> tuple[str, ...]:
        """The arms that an arm cannot be measured without: those who learn for it, and those whose answers it takes."""
        steps = self._examined(name)
        found = [
            before.arm
            for step in steps
            for before in self.needed(step)
            if isinstance(before, Examine) or (isinstance(before, Learn) and not (before.start is None and given))
        ]
        return tuple(each for each in self.names if each in found and each != name)

    def unlearned(self, name: str) -> bool:
        """Whether an arm needs a strategy that no step learns, and which must therefore be given."""
        steps = self._examined(name)
        told = [
            step.start if isinstance(step, Learn) else step.strategy
            for step in {*steps, *(before for step in steps for before in self.needed(step))}
            if not isinstance(step, Train)
        ]
        return any(strategy is not None and ("strategy", strategy) not in self.made for strategy in told)

    @cached_property
    def _by_seed(self) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for step in self.walk:
            trained = isinstance(step, Train) or (isinstance(step, Examine) and bool(step.adapter or step.votes_of))
            if trained or any(_product(before) in found for before in self._before(step)):
                found.add(_product(step))
        return frozenset(found)

    def by_seed(self, step: Step) -> bool:
        """Whether a step depends on a trained student, and so is done once for each training seed."""
        return _product(step) in self._by_seed

    def voters(self, name: str) -> tuple[str, ...]:
        """The arms that vote on what an arm answers; none for an arm that answers by itself."""
        return next((step.votes_of for step in self._examined(name)), ())

    def adapters(self, name: str, split: str | None = None) -> tuple[str, ...]:
        """The adapters by which an arm answers a problem set, or any; of an arm that votes those of its voters."""
        steps = [step for step in self._examined(name) if split is None or split in step.splits]
        own = [step.adapter for step in steps if step.adapter is not None]
        votes = [each for voter in self.voters(name) for each in self.adapters(voter, split)]
        return tuple(dict.fromkeys([*own, *votes]))

    # What arms differ in

    def differing(self, first: str, second: str) -> tuple[Condition, ...]:
        """The conditions in which two arms differ."""
        one, other = self.arm(first), self.arm(second)
        pairs: Mapping[Condition, bool] = {
            "answerer": one.answers != other.answers,
            "strategy": self._told(first) != self._told(second),
            "adapter": self._origins(first) != self._origins(second),
        }
        return tuple(condition for condition, differs in pairs.items() if differs)

    def _examined(self, name: str) -> list[Examine]:
        return [step for step in self.walk if isinstance(step, Examine) and step.arm == name]

    def _told(self, name: str) -> frozenset[str | None]:
        return frozenset(step.strategy for step in self._examined(name))

    def _origins(self, name: str) -> frozenset[Any]:
        """By which trainings an arm answers, window by window."""
        return frozenset((step.window, self._origin(step.adapter), step.votes_of) for step in self._examined(name))

    def _origin(self, adapter: str | None) -> Any:
        """How an adapter is made: the same for two that are made alike."""
        step = self.made.get(("adapter", adapter or ""))
        if not isinstance(step, Train):
            return None
        recipe = self.arm(step.arm).recipe
        return recipe, step.solutions, step.in_turn, step.replay, self._origin(step.start)


def _product(step: Step) -> tuple[str, str]:
    """What a step makes, by kind and name; an examination makes the answers of its arm."""
    match step:
        case Learn():
            return "strategy", step.strategy
        case Demonstrate():
            return "solutions", step.solutions
        case Train():
            return "adapter", step.adapter
        case Examine():
            return "answers", step.arm


def _is_measured(step: Step) -> bool:
    """Whether what a step does is measured by itself, and not only for what comes after."""
    return isinstance(step, Examine) or (isinstance(step, Learn) and step.wrong_of is None)


def _following(arms: Sequence[Arm]) -> Iterator[Step]:
    """The steps of arms that state none."""
    trained = [arm for arm in arms if arm.recipe]
    last = {_solutions(arm): arm.name for arm in trained}
    for arm in arms:
        if arm.role == "learning":
            yield Learn(LEARNED, arm.name, arm.splits[0])
            continue
        if trained and arm is trained[0]:
            if LEARNED in last:
                yield Demonstrate(LEARNED, arm.name, "train", LEARNED)
            if NAIVE in last:
                yield Demonstrate(NAIVE, last[NAIVE], "train", None)
        if arm.recipe:
            yield Train(arm.name, arm.name, (_solutions(arm),))
        told, adapter = LEARNED if arm.strategy else None, arm.name if arm.recipe else None
        yield Examine(arm.name, arm.splits, told, adapter)


def _solutions(arm: Arm) -> str:
    """Which worked solutions an arm is trained on where the design states no steps."""
    return NAIVE if arm.recipe == "naive" else LEARNED
