"""The statistics against other libraries, and against plain enumeration, over many random tables."""

from __future__ import annotations

from math import comb
from random import Random

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, matthews_corrcoef
from statsmodels.stats.contingency_tables import Table, mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from harness.measures.statistics import (
    Confusion,
    balanced_accuracy,
    bootstrap_seeds,
    error_consistency,
    gap_closed,
    holm,
    independent,
    information_p,
    matthews,
    mcnemar_exact,
    mcnemar_mid_p,
    minimum_detectable,
    newcombe,
    wilson,
)

TABLES = 1000
LEVELS = (0.8, 0.9, 0.95, 0.99)


def random_confusion(chance: Random, classes: int, most: int) -> dict[str, dict[str, int]]:
    labels = "abcd"[:classes]
    return {truth: {answer: chance.randrange(most) for answer in labels} for truth in labels}


def cells(confusion: Confusion) -> tuple[list[str], list[str], list[int]]:
    """The table as truths, answers and weights, as scikit-learn takes it."""
    rows = [(truth, answer, n) for truth, row in confusion.items() for answer, n in row.items()]
    return [truth for truth, _, _ in rows], [answer for _, answer, _ in rows], [n for _, _, n in rows]


def test_wilson_agrees_with_statsmodels() -> None:
    chance = Random(1)
    for _ in range(TABLES):
        n, level = chance.randint(1, 2000), chance.choice(LEVELS)
        correct = chance.randint(0, n)
        low, high = proportion_confint(correct, n, alpha=1 - level, method="wilson")
        assert wilson(correct, n, level) == pytest.approx((correct / n, low, high), abs=1e-12)


def test_mcnemar_agrees_with_statsmodels_and_with_the_coin() -> None:
    chance = Random(2)
    for _ in range(TABLES):
        first, second = chance.randint(0, 120), chance.randint(0, 120)
        exact = mcnemar([[3, first], [second, 4]], exact=True).pvalue
        assert mcnemar_exact(first, second) == pytest.approx(exact, abs=1e-12)
        tail = sum(comb(first + second, k) for k in range(min(first, second) + 1))
        here = comb(first + second, first)
        mid_p = min(1.0, (2 * tail - here) / 2 ** (first + second))
        assert mcnemar_mid_p(first, second) == pytest.approx(mid_p, abs=1e-12)


def test_newcombe_without_correlation_is_the_unpaired_interval_of_statsmodels() -> None:
    chance, seen = Random(3), 0
    while seen < TABLES:
        both, first, second, neither = (chance.randint(0, 60) for _ in range(4))
        n, level = both + first + second + neither, chance.choice(LEVELS)
        if n == 0 or not 0 <= both * neither - first * second <= n / 2:
            continue  # only where the corrected correlation is 0 must the two agree
        seen += 1
        low, high = confint_proportions_2indep(
            both + first, n, both + second, n, method="newcomb", compare="diff", alpha=1 - level
        )
        assert newcombe(both, first, second, neither, level)[1:] == pytest.approx((low, high), abs=1e-12)


def test_the_interval_of_two_independent_shares_is_that_of_statsmodels() -> None:
    chance = Random(9)
    for _ in range(TABLES):
        (n, m), level = (chance.randint(1, 300), chance.randint(1, 300)), chance.choice(LEVELS)
        first, second = chance.randint(0, n), chance.randint(0, m)
        limits = confint_proportions_2indep(first, n, second, m, method="newcomb", compare="diff", alpha=1 - level)
        assert independent((first, n), (second, m), level)[1:] == pytest.approx(limits, abs=1e-12)


