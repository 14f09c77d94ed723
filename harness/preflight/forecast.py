"""What a plan will take, before anything is spent: calls, tokens and cost by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from harness.api import (
    Amending,
    Asking,
    Demonstrate,
    Distil,
    Examine,
    Learn,
    Message,
    Problem,
    Request,
    Step,
    Teacher,
    Train,
    Usage,
    UsageError,
)
from harness.boundary.faults import suspected
from harness.design.plan import Plan
from harness.design.skills import SPLIT as SKILLS
from harness.preflight import problems
from harness.preflight.components import Components, prompt

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text."""
STRATEGY_TOKENS = 150
"""Assumed length of a strategy that is still to be learned."""
REPLY_TOKENS = {"solve": (100, 300), "demonstrate": (100, 300), "reflect": (200, 500), "distil": (200, 500)}
"""Assumed length of a reply by purpose: short, and usual. Real models vary several-fold."""


@dataclass(frozen=True, slots=True)
class Cost:
    """USD, or None where the price is unknown. The worst case has every reply at its limit, and no second attempt."""

    low: float | None
    expected: float | None
    worst: float | None

    def __str__(self) -> str:
        low, usual, worst = (
            "unknown" if each is None else f"{each:.2f}" for each in (self.low, self.expected, self.worst)
        )
        return f"teacher in USD: low {low}, usual {usual}, worst {worst}"


@dataclass(frozen=True, slots=True)
class Load:
    """The work of one stage for one model."""

    stage: str
    purpose: str
    split: str
    """The problems that it is about, or nothing for calls on whole batches."""
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Cost | None
    """None for the student, which is local."""
    at_most: bool = False
    """Whether it may be fewer calls, by how a student answers."""


@suspected("the forecast", UsageError)
def loads(plan: Plan, components: Components) -> list[Load]:
    """The work of every stage, in order. Token counts are estimates from the lengths of the real prompts."""
    found: dict[tuple[str, str, str], list[Load]] = {}
    for load in _loads(plan, components):
        found.setdefault((load.stage, load.purpose, load.split), []).append(load)
    return [_together(same) for same in found.values()]


def _loads(plan: Plan, components: Components) -> Iterator[Load]:
    """The work of every step."""
    prompts = _Prompts(plan, components)

    def load(step: Step, purpose: str, split: str, calls: int, tokens: int, teacher: bool = True) -> Load:
        times = len(plan.seeds) if plan.design.by_seed(step) else 1
        expected = REPLY_TOKENS[purpose][1]
        cost = _cost(components.teacher, purpose, calls * times, tokens) if teacher else None
        at_most = isinstance(step, Train) or (
            isinstance(step, Learn | Demonstrate) and _is_chosen_by_answers(plan, step)
        )
        whole = calls * times
        return Load(step.arm, purpose, split, whole, whole * tokens, whole * expected, cost, at_most)

    for step in plan.steps:
        match step:
            case Learn():
                count, tokens = prompts.solve(step.arm, step.problems, None, strategy=True)
                calls = _calls(components, step, count)
                batch = max(1, round(count / max(1, calls.get("reflect", 1))))
                for purpose, number in calls.items():
                    if purpose == "solve":
                        yield load(step, purpose, step.problems, number, tokens)
                    else:  # a journal to distil is taken to be as long as a batch to reflect on
                        yield load(step, purpose, "", number, batch * (tokens + REPLY_TOKENS["solve"][1]))
            case Demonstrate() if plan.labels == "teacher":
                count, tokens = prompts.demonstrate(step.problems, step.window, strategy=step.strategy is not None)
                yield load(step, "demonstrate", step.problems, count, tokens)
            case Train() if isinstance(components.trainer, Asking) and step.start is None:
                count, tokens = _rows(plan, step), prompts.demonstrate("train", None, strategy=True)[1]
                for purpose, number in components.trainer.practice_calls(count).items():
                    yield load(step, purpose, "", number, tokens)
            case Examine() if not step.votes_of:
                teacher = plan.design.arm(step.arm).answers == "teacher"
                for split in step.splits:
                    count, tokens = prompts.solve(step.arm, split, step.window, strategy=step.strategy is not None)
                    if count:
                        yield load(step, "solve", split, count, tokens, teacher)


def _rows(plan: Plan, step: Train) -> int:
    """How many rows a training has at most."""
    made = [plan.design.made["solutions", name] for name in step.solutions]
    counts = [
        plan.count(each.problems) // (1 if each.window is None else plan.design.problem_set(each.problems).windows)
        for each in made
        if isinstance(each, Demonstrate)
    ]
    return max(counts, default=0) if step.in_turn else sum(counts)


