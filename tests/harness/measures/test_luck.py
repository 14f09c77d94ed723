"""The permutation test over trainings: known cases, laws, and scipy's test beside it."""

from __future__ import annotations

from itertools import permutations
from math import comb
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from harness.measures.luck import RARE, luck

ARM = st.lists(st.integers(0, 12), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        ([9, 8, 7], [6, 5, 4], 1 / 20),
        ([9, 8, 6], [7, 5, 4], 2 / 20),
        ([9, 8, 6], [6, 5, 4], 2 / 20),
        ([4, 4, 4], [4, 4, 4], 1),
        ([4, 5, 6], [7, 8, 9], 1),
        ([300], [0], 1 / 2),
        ([9, 8], [7, 6, 5, 4], 1 / 15),
    ],
)
def test_known_divisions(first: list[int], second: list[int], p_value: float) -> None:
    assert luck(first, second).p_value == pytest.approx(p_value, abs=1e-15)


@given(st.integers(1, 6), st.integers(1, 6))
def test_only_enough_trainings_can_rule_luck_out(ahead: int, behind: int) -> None:
    found = luck([300] * ahead, [0] * behind)
    assert found.ruled_out == found.enough == (comb(ahead + behind, ahead) * RARE >= 1)


@given(st.lists(st.integers(0, 300), min_size=6, max_size=6))
def test_three_trainings_need_every_one_ahead(counts: list[int]) -> None:
    first, second = counts[:3], counts[3:]
    assert luck(first, second).ruled_out == (min(first) > max(second))


@given(ARM, ARM)
@settings(max_examples=50)
def test_agrees_with_scipy(first: list[int], second: list[int]) -> None:
    one, other = ([0, *arm] for arm in (first, second))  # scipy wants two observations of each
    oracle = permutation_test(
        (one, other),
        lambda drawn, _, axis: np.sum(drawn, axis=axis),
        vectorized=True,
        n_resamples=comb(10, 5),  # as many as there are at most, so that it is exact
        alternative="greater",
    )
    assert luck(one, other).p_value == pytest.approx(oracle.pvalue, abs=1e-12)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=6), st.data())
def test_equal_arms_are_seldom_apart(counts: list[int], data: st.DataObject) -> None:
    """Exactly: over all orders of the same trainings, a p-value of x or less comes up in a share x of them at most."""
    size = data.draw(st.integers(1, len(counts) - 1))
    found = [luck(order[:size], order[size:]).p_value for order in permutations(counts)]
    for x in set(found):
        assert sum(p_value <= x for p_value in found) <= x * len(found) + 1e-9


@given(ARM, ARM, st.integers(0, 100), st.randoms())
def test_neither_the_order_nor_a_shift_matters(first: list[int], second: list[int], shift: int, chance: Random) -> None:
    shuffled = [right + shift for right in chance.sample(first, len(first))]
    assert luck(shuffled, [right + shift for right in second]) == luck(first, second)


@given(ARM, ARM, st.data())
def test_one_more_right_answer_never_counts_against_the_first(
    first: list[int], second: list[int], data: st.DataObject
) -> None:
    better = list(first)
    better[data.draw(st.integers(0, len(first) - 1))] += data.draw(st.integers(1, 12))
    assert luck(better, second).p_value <= luck(first, second).p_value


@given(ARM, ARM)
def test_luck_is_not_ruled_out_on_both_sides(first: list[int], second: list[int]) -> None:
    assert not (luck(first, second).ruled_out and luck(second, first).ruled_out)


@pytest.mark.parametrize(("first", "second"), [([], [1]), ([1], []), ([], [])])
def test_an_arm_without_a_training_is_an_error(first: list[int], second: list[int]) -> None:
    with pytest.raises(ValueError, match="trainings"):
        luck(first, second)
