"""The problems of the published experiment, draw for draw. Its sets are unbalanced, small, and overlap.

Each set is one stream of draws whose first step depends on the size of the set, so problem i depends on the size too.
"""

from __future__ import annotations

from random import Random

from harness.api import Problem
from harness_scheduling.domain import Scheduling, problem

LEVELS = ("EASY", "MEDIUM", "HARD")
_MEETINGS = {"EASY": (2,), "MEDIUM": (3, 4), "HARD": (4, 5, 6)}
_ROOMS = {"EASY": (2, 3), "MEDIUM": (2, 3), "HARD": (2, 3, 4)}


def published_problems(split: str, count: int, seed: int) -> list[Problem]:
    """The published set of this size: ``train`` draws a level for each problem, the others shuffle a list of levels."""
    rng = Random(seed)
    if split == "train":
        return [_drawn(split, index, rng.choice(LEVELS), rng) for index in range(count)]
    third = count // 3
    levels = ["EASY"] * third + ["MEDIUM"] * third + ["HARD"] * (count - 2 * third)
    rng.shuffle(levels)
    return [_drawn(split, index, level, rng) for index, level in enumerate(levels)]


def _drawn(split: str, index: int, level: str, rng: Random) -> Problem:
    counts = _MEETINGS[level]
    count = rng.choice(counts) if len(counts) > 1 else counts[0]
    rooms = rng.choice(_ROOMS[level])
    starts, ends = [], []
    for _ in range(count):
        starts.append(rng.randint(9, 15))
        ends.append(starts[-1] + rng.randint(1, 3))
    return problem(split, index, level, Scheduling(starts, ends, rooms))