def _calls(components: Components, step: Learn, count: int) -> Mapping[str, int]:
    """Teacher calls by purpose that learning takes, at most."""
    reflection = components.reflection
    if step.wrong_of is None:
        return reflection.calls(count)
    return reflection.amending_calls(count) if isinstance(reflection, Amending) else {}


def _is_chosen_by_answers(plan: Plan, step: Learn | Demonstrate) -> bool:
    if step.wrong_of is not None:
        return True
    other = plan.design.made.get(("solutions", (isinstance(step, Demonstrate) and step.as_many_as) or ""))
    return isinstance(other, Demonstrate) and _is_chosen_by_answers(plan, other)


def _together(same: Sequence[Load]) -> Load:
    """Loads of one stage, purpose and problem set as one."""
    if len(same) == 1:
        return same[0]
    first = same[0]
    counts = {name: sum(getattr(each, name) for each in same) for name in ("calls", "input_tokens", "output_tokens")}
    cost = None if first.cost is None else total(same)
    return Load(
        first.stage, first.purpose, first.split, **counts, cost=cost, at_most=any(each.at_most for each in same)
    )


def total(found: Sequence[Load]) -> Cost:
    """The cost of all stages together."""
    costs = [load.cost for load in found if load.cost]
    return Cost(*(_sum([getattr(cost, name) for cost in costs]) for name in ("low", "expected", "worst")))


def _cost(teacher: Teacher, purpose: str, calls: int, tokens: int) -> Cost:
    """The cost of so many calls with prompts of so many tokens."""
    short, usual = (teacher.cost(Usage(tokens, reply)) for reply in REPLY_TOKENS[purpose])
    text = Message("user", "x" * tokens * CHARACTERS_PER_TOKEN)
    worst = teacher.worst_cost(Request("estimate", (text,), Distil((), "")))
    return Cost(*(None if each is None else each * calls for each in (short, usual, worst)))


def _sum(costs: Sequence[float | None]) -> float | None:
    return None if None in costs else sum(cost or 0.0 for cost in costs)


class _Prompts:
    """How many prompts there are, and how many tokens each on average."""

    def __init__(self, plan: Plan, components: Components) -> None:
        self._plan = plan
        self._components = components
        self._known: dict[tuple[str, str], tuple[int, int]] = {}

    def solve(self, stage: str, split: str, window: int | None, strategy: bool) -> tuple[int, int]:
        """Prompts that ask for an answer, with the strategy in them or without, and mean tokens of one."""
        if split == SKILLS:
            return self._measured("", split, None, self._skills)
        words = stage if self._plan.prompts == "separate" else ""
        ask = partial(prompt, self._plan, self._components.task, stage, strategy=None)
        return self._told(*self._measured(words, split, window, lambda: map(ask, self._made(split))), strategy)

    def demonstrate(self, split: str, window: int | None, strategy: bool) -> tuple[int, int]:
        """The same of prompts that ask for a worked solution."""
        ask = self._components.task.demonstration
        made = self._measured("demonstrate", split, window, lambda: [ask(each, None) for each in self._made(split)])
        return self._told(*made, strategy)

    def _measured(
        self, words: str, split: str, window: int | None, make: Callable[[], Iterable[Sequence[Message]]]
    ) -> tuple[int, int]:
        if (words, split) not in self._known:
            lengths = [sum(len(message.text) for message in messages) for messages in make()][: self._plan.count(split)]
            mean = round(sum(lengths) / max(1, len(lengths)) / CHARACTERS_PER_TOKEN)
            self._known[words, split] = len(lengths), mean
        count, mean = self._known[words, split]
        return (count if window is None else count // self._plan.design.problem_set(split).windows), mean

    def _told(self, count: int, tokens: int, strategy: bool) -> tuple[int, int]:
        given = self._plan.strategy
        longer = STRATEGY_TOKENS if given is None else len(given) // CHARACTERS_PER_TOKEN
        return count, tokens + longer * strategy

    def _made(self, split: str) -> Sequence[Problem]:
        return problems.of_set(self._plan, self._components.task, split) if self._plan.size(split) else []

    def _skills(self) -> Sequence[Sequence[Message]]:
        try:
            return [skill.prompt for skill in self._components.student.skills(self._plan.sizes[SKILLS])]
        except UsageError:  # the weights are not here yet, which a forecast does not need
            return []