def test_balanced_accuracy_of_two_classes_is_half_of_an_unpaired_difference() -> None:
    chance = Random(4)
    for _ in range(TABLES):
        yes, no = chance.randint(1, 200), chance.randint(1, 200)
        right_yes, right_no = chance.randint(0, yes), chance.randint(0, no)
        low, high = confint_proportions_2indep(right_yes, yes, no - right_no, no, method="newcomb", compare="diff")
        found = balanced_accuracy({"yes": {"yes": right_yes}, "no": {"no": right_no}}, {"yes": yes, "no": no})
        assert found[1:] == pytest.approx((max((low + 1) / 2, 0), min((high + 1) / 2, 1)), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_balanced_accuracy_and_matthews_agree_with_scikit_learn(classes: int) -> None:
    chance = Random(classes)
    for _ in range(150):
        table = random_confusion(chance, classes, chance.choice((3, 20, 200)))
        truth, answer, weight = cells(table)
        if not sum(weight):
            continue
        totals = {label: sum(row.values()) for label, row in table.items()}
        assert matthews(table) == pytest.approx(matthews_corrcoef(truth, answer, sample_weight=weight), abs=1e-12)
        if all(totals.values()):
            value = balanced_accuracy_score(truth, answer, sample_weight=weight)
            assert balanced_accuracy(table, totals).value == pytest.approx(value, abs=1e-12)


def test_the_test_of_information_for_two_classes_is_fisher_by_enumeration() -> None:
    chance = Random(5)
    for _ in range(TABLES):
        table = random_confusion(chance, 2, chance.choice((4, 15, 60)))
        (a, b), (c, d) = (row.values() for row in table.values())
        ways = {k: comb(a + b, k) * comb(c + d, a + c - k) for k in range(max(0, a - d), min(a + b, a + c) + 1)}
        p = sum(w for w in ways.values() if w <= ways[a]) / sum(ways.values())
        assert information_p(table) == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize("classes", [3, 4])
def test_the_test_of_information_for_more_classes_agrees_with_statsmodels(classes: int) -> None:
    chance = Random(classes)
    for _ in range(TABLES):
        table = random_confusion(chance, classes, 30)
        counts = np.array([list(row.values()) for row in table.values()])
        if not (counts.sum(0).all() and counts.sum(1).all()):
            continue
        p = Table(counts, shift_zeros=False).test_nominal_association().pvalue
        assert information_p(table) == pytest.approx(p, abs=1e-9)


def test_holm_agrees_with_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gc.collect", lambda: 0)  # statsmodels collects at every call, which takes a tenth of a second
    chance = Random(6)
    for _ in range(TABLES):
        p_values = [chance.random() ** 3 for _ in range(chance.randint(1, 8))]
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_error_consistency_is_the_kappa_of_scikit_learn() -> None:
    chance = Random(7)
    for _ in range(150):
        n, share = chance.randint(2, 200), chance.random()
        first, second = ([chance.random() < share for _ in range(n)] for _ in range(2))
        kappa = error_consistency(first, second)
        if kappa is not None:
            assert kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


@pytest.mark.parametrize(("n", "share", "alpha"), [(20, 0.5, 0.05), (30, 0.4, 0.05), (40, 0.3, 0.1), (35, 0.6, 0.01)])
def test_the_detectable_difference_has_its_power_by_enumeration(n: int, share: float, alpha: float) -> None:
    found = minimum_detectable(n, share, alpha)
    assert found is not None

    def power(difference: float) -> float:
        one, other = (share + difference) / 2, (share - difference) / 2
        return sum(
            comb(n, b) * comb(n - b, c) * one**b * other**c * (1 - share) ** (n - b - c)
            for b in range(n + 1)
            for c in range(n + 1 - b)
            if mcnemar_mid_p(b, c) <= alpha
        )

    assert power(found) == pytest.approx(0.8, abs=1e-6)


def test_the_bootstrap_over_seeds_is_that_of_drawing_them_one_by_one() -> None:
    chance = np.random.default_rng(8)
    first = chance.random((4, 120)) < np.array([[0.9], [0.8], [0.75], [0.7]])
    second = chance.random((1, 120)) < 0.9
    (value, low, high), p = bootstrap_seeds(first.tolist(), second.tolist() * 4)
    difference = first.astype(int) - second
    rows, columns = chance.integers(4, size=(40_000, 4, 1)), chance.integers(120, size=(40_000, 1, 120))
    draws = np.concatenate(
        [difference[r, c].mean(axis=(1, 2)) for r, c in zip(np.split(rows, 20), np.split(columns, 20), strict=True)]
    )
    assert value == pytest.approx(difference.mean())
    assert (low, high) == pytest.approx(np.quantile(draws, (0.025, 0.975)), abs=0.008)
    assert p == pytest.approx(2 * (draws >= 0).mean(), abs=0.02)


def test_seeds_that_are_all_alike_leave_the_bootstrap_of_scipy() -> None:
    chance = np.random.default_rng(9)
    first, second = chance.random(200) < 0.8, chance.random(200) < 0.7
    (_, low, high), _ = bootstrap_seeds([first.tolist()] * 3, [second.tolist()] * 3)
    both = (first.astype(float), second.astype(float))
    limits = bootstrap(
        both, lambda a, b, axis: (a - b).mean(axis=axis), paired=True, method="percentile", rng=chance
    ).confidence_interval
    assert (low, high) == pytest.approx((limits.low, limits.high), abs=0.01)


def test_the_share_of_the_gap_agrees_with_the_bootstrap_of_scipy() -> None:
    chance = np.random.default_rng(10)
    before, after, teacher = (chance.random(300) < share for share in (0.4, 0.6, 0.8))
    found = gap_closed(before.tolist(), after.tolist(), teacher.tolist())
    assert found is not None
    limits = bootstrap(
        tuple(arm.astype(float) for arm in (before, after, teacher)),
        lambda b, a, t, axis: (a - b).mean(axis=axis) / (t - b).mean(axis=axis),
        paired=True,
        method="percentile",
        rng=chance,
    ).confidence_interval
    assert found.value == pytest.approx((after.sum() - before.sum()) / (int(teacher.sum()) - before.sum()))
    assert found[1:] == pytest.approx((limits.low, limits.high), abs=0.03)


def test_a_resample_without_a_lead_counts_against_both_limits() -> None:
    before = np.array([True] * 28 + [False] * 32)
    teacher = np.array([False] * 8 + [True] * 39 + [False] * 13)
    after = before | (np.arange(60) >= 45)
    found = gap_closed(before.tolist(), after.tolist(), teacher.tolist())
    assert found is not None
    drawn = np.random.default_rng(11).integers(60, size=(40_000, 60))
    gain, lead = ((arm[drawn].sum(axis=1) - before[drawn].sum(axis=1)) for arm in (after, teacher))
    ratio = np.sort(gain[lead > 0] / lead[lead > 0])
    missing = 40_000 - len(ratio)
    assert 400 < missing < 900
    assert found.low == pytest.approx(ratio[1000 - missing], rel=0.15)
    assert ratio[-1000] * 1.5 < found.high < ratio[missing - 1000] * 1.3  # few draws lie in this tail


def test_the_exact_test_is_the_binomial_one() -> None:
    assert mcnemar_exact(13, 4) == binomtest(13, 17).pvalue
