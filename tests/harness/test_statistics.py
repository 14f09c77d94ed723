from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics import mcnemar_mid_p, newcombe, paired, wilson

COUNTS = st.integers(0, 200)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (0, 50, 0.0, 0.071348),
        (5, 50, 0.043476, 0.213602),
        (50, 50, 0.928652, 1.0),
        (18, 150, 0.077269, 0.181708),
        (129, 150, 0.795448, 0.906574),
        (132, 150, 0.818292, 0.922731),
    ],
)
def test_wilson_gives_the_published_limits(correct: int, n: int, low: float, high: float) -> None:
    assert wilson(correct, n) == pytest.approx((correct / n, low, high), abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "p"), [(10, 4, 0.11847), (9, 2, 0.03857), (6, 1, 0.07031), (5, 0, 0.03125), (0, 0, 1.0)]
)
def test_mid_p_mcnemar_gives_the_known_values(first: int, second: int, p: float) -> None:
    assert mcnemar_mid_p(first, second) == pytest.approx(p, abs=1e-5)


def test_newcombe_gives_the_known_interval() -> None:
    assert newcombe(117, 9, 12, 12) == pytest.approx((-0.02, -0.083242, 0.042577), abs=1e-6)


@given(COUNTS, COUNTS, COUNTS, COUNTS.filter(bool))
def test_swapping_the_arms_mirrors_the_interval(both: int, first: int, second: int, neither: int) -> None:
    value, low, high = newcombe(both, first, second, neither)
    assert newcombe(both, second, first, neither) == pytest.approx((-value, -high, -low), abs=1e-12)
    assert -1 - 1e-12 <= low <= value <= high <= 1 + 1e-12


@given(COUNTS, COUNTS)
def test_the_p_value_is_symmetric_and_a_probability(first: int, second: int) -> None:
    assert mcnemar_mid_p(first, second) == mcnemar_mid_p(second, first)
    assert 0 < mcnemar_mid_p(first, second) <= 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_the_four_cells_are_counted(pairs: list[tuple[bool, bool]]) -> None:
    result = paired([a for a, _ in pairs], [b for _, b in pairs])
    assert result.n == len(pairs) == result.both + result.only_first + result.only_second + result.neither
    assert result.only_first == pairs.count((True, False))
    assert result.only_second == pairs.count((False, True))


def test_identical_arms_have_an_interval_of_their_own_width() -> None:
    result = paired([True] * 60 + [False] * 40, [True] * 60 + [False] * 40)
    assert result.difference.low < 0 < result.difference.high
    assert result.p_value == 1
