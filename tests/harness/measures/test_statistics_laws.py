"""Laws that hold of every count and every row of answers; known values are in test_statistics."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measures.statistics import (
    balanced_accuracy,
    error_consistency,
    gap_closed,
    holm,
    information_p,
    manski,
    matthews,
    mcnemar_exact,
    mcnemar_mid_p,
    minimum_detectable,
    newcombe,
    paired,
    paired_bounds,
    seeded_difference,
    wilson,
)

COUNTS = st.integers(0, 200)
CELLS = st.tuples(COUNTS, COUNTS, COUNTS, COUNTS).filter(any)
PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1)
TABLES = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 30), min_size=k, max_size=k), min_size=k, max_size=k)
)


def confusion(table: list[list[int]]) -> dict[str, dict[str, int]]:
    """The table with truths down and answers across as the mapping that is asked for."""
    return {str(truth): {str(answer): n for answer, n in enumerate(row)} for truth, row in enumerate(table)}


@given(CELLS)
def test_swapping_the_arms_mirrors_the_interval(cells: tuple[int, int, int, int]) -> None:
    both, first, second, neither = cells
    value, low, high = newcombe(both, first, second, neither)
    assert newcombe(both, second, first, neither) == pytest.approx((-value, -high, -low), abs=1e-12)
    assert -1 - 1e-12 <= low <= value <= high <= 1 + 1e-12


@given(CELLS, st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_a_higher_level_gives_a_wider_interval(cells: tuple[int, int, int, int], one: float, other: float) -> None:
    lower, higher = sorted((one, other))
    inner, outer = newcombe(*cells, level=lower), newcombe(*cells, level=higher)
    assert outer.low <= inner.low + 1e-12
    assert inner.high <= outer.high + 1e-12
    correct, n = cells[0] + cells[1], sum(cells)
    assert wilson(correct, n, higher).low <= wilson(correct, n, lower).low + 1e-12


@given(COUNTS, COUNTS)
def test_the_p_value_is_symmetric_and_a_probability(first: int, second: int) -> None:
    assert mcnemar_mid_p(first, second) == mcnemar_mid_p(second, first)
    assert 0 < mcnemar_mid_p(first, second) <= 1
    assert mcnemar_exact(first, second) == mcnemar_exact(second, first)
    assert mcnemar_mid_p(first, second) <= mcnemar_exact(first, second) + 1e-12


@given(PAIRS)
def test_the_four_cells_are_counted(pairs: list[tuple[bool, bool]]) -> None:
    result = paired([a for a, _ in pairs], [b for _, b in pairs])
    assert result.n == len(pairs) == result.both + result.only_first + result.only_second + result.neither
    assert result.only_first == pairs.count((True, False))
    assert result.only_second == pairs.count((False, True))


@given(PAIRS)
def test_the_real_comparison_lies_between_its_bounds(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    real = paired(first, second)
    kind, unkind = paired_bounds(sum(first), sum(second), len(pairs))
    assert kind.difference.value == real.difference.value == unkind.difference.value
    assert kind.only_first <= real.only_first <= unkind.only_first
    assert kind.p_value - 1e-12 <= real.p_value <= unkind.p_value + 1e-12 or real.only_first == real.only_second


@given(PAIRS)
def test_error_consistency_is_symmetric_and_at_most_one(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    kappa = error_consistency(first, second)
    assert kappa == error_consistency(second, first)
    assert kappa is None or -1 <= kappa <= 1
    assert kappa is None or (kappa == 1) == (first == second)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_two_cases_hold_the_accuracy_of_every_assignment(correct: int, wrong: int, blank: int) -> None:
    n = correct + wrong + blank + 1
    worst, best = manski(correct, n, blank)
    assert 0 <= worst <= best <= 1
    assert all(worst <= (correct + right) / n <= best for right in range(blank + 1))


@given(TABLES, st.randoms(use_true_random=False))
def test_naming_the_classes_otherwise_changes_no_score(table: list[list[int]], chance: random.Random) -> None:
    order = list(range(len(table)))
    chance.shuffle(order)
    other = [[table[truth][answer] for answer in order] for truth in order]
    flipped = [list(column) for column in zip(*table, strict=True)]
    assert matthews(confusion(other)) == pytest.approx(matthews(confusion(table)))
    assert matthews(confusion(flipped)) == pytest.approx(matthews(confusion(table)))
    assert -1 <= matthews(confusion(table)) <= 1
    assert information_p(confusion(other)) == pytest.approx(information_p(confusion(table)))
    assert 0 <= information_p(confusion(table)) <= 1


@given(TABLES)
def test_balanced_accuracy_lies_in_its_interval(table: list[list[int]]) -> None:
    totals = {str(truth): sum(row) + 1 for truth, row in enumerate(table)}
    value, low, high = balanced_accuracy(confusion(table), totals)
    assert 0 <= low <= value + 1e-12
    assert value <= high + 1e-12 <= 1 + 1e-12


@given(st.lists(st.floats(0, 1), min_size=1), st.randoms(use_true_random=False))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float], chance: random.Random) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    assert [q for _, q in sorted(zip(p_values, adjusted, strict=True))] == sorted(adjusted)
    order = list(range(len(p_values)))
    chance.shuffle(order)
    assert holm([p_values[i] for i in order]) == [adjusted[i] for i in order]


@given(st.integers(10, 400), st.floats(0.05, 0.5))
def test_more_problems_find_smaller_differences(n: int, share: float) -> None:
    few, many = minimum_detectable(n, share), minimum_detectable(2 * n, share)
    assert few is None or (many is not None and 0 < many < few <= share)
    assert few is None or (strict := minimum_detectable(n, share, alpha=0.01)) is None or strict >= few


@given(
    st.integers(2, 4).flatmap(lambda k: st.lists(st.tuples(*[st.booleans()] * (2 * k)), min_size=2, max_size=30)),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_problems_changes_nothing(problems: list[tuple[bool, ...]], chance: random.Random) -> None:
    shuffled = problems.copy()
    chance.shuffle(shuffled)
    rows, other = list(zip(*problems, strict=True)), list(zip(*shuffled, strict=True))
    k = len(rows) // 2
    assert seeded_difference(rows[:k], rows[k:]) == seeded_difference(other[:k], other[k:])
    assert gap_closed(*rows[:3]) == gap_closed(*other[:3])
    assert paired(*rows[:2]) == paired(*other[:2])


@given(st.lists(st.tuples(*[st.booleans()] * 6), min_size=2, max_size=30))
def test_the_difference_over_seeds_lies_in_its_interval(problems: list[tuple[bool, ...]]) -> None:
    rows = list(zip(*problems, strict=True))
    (value, low, high), p = seeded_difference(rows[:3], rows[3:])
    assert -1 <= low <= value <= high <= 1
    assert value == pytest.approx((sum(map(sum, rows[:3])) - sum(map(sum, rows[3:]))) / (3 * len(problems)))
    assert 0 < p <= 1
