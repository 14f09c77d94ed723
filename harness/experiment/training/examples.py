"""The training data of each recipe, made from the teacher's demonstrations.

Every recipe keeps the items, their order and the student's prompt, and changes one thing in the target.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.api import Answered, Example, Message, Outcome, Problem, Recipe, Task


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A worked solution of a training problem."""

    problem: Problem
    reply: str
    outcome: Outcome
    source: Literal["teacher", "verifier"] = "teacher"
    """Whose answer it states."""


def usable(demonstrations: Sequence[Demonstration]) -> set[str]:
    """Ids of the problems whose demonstration states an answer."""
    return {each.problem.id for each in demonstrations if isinstance(each.outcome, Answered)}


def of_recipe(
    task: Task,
    recipe: Recipe,
    demonstrations: Sequence[Demonstration],
    seed: int,
    prompt: Callable[[Problem], tuple[Message, ...]],
    told: Callable[[Problem], tuple[Message, ...]] | None = None,
) -> list[Example]:
    """The rows of a recipe: the items are those of the worked solutions that state an answer, whatever the recipe.

    ``prompt`` is how the trained student will be asked, ``told`` how with the strategy, for one that practises.

    Random answers need a task with a closed set of labels; ``harness.preflight.contracts.check`` sees to that.
    """
    chosen = [
        (demonstration, demonstration.outcome.label)
        for demonstration in demonstrations
        if isinstance(demonstration.outcome, Answered)
    ]
    targets = [task.reply(label) if recipe == "labels" else demonstration.reply for demonstration, label in chosen]
    labels = [label for _, label in chosen]
    if recipe == "shuffled":
        order = derangement(len(chosen), seed)
        targets = [targets[index] for index in order]
        labels = [labels[index] for index in order]
    if recipe == "random":
        labels = _random_labels(task, len(chosen), seed)
        targets = [task.reply(label) for label in labels]
    return [
        Example(
            problem_id=demonstration.problem.id,
            prompt=prompt(demonstration.problem),
            target=target,
            label=label,
            label_source="chance" if recipe == "random" else demonstration.source,
            told=told(demonstration.problem) if told else None,
        )
        for (demonstration, _), target, label in zip(chosen, targets, labels, strict=True)
    ]


def solved(task: Task, problem: Problem, truth: str, strategy: str) -> Demonstration:
    """A solution without work: the strategy, then the true answer. What the published experiment trained on."""
    return Demonstration(problem, f"{strategy}\n\n{task.reply(truth)}", Answered(truth), "verifier")


def _random_labels(task: Task, n: int, seed: int) -> list[str]:
    stream = random.Random(f"random labels {seed}")
    return [stream.choice(task.labels or ()) for _ in range(n)]


def derangement(n: int, seed: int) -> list[int]:
    """A random permutation of ``range(n)`` in which nothing stays in its place, for n of 2 or more.

    Sattolo's algorithm: one cycle through all places, uniform among such cycles.
    """
    order = list(range(n))
    stream = random.Random(f"derangement {seed}")
    for last in range(n - 1, 0, -1):
        other = stream.randrange(last)
        order[last], order[other] = order[other], order[last]
    return order


def summary(rows: Sequence[Example], offered: int) -> Mapping[str, int]:
    """Counts for the result: rows, rows left out for want of an answer, rows by label source."""
    sources = Counter(row.label_source for row in rows)
    return {
        "rows": len(rows),
        "left_out": offered - len(rows),
        "labelled_by_teacher": sources["teacher"],
        "labelled_by_verifier": sources["verifier"],
        "labelled_by_chance": sources["chance"],
    }
