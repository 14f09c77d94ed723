"""What a plan will take, before anything is spent: calls, tokens and cost by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.arms import BOOTSTRAP, by_name
from harness.crew import Crew
from harness.plan import Plan
from harness.records import Message
from harness.result import cost

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text."""
REPLY_TOKENS = {"solve": 300, "demonstrate": 300, "reflect": 500, "distil": 500}
"""Assumed length of a reply by purpose. Real models vary several-fold."""


@dataclass(frozen=True, slots=True)
class Load:
    """The work of one stage for one model."""

    stage: str
    model: str
    """``teacher`` or ``student``."""
    purpose: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None where the price is unknown, or the model is local."""


def loads(plan: Plan, crew: Crew) -> list[Load]:
    """The work of every stage, in order. Token counts are estimates from the lengths of the real prompts."""
    found: list[Load] = []
    demonstrated: set[str] = set()

    def add(stage: str, model: str, purpose: str, calls: int, prompt: int) -> None:
        tokens = (calls * prompt, calls * REPLY_TOKENS[purpose])
        price = crew.teacher.price if model == "teacher" else None
        found.append(Load(stage, model, purpose, calls, *tokens, cost(price, *tokens)))

    for name in plan.stages:
        arm = by_name(name)
        if name == BOOTSTRAP:
            count = _count(plan, "reflect")
            prompt = _prompt_tokens(plan, crew, "reflect")
            calls = crew.reflection.calls(count)
            batch = max(1, round(count / max(1, calls.get("reflect", 1))))
            for purpose, number in calls.items():
                longer = 1 if purpose == "solve" else batch
                add(name, "teacher", purpose, number, prompt * longer + (longer > 1) * batch * REPLY_TOKENS["solve"])
            continue
        if arm.recipe is not None and (made := "naive" if arm.recipe == "naive" else "learned") not in demonstrated:
            demonstrated.add(made)
            add(name, "teacher", "demonstrate", _count(plan, "train"), _prompt_tokens(plan, crew, "train"))
        for split in arm.splits:
            if plan.sizes[split]:
                add(name, arm.answers, "solve", _count(plan, split), _prompt_tokens(plan, crew, split))
    return found


def _count(plan: Plan, split: str) -> int:
    return min(plan.sizes[split], plan.limit or plan.sizes[split])


def _prompt_tokens(plan: Plan, crew: Crew, split: str) -> int:
    """Mean tokens of a prompt, from the first problems of a split."""
    problems = list(crew.task.problems(split, plan.sizes[split]))[:20]
    lengths = [_characters(crew.task.prompt(problem, plan.strategy)) for problem in problems]
    return round(sum(lengths) / len(lengths) / CHARACTERS_PER_TOKEN)


def _characters(messages: Sequence[Message]) -> int:
    return sum(len(message.text) for message in messages)
