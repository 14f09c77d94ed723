"""What a plan will take, before anything is spent: calls, tokens and cost by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.arms import BOOTSTRAP, by_name
from harness.crew import Crew
from harness.plan import Plan
from harness.records import Message, Usage
from harness.skills import SPLIT as SKILLS

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
        cost = crew.teacher.cost(Usage(*tokens)) if model == "teacher" else None
        found.append(Load(stage, model, purpose, calls, *tokens, cost))

    for name in plan.stages:
        arm = by_name(name)
        if name == BOOTSTRAP:
            prompts = _prompts(plan, crew, "reflect")
            prompt = _mean_tokens(prompts)
            calls = crew.reflection.calls(len(prompts))
            batch = max(1, round(len(prompts) / max(1, calls.get("reflect", 1))))
            for purpose, number in calls.items():
                longer = 1 if purpose == "solve" else batch
                add(name, "teacher", purpose, number, prompt * longer + (longer > 1) * batch * REPLY_TOKENS["solve"])
            continue
        if arm.recipe is not None and (made := "naive" if arm.recipe == "naive" else "learned") not in demonstrated:
            demonstrated.add(made)
            prompts = _prompts(plan, crew, "train")
            add(name, "teacher", "demonstrate", len(prompts), _mean_tokens(prompts))
        for split in arm.splits:
            prompts = _prompts(plan, crew, split)
            if prompts:
                add(name, arm.answers, "solve", len(prompts), _mean_tokens(prompts))
    return found


def _prompts(plan: Plan, crew: Crew, split: str) -> list[Sequence[Message]]:
    """The prompts of a split, as far as they are known beforehand."""
    size = plan.sizes[split]
    if split == SKILLS:
        made = [skill.prompt for skill in crew.student.skills(size)]
    else:
        made = [crew.task.prompt(problem, plan.strategy) for problem in crew.task.problems(split, size)] if size else []
    return list(made[: plan.limit or size])


def _mean_tokens(prompts: Sequence[Sequence[Message]]) -> int:
    characters = sum(len(message.text) for prompt in prompts for message in prompt)
    return round(characters / len(prompts) / CHARACTERS_PER_TOKEN)
