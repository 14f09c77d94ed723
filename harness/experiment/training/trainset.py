"""What a student is trained on: which worked solutions, chosen so that all who are trained on them get the same ones.

What a recipe makes of them is in ``examples``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.api import Example, Train
from harness.experiment.training import examples
from harness.experiment.training.examples import Demonstration

FEWEST = 2
"""Worked solutions that a training needs."""
Made = Mapping[str, Sequence[Demonstration]]
"""Worked solutions by their name in a step."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A training that can be made now."""

    name: str
    step: Train
    seed: int
    made: Made
    """What of the worked solutions it names."""

    @property
    def offered(self) -> int:
        """How many worked solutions there are for it, of use or not."""
        return len(gathered(self.step, self.made, self.seed))


Look = Callable[[Sequence[Sequence[Example]]], Mapping[str, str]]
"""Which rows cannot be trained on and why, by problem id; a list of rows for each training."""
Rows = Callable[[Wanted, Sequence[Demonstration]], list[Example]]
"""The rows of a training, of these worked solutions."""


def gathered(step: Train, made: Made, seed: int) -> list[Demonstration]:
    """The worked solutions of a training, in order: all of those it names, or one of them for each problem in turn.

    Of what it replays there are as many as of the others, or all that there are, drawn by the seed.
    """
    sets = [made[name] for name in step.solutions]
    if step.in_turn:
        new = [each[place % len(sets)] for place, each in enumerate(zip(*sets, strict=True))]
    else:
        new = [each for inner in sets for each in inner]
    before = [each for name in step.replay for each in made[name]]
    again = random.Random(f"replay {seed}").sample(before, min(len(before), len(new)))
    return [*new, *again]


def settled(wanted: Sequence[Wanted], rows: Rows, look: Look) -> tuple[dict[str, list[Demonstration]], dict[str, str]]:
    """The worked solutions of each training by its name, and why some were left out, by problem id.

    All trainings get the same problems of those that they share: those of which every solution states an answer and
    every row can be trained on. What is left out changes what is shuffled, so the rows are looked at until no further
    one is.
    """
    kept = {each.name: gathered(each.step, usable(each.made, wanted), each.seed) for each in wanted}
    left_out: dict[str, str] = {}
    while any(len(of_one) >= FEWEST for of_one in kept.values()):
        made = [rows(each, kept[each.name]) for each in wanted if len(kept[each.name]) >= FEWEST]
        unfit = look(made)
        if not unfit:
            break
        left_out |= unfit
        kept = {name: [each for each in of_one if each.problem.id not in unfit] for name, of_one in kept.items()}
    return kept, left_out


def usable(made: Made, wanted: Iterable[Wanted]) -> Made:
    """Of these worked solutions those of problems for which all others of the same problems state an answer, too."""
    every = {id(each): each for training in wanted for each in training.made.values()}.values()
    found = {}
    for name, given in made.items():
        ids = [each.problem.id for each in given]
        alike = [other for other in every if [each.problem.id for each in other] == ids]
        good = set.intersection(*map(examples.usable, alike)) if alike else set()
        found[name] = [each for each in given if each.problem.id in good]
    return found
