"""Intervals, tests and scores for right-or-wrong answers: from scipy, and written here what scipy lacks.

Pure functions of counts and answers; which contrasts are made, and what they are called, is decided elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
"""Confidence level of every interval whose level is not given."""

DRAWS = 4000
"""Resamples of a bootstrap."""

_SEED = 20260101
_CELLS = 1_000_000  # counts held at once while resampling: 8 MB

Confusion = Mapping[str, Mapping[str, int]]
"""Problems by truth, then by the label that was answered; problems without an answer are in no cell."""


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


class NonInferiority(NamedTuple):
    """Whether the first arm is worse than the second by less than ``margin``, at a one-sided 5%."""

    margin: float
    low: float
    """Lower limit of the 90% interval of the difference, as a fraction."""
    shown: bool


@lru_cache(maxsize=4096)  # the arms of a run have many counts in common
def wilson(correct: int, n: int, level: float = LEVEL) -> Interval:
    """Accuracy with its Wilson score interval. ``n`` must be at least 1."""
    from scipy.stats import binomtest

    limits = binomtest(correct, n).proportion_ci(level, method="wilson")
    return Interval(correct / n, float(limits.low), float(limits.high))


def manski(correct: int, n: int, blank: int) -> tuple[float, float]:
    """Worst and best case of an accuracy whose ``blank`` replies might have been anything (Manski 1989).

    ``n`` counts all problems, ``correct`` and ``blank`` are disjoint parts of it. Fractions.
    """
    return correct / n, (correct + blank) / n


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


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact conditional McNemar test; never below the mid-p. 1 where there is no discordant pair."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def newcombe(both: int, only_first: int, only_second: int, neither: int, level: float = LEVEL) -> Interval:
    """Difference of two paired proportions with its interval (Newcombe 1998, Stat. Med. 17:2635, method 10).

    Square-and-add on the two Wilson intervals, with the correlation of the pairs (continuity-corrected phi where it is
    positive).
    """
    n = both + only_first + only_second + neither
    first = wilson(both + only_first, n, level)
    second = wilson(both + only_second, n, level)
    phi = _phi(both, only_first, only_second, neither, n)
    below = _hypot(first.value - first.low, second.high - second.value, phi)
    above = _hypot(first.high - first.value, second.value - second.low, phi)
    difference = (only_first - only_second) / n
    return Interval(difference, difference - below, difference + above)


def independent(first: tuple[int, int], second: tuple[int, int], level: float = LEVEL) -> Interval:
    """Difference of two independent proportions, each given as right and n, with its interval.

    Square-and-add on the two Wilson intervals (Newcombe 1998, Stat. Med. 17:873, method 10).
    """
    one, other = wilson(*first, level), wilson(*second, level)
    below = _hypot(one.value - one.low, other.high - other.value, 0.0)
    above = _hypot(one.high - one.value, other.value - other.low, 0.0)
    difference = one.value - other.value
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


def paired(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Compares two arms by problem: ``first[i]`` and ``second[i]`` say who got problem i right."""
    both = sum(a and b for a, b in zip(first, second, strict=True))
    return _compared(both, sum(first), sum(second), len(first))


def paired_bounds(first_correct: int, second_correct: int, n: int) -> tuple[Paired, Paired]:
    """The comparison of two arms of which only the counts are known, under the two extreme overlaps.

    The first has the fewest discordant pairs, so it is the kindest to the claim that the arm ahead is better; the
    second has the most, and is the least kind.
    """
    most, least = min(first_correct, second_correct), max(first_correct + second_correct - n, 0)
    return _compared(most, first_correct, second_correct, n), _compared(least, first_correct, second_correct, n)


def _compared(both: int, first_correct: int, second_correct: int, n: int) -> Paired:
    only_first, only_second = first_correct - both, second_correct - both
    neither = n - both - only_first - only_second
    return Paired(
        n=n,
        both=both,
        only_first=only_first,
        only_second=only_second,
        neither=neither,
        difference=newcombe(both, only_first, only_second, neither),
        p_value=mcnemar_mid_p(only_first, only_second),
    )


