"""What a plan will take, before anything is spent: calls, tokens and cost by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.arms import BOOTSTRAP, by_name
from harness.crew import Crew
from harness.errors import UsageError
from harness.plan import Plan
from harness.protocols import Teacher
from harness.records import Distil, Message, Request, Usage
from harness.skills import SPLIT as SKILLS

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text."""
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
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Cost | None
    """None for the student, which is local."""


def loads(plan: Plan, crew: Crew) -> list[Load]:
    """The work of every stage, in order. Token counts are estimates from the lengths of the real prompts."""
    found: list[Load] = []
    demonstrated: set[str] = set()

    def add(stage: str, purpose: str, calls: int, prompt: int, teacher: bool = True) -> None:
        expected = REPLY_TOKENS[purpose][1]
        cost = _cost(crew.teacher, purpose, calls, prompt) if teacher else None
        found.append(Load(stage, purpose, calls, calls * prompt, calls * expected, cost))

    for name in plan.stages:
        arm = by_name(name)
        if name == BOOTSTRAP:
            prompts = _prompts(plan, crew, "reflect")
            prompt = _mean_tokens(prompts)
            calls = crew.reflection.calls(len(prompts))
            batch = max(1, round(len(prompts) / max(1, calls.get("reflect", 1))))
            for purpose, number in calls.items():
                longer = 1 if purpose == "solve" else batch
                replies = batch * REPLY_TOKENS["solve"][1] if longer > 1 else 0
                add(name, purpose, number, prompt * longer + replies)
            continue
        if arm.recipe is not None and (made := "naive" if arm.recipe == "naive" else "learned") not in demonstrated:
            demonstrated.add(made)
            prompts = _prompts(plan, crew, "train")
            add(name, "demonstrate", len(prompts), _mean_tokens(prompts))
        for split in arm.splits:
            prompts = _prompts(plan, crew, split)
            if prompts:
                add(name, "solve", len(prompts), _mean_tokens(prompts), teacher=arm.answers == "teacher")
    return found


def total(found: Sequence[Load]) -> Cost:
    """The cost of all stages together."""
    costs = [load.cost for load in found if load.cost]
    return Cost(*(_sum([getattr(cost, name) for cost in costs]) for name in ("low", "expected", "worst")))


def _cost(teacher: Teacher, purpose: str, calls: int, prompt: int) -> Cost:
    """The cost of so many calls with prompts of so many tokens."""
    short, usual = (teacher.cost(Usage(prompt, reply)) for reply in REPLY_TOKENS[purpose])
    text = Message("user", "x" * prompt * CHARACTERS_PER_TOKEN)
    worst = teacher.worst_cost(Request("estimate", (text,), Distil((), "")))
    return Cost(*(None if each is None else each * calls for each in (short, usual, worst)))


def _sum(costs: Sequence[float | None]) -> float | None:
    return None if None in costs else sum(cost or 0.0 for cost in costs)


def _prompts(plan: Plan, crew: Crew, split: str) -> list[Sequence[Message]]:
    """The prompts of a split, as far as they are known beforehand."""
    size = plan.sizes[split]
    if split == SKILLS:
        try:
            made = [skill.prompt for skill in crew.student.skills(size)]
        except UsageError:  # the weights are not here yet, which a forecast does not need
            made = []
    else:
        made = [crew.task.prompt(problem, plan.strategy) for problem in crew.task.problems(split, size)] if size else []
    return list(made[: plan.limit or size])


def _mean_tokens(prompts: Sequence[Sequence[Message]]) -> int:
    characters = sum(len(message.text) for prompt in prompts for message in prompt)
    return round(characters / len(prompts) / CHARACTERS_PER_TOKEN)
