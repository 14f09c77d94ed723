"""What a student is trained on: which worked solutions, chosen so that all who are trained on them get the same ones.

What a recipe makes of them is in ``examples``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
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
    """A training that is still to be made."""

    name: str
    step: Train
    seed: int
    made: Made
    """What there is by now of the worked solutions that it names."""

    @property
    def whole(self) -> bool:
        """Whether all of them are made, so that it can be."""
        return {*self.step.solutions, *self.step.replay} <= self.made.keys()

    @property
    def offered(self) -> int:
        """How many worked solutions there are for it, of use or not."""
        return len(gathered(self.step, self.made, self.seed))


Look = Callable[[Sequence[Sequence[Example]]], Mapping[str, str]]
"""Which rows cannot be trained on and why, by problem id; a list of rows for each training."""
Rows = Callable[[Wanted, Sequence[Demonstration]], list[Example]]
"""The rows of a training, of these worked solutions."""


def gathered(step: Train, made: Made, seed: int) -> list[Demonstration]:
    """The worked solutions of a training, in order: all it names that are made, or one for each problem in turn.

    Of what it replays there are as many as of the others, or all that there are, drawn by the seed.
    """
    sets = [made[name] for name in step.solutions if name in made]
    if step.in_turn:
        new = [each[place % len(sets)] for place, each in enumerate(zip(*sets, strict=True))]
    else:
        new = [each for inner in sets for each in inner]
    before = [each for name in step.replay if name in made for each in made[name]]
    again = random.Random(f"replay {seed}").sample(before, min(len(before), len(new)))
    return [*new, *again]


def settled(
    wanted: Sequence[Wanted], every: Iterable[Sequence[Demonstration]], unfit: Iterable[str], rows: Rows, look: Look
) -> tuple[dict[str, list[Demonstration]], dict[str, str]]:
    """The worked solutions of each whole training by its name, and why more were left out, by problem id.

    All trainings get the same problems of those that they share: those of which every solution that is made by now
    states an answer, and every row by now can be trained on. What is left out changes what is shuffled, so the rows are
    looked at until no further one is. ``every``: all worked solutions by now, those of no training among them;
    ``unfit``: ids of the problems that were left out before.
    """
    good, gone = usable(every), set(unfit)
    kept = {each.name: _of_use(each, good, gone) for each in wanted}
    left_out: dict[str, str] = {}
    while any(len(of_one) >= FEWEST for of_one in kept.values()):
        made = [rows(each, kept[each.name]) for each in wanted if len(kept[each.name]) >= FEWEST]
        found = look(made)
        if not found:
            break
        left_out |= found
        kept = {name: [each for each in of_one if each.problem.id not in found] for name, of_one in kept.items()}
    return {each.name: kept[each.name] for each in wanted if each.whole}, left_out


def usable(every: Iterable[Sequence[Demonstration]]) -> Mapping[tuple[str, ...], set[str]]:
    """By the problems that worked solutions are of: those of which all such solutions state an answer."""
    found: dict[tuple[str, ...], set[str]] = {}
    for made in every:
        ids, stated = _ids(made), examples.usable(made)
        found[ids] = found.get(ids, stated) & stated
    return found


def _of_use(wanted: Wanted, good: Mapping[tuple[str, ...], set[str]], gone: Set[str]) -> list[Demonstration]:
    """The worked solutions of a training, without those of problems that nobody is trained on."""
    made = {}
    for name, given in wanted.made.items():
        kept = good[_ids(given)] - gone
        made[name] = [each for each in given if each.problem.id in kept]
    return gathered(wanted.step, made, wanted.seed)


def _ids(made: Sequence[Demonstration]) -> tuple[str, ...]:
    return tuple(each.problem.id for each in made)