def non_inferior(both: int, only_first: int, only_second: int, neither: int, margin: float) -> NonInferiority:
    """Tests that the first arm loses less than ``margin`` (a fraction, fixed beforehand) against the second.

    One-sided 5%: shown where the lower limit of the 90% Newcombe interval of first minus second is above ``-margin``.
    """
    low = newcombe(both, only_first, only_second, neither, level=0.90).low
    return NonInferiority(margin, low, low > -margin)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number by Holm's step-down method (1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def minimum_detectable(n: int, discordance: float, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Smallest true paired difference that the two-sided mid-p McNemar test finds with this power, as a fraction.

    ``discordance`` is the share of the ``n`` pairs expected to be discordant. By enumeration: the number of discordant
    pairs is binomial, and given it so is the number that favours the first arm; counts of discordant pairs rarer than
    1e-12 in either tail are left out. None where even a difference as large as the discordance is not found.
    """
    import numpy as np
    from scipy.optimize import brentq
    from scipy.stats import binom

    tails = binom.ppf(1e-12, n, discordance), binom.isf(1e-12, n, discordance)
    pairs = np.arange(max(tails[0], 1.0), max(tails[1], 1.0) + 1)
    weight = binom.pmf(pairs, n, discordance)
    # The mid-p at k lies between the two-sided p at k - 1 and at k, so only the quantile itself is in doubt.
    quantile = binom.ppf(alpha / 2, pairs, 0.5)
    mid_p = 2 * binom.cdf(quantile, pairs, 0.5) - binom.pmf(quantile, pairs, 0.5)
    critical = np.where(mid_p <= alpha, quantile, quantile - 1)

    def excess(difference: float) -> float:
        share = min((1 + difference / discordance) / 2, 1.0)
        found = binom.cdf(critical, pairs, share) + binom.cdf(critical, pairs, 1 - share)
        return float(weight @ found) - power

    if discordance <= 0 or excess(discordance) < 0:
        return None
    return float(brentq(excess, 0.0, discordance, xtol=1e-9)) if excess(0.0) < 0 else 0.0


def balanced_accuracy(confusion: Confusion, totals: Mapping[str, int]) -> Interval:
    """Mean recall over the classes of ``totals`` (truth -> problems, blank replies included) with its interval.

    A blank reply counts as not recalled. Square-and-add over the Wilson intervals of the recalls (MOVER for a linear
    combination of independent proportions: Zou, Donner 2008, Stat. Med. 27:1693), clipped to [0, 1]. At least one
    class must have a problem.
    """
    recalls = [wilson(confusion.get(truth, {}).get(truth, 0), n) for truth, n in totals.items() if n]
    classes = len(recalls)
    value = sum(recall.value for recall in recalls) / classes
    below = sqrt(sum((recall.value - recall.low) ** 2 for recall in recalls)) / classes
    above = sqrt(sum((recall.high - recall.value) ** 2 for recall in recalls)) / classes
    return Interval(value, max(value - below, 0.0), min(value + above, 1.0))


def matthews(confusion: Confusion) -> float:
    """Matthews correlation of truth and answer in [-1, 1], for any number of classes (Gorodkin 2004).

    0 where it is undefined: one truth only, or one answer only.
    """
    truths, answers = _margins(confusion)
    n = truths.total()
    right = sum(row.get(truth, 0) for truth, row in confusion.items())
    covariance = right * n - sum(truths[label] * answers[label] for label in truths)
    spread = (n * n - sum(k * k for k in truths.values())) * (n * n - sum(k * k for k in answers.values()))
    return covariance / sqrt(spread) if spread else 0.0


def information_p(confusion: Confusion) -> float:
    """P-value of the hypothesis that the answer does not depend on the truth.

    Fisher's exact test for two truths and two answers, Pearson's chi-squared (an approximation) for more. 1 for a
    constant answerer, or where all answered problems have one truth.
    """
    import numpy as np
    from scipy.stats import chi2_contingency, fisher_exact

    truths, answers = _margins(confusion)
    if len(truths) < 2 or len(answers) < 2:
        return 1.0
    table = np.array([[confusion[truth].get(answer, 0) for answer in answers] for truth in truths])
    result = fisher_exact(table) if len(truths) == len(answers) == 2 else chi2_contingency(table)
    return float(result.pvalue)


def _margins(confusion: Confusion) -> tuple[Counter[str], Counter[str]]:
    """Answered problems by truth and by answer, without the labels that never occur."""
    truths = Counter({truth: sum(row.values()) for truth, row in confusion.items()})
    answers: Counter[str] = Counter()
    for row in confusion.values():
        answers.update(row)
    return +truths, +answers


def error_consistency(first: Sequence[bool], second: Sequence[bool]) -> float | None:
    """Agreement of two arms in which problems they get right, beyond chance: kappa of Geirhos, Meding, Wichmann 2020.

    ``(observed - expected) / (1 - expected)``, where ``expected`` is the agreement of independent arms of the same
    accuracies. None where they must agree: both all right, or both all wrong.
    """
    n, a, b = len(first), sum(first), sum(second)
    observed = sum(x == y for x, y in zip(first, second, strict=True))
    expected = a * b + (n - a) * (n - b)  # in n * n pairs
    if expected == n * n:
        return None
    return (observed * n - expected) / (n * n - expected)


def gap_closed(before: Sequence[bool], after: Sequence[bool], teacher: Sequence[bool]) -> Interval | None:
    """Share of the distance to the teacher that was covered: (after - before) / (teacher - before).

    The three say who got problem i right. Paired percentile bootstrap over problems. None, a refusal, where the
    teacher's lead is not shown: its Newcombe interval holds 0 or lies below it, or so many resamples are without a
    lead that a limit would be infinite.
    """
    import numpy as np

    if paired(teacher, before).difference.low <= 0:
        return None
    outcomes = Counter(zip(before, after, teacher, strict=True))
    signs = np.array([(int(a) - int(b), int(t) - int(b)) for b, a, t in sorted(outcomes)])
    counts = np.array([outcomes[outcome] for outcome in sorted(outcomes)])
    gain, lead = np.concatenate([drawn @ signs for drawn in _resampled(np.random.RandomState(_SEED), counts)]).T
    usable = lead > 0
    ratio = np.divide(gain, lead, out=np.full(DRAWS, np.inf), where=usable)
    # A resample without a lead has no ratio: it counts against both limits.
    (low, _), (_, high) = _percentiles(np.where(usable, ratio, -np.inf)), _percentiles(ratio)
    if not np.isfinite([low, high]).all():
        return None
    total_gain, total_lead = counts @ signs
    return Interval(float(total_gain / total_lead), low, high)


def seeded_difference(first: Sequence[Sequence[bool]], second: Sequence[Sequence[bool]]) -> tuple[Interval, float]:
    """Difference in accuracy of two arms that were trained with several seeds, with a two-sided p-value.

    Row s of an arm says who got problem i right with seed s; an arm that was not trained has the same row for each.
    With one seed: Newcombe's interval and the mid-p test. With several: ``bootstrap_seeds``, with limits never nearer
    than Newcombe's for a single training, since resampling few discordant problems gives too short an interval, and
    none of them one of no width. Raises ValueError where the rows do not fit.
    """
    if len(first) == len(second) == 1:
        alone = paired(first[0], second[0])
        return alone.difference, alone.p_value
    (value, low, high), p_value = bootstrap_seeds(first, second)
    below, above = _single(first, second)
    return Interval(value, max(-1.0, min(low, value - below)), min(1.0, max(high, value + above))), p_value


def _single(first: Sequence[Sequence[bool]], second: Sequence[Sequence[bool]]) -> tuple[float, float]:
    """How far Newcombe's limits lie from the difference for one training, with the counts of the average seed."""
    pairs = [paired(one, other) for one, other in zip(first, second, strict=True)]
    both, only_first, only_second = (
        round(sum(getattr(pair, name) for pair in pairs) / len(pairs)) for name in ("both", "only_first", "only_second")
    )
    alone = newcombe(both, only_first, only_second, max(0, pairs[0].n - both - only_first - only_second))
    return alone.value - alone.low, alone.high - alone.value


