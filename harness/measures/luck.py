"""Whether a lead of one trained arm over another is more than the luck of their trainings.

An interval over problems sees which of them were drawn. A training that came out well is ahead on all of them, and
resampling a few trainings shows too little of how much they vary (benchmarks/null_designs.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import NamedTuple

RARE = Fraction(1, 20)
"""P-value up to which the luck of trainings is ruled out."""


class Luck(NamedTuple):
    """How often trainings that differ in nothing but luck would favour the first arm as much."""

    p_value: float
    """One-sided, exact: at most a share x of all pairs of equal arms has one of x or less."""
    enough: bool
    """Whether there are so many trainings that they can rule luck out at all."""
    ruled_out: bool
    """Whether the p-value is at most ``RARE``."""


def luck(first: Sequence[int], second: Sequence[int]) -> Luck:
    """The permutation test of two arms, each with the right answers of its trainings on the same problems.

    The p-value is the share of all divisions of the trainings into arms of these sizes in which the first has at least
    as many right answers as it has (Fisher 1935; Pitman 1937). No distribution of the luck is assumed, only that the
    trainings of equal arms could be exchanged, so an arm that was not trained has no place here. With three trainings
    of each arm luck is ruled out where all of the first are ahead of all of the second, with fewer never.

    Raises ValueError for an arm without a training.
    """
    if not first or not second:
        raise ValueError("trainings: each arm needs at least one")
    ways = Counter({(0, 0): 1})  # divisions, by the trainings that the first arm has and the right answers of these
    for right in (*first, *second):
        ways.update(
            {(count + 1, total + right): number for (count, total), number in ways.items() if count < len(first)}
        )
    divisions = comb(len(first) + len(second), len(first))
    as_far = sum(number for (count, total), number in ways.items() if count == len(first) and total >= sum(first))
    share = Fraction(as_far, divisions)
    return Luck(float(share), Fraction(1, divisions) <= RARE, share <= RARE)
