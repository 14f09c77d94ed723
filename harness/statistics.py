"""Intervals and paired tests for right-or-wrong answers: from scipy, and written here what scipy lacks."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

LEVEL = 0.95
"""Confidence level of every interval."""


class Interval(NamedTuple):
    """An estimate with its confidence limits, as fractions."""

    value: float
    low: float
    high: float


class Paired(NamedTuple):
    """The paired comparison of two arms over the same problems."""

    n: int
    both: int
    """Problems that both arms got right."""
    only_first: int
    only_second: int
    neither: int
    difference: Interval
    """Accuracy of the first arm minus that of the second (Newcombe 1998, method 10)."""
    p_value: float
    """Two-sided mid-p McNemar test of no difference."""


def wilson(correct: int, n: int) -> Interval:
    """Accuracy with its Wilson score interval. ``n`` must be at least 1."""
    from scipy.stats import binomtest

    limits = binomtest(correct, n).proportion_ci(LEVEL, method="wilson")
    return Interval(correct / n, float(limits.low), float(limits.high))


def mcnemar_mid_p(only_first: int, only_second: int) -> float:
    """Two-sided mid-p McNemar test (Fagerland, Lydersen, Laake 2013): the discordant pairs against a fair coin.

    1 where there is no discordant pair.
    """
    from scipy.stats import binom

    discordant = only_first + only_second
    if discordant == 0:
        return 1.0
    fewer = min(only_first, only_second)
    return min(1.0, float(2 * binom.cdf(fewer, discordant, 0.5) - binom.pmf(fewer, discordant, 0.5)))


def newcombe(both: int, only_first: int, only_second: int, neither: int) -> Interval:
    """Difference of two paired proportions with its interval (Newcombe 1998, Stat. Med. 17:2635, method 10).

    Square-and-add on the two Wilson intervals, with the correlation of the pairs (continuity-corrected phi where it is
    positive).
    """
    n = both + only_first + only_second + neither
    first = wilson(both + only_first, n)
    second = wilson(both + only_second, n)
    phi = _phi(both, only_first, only_second, neither, n)
    below = _hypot(first.value - first.low, second.high - second.value, phi)
    above = _hypot(first.high - first.value, second.value - second.low, phi)
    difference = (only_first - only_second) / n
    return Interval(difference, difference - below, difference + above)


def _phi(both: int, only_first: int, only_second: int, neither: int, n: int) -> float:
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    cross: float = both * neither - only_first * only_second
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    return cross / sqrt(margins)


def _hypot(first: float, second: float, phi: float) -> float:
    return sqrt(max(first * first - 2 * phi * first * second + second * second, 0.0))


def paired(first: list[bool], second: list[bool]) -> Paired:
    """Compares two arms by problem: ``first[i]`` and ``second[i]`` say who got problem i right."""
    both = sum(a and b for a, b in zip(first, second, strict=True))
    only_first, only_second = sum(first) - both, sum(second) - both
    neither = len(first) - both - only_first - only_second
    return Paired(
        n=len(first),
        both=both,
        only_first=only_first,
        only_second=only_second,
        neither=neither,
        difference=newcombe(both, only_first, only_second, neither),
        p_value=mcnemar_mid_p(only_first, only_second),
    )