def bootstrap_seeds(first: Sequence[Sequence[bool]], second: Sequence[Sequence[bool]]) -> tuple[Interval, float]:
    """The hierarchical percentile bootstrap: seeds are resampled, then problems, the same for all seeds.

    The p-value is the bootstrap's, ``2 (1 + draws on the rarer side of 0) / (1 + draws)``. With k seeds it sees
    (k - 1) / k of the variance between them: where seeds differ much, few of them give too short an interval
    (benchmarks/interval_coverage.py).

    The draws are those of numpy's RandomState, whose stream NEP 19 freezes, so they stay the same between versions.
    The order of the problems has no influence. Raises ValueError where the rows do not fit.
    """
    import numpy as np

    differences = _differences(first, second)
    trained, n = differences.shape
    columns, counts = np.unique(differences, axis=1, return_counts=True)
    random = np.random.RandomState(_SEED)
    picked = random.multinomial(trained, np.full(trained, 1 / trained), size=DRAWS)
    start, sums = 0, []
    for drawn in _resampled(random, counts):
        sums.append((picked[start : start + len(drawn)] @ columns * drawn).sum(axis=1))
        start += len(drawn)
    draws = np.concatenate(sums)  # whole numbers, so that 0 is exactly 0
    rarer = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    low, high = _percentiles(draws / (trained * n))
    value = float(differences.sum() / (trained * n))
    return Interval(value, low, high), min(1.0, 2 * (1 + rarer) / (1 + DRAWS))


def _differences(first: Sequence[Sequence[bool]], second: Sequence[Sequence[bool]]) -> NDArray[np.int64]:
    import numpy as np

    if len(first) != len(second) or len({len(row) for row in (*first, *second)}) != 1:
        raise ValueError("seeds: each arm needs the same number of seeds, and each seed the same problems")
    return np.array(first, dtype=np.int64) - np.array(second, dtype=np.int64)


def _resampled(random: np.random.RandomState, counts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Draws as many problems as there are, with replacement: how often each kind of problem came up, DRAWS times.

    Problems of one kind cannot be told apart, so a draw of problems is a multinomial draw of their kinds.
    """
    n = counts.sum()
    step = max(_CELLS // len(counts), 1)
    for start in range(0, DRAWS, step):
        yield random.multinomial(n, counts / n, size=min(step, DRAWS - start))


def _percentiles(draws: NDArray[np.float64]) -> tuple[float, float]:
    import numpy as np

    tail = (1 - LEVEL) / 2
    low = np.quantile(draws, tail, method="lower")
    return float(low), float(np.quantile(draws, 1 - tail, method="higher"))
