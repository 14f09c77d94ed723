"""Known values of the statistics; laws are in test_statistics_laws, other answers in test_statistics_oracles."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from harness.measures.statistics import (
    balanced_accuracy,
    bootstrap_seeds,
    error_consistency,
    gap_closed,
    holm,
    independent,
    information_p,
    manski,
    matthews,
    mcnemar_exact,
    mcnemar_mid_p,
    minimum_detectable,
    newcombe,
    non_inferior,
    paired,
    paired_bounds,
    seeded_difference,
    wilson,
)


def answers(*shares: float, n: int, source: int = 1) -> list[list[bool]]:
    """One row of n answers for each share of right ones."""
    chance = random.Random(source)
    return [[chance.random() < share for _ in range(n)] for share in shares]


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (0, 50, 0.0, 0.071348),
        (5, 50, 0.043476, 0.213602),
        (13, 50, 0.158715, 0.395532),
        (50, 50, 0.928652, 1.0),
        (18, 150, 0.077269, 0.181708),
        (122, 150, 0.743443, 0.867576),
        (126, 150, 0.772960, 0.890060),
        (129, 150, 0.795448, 0.906574),
        (132, 150, 0.818292, 0.922731),
    ],
)
def test_wilson_gives_the_published_limits(correct: int, n: int, low: float, high: float) -> None:
    assert wilson(correct, n) == pytest.approx((correct / n, low, high), abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "exact", "mid_p"),
    [
        (10, 4, 0.17957, 0.11847),
        (9, 2, 0.06543, 0.03857),
        (6, 1, 0.125, 0.07031),
        (5, 0, 0.0625, 0.03125),
        (0, 0, 1.0, 1.0),
    ],
)
def test_mcnemar_gives_the_known_values(first: int, second: int, exact: float, mid_p: float) -> None:
    assert mcnemar_exact(first, second) == pytest.approx(exact, abs=1e-5)
    assert mcnemar_mid_p(first, second) == pytest.approx(mid_p, abs=1e-5)


@pytest.mark.parametrize(("first", "second", "p"), [(18, 8, 0.052), (16, 5, 0.017), (12, 9, 0.52)])
def test_few_problems_of_the_rarer_class_hardly_let_an_arm_beat_a_constant(first: int, second: int, p: float) -> None:
    assert mcnemar_mid_p(first, second) == pytest.approx(p, rel=0.02)


def test_newcombe_gives_the_known_interval() -> None:
    assert newcombe(117, 9, 12, 12) == pytest.approx((-0.02, -0.083242, 0.042577), abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [
        ((56, 70), (48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.6, 0.1705, 0.8090)),
        ((10, 10), (0, 20), (1.0, 0.6791, 1.0)),
    ],
)
def test_two_independent_shares_have_the_published_interval(
    first: tuple[int, int], second: tuple[int, int], known: tuple[float, float, float]
) -> None:
    # Newcombe 1998, Stat. Med. 17:873, table II, method 10
    assert independent(first, second) == pytest.approx(known, abs=1e-4)


def test_identical_arms_have_an_interval_of_their_own_width() -> None:
    result = paired([True] * 126 + [False] * 24, [True] * 126 + [False] * 24)
    assert result.difference == pytest.approx((0, -0.021, 0.021), abs=1e-3)
    assert result.p_value == 1


@pytest.mark.parametrize(
    ("n", "found"),
    [
        (150, (0.069, 0.101, 0.123)),
        (300, (0.050, 0.071, 0.088)),
        (500, (0.039, 0.056, 0.068)),
        (1000, (0.028, 0.040, 0.048)),
    ],
)
def test_the_detectable_difference_is_the_known_one(n: int, found: tuple[float, ...]) -> None:
    assert [minimum_detectable(n, share) for share in (0.1, 0.2, 0.3)] == pytest.approx(found, abs=6e-4)


def test_the_detectable_difference_of_a_small_set_is_large_or_out_of_reach() -> None:
    assert minimum_detectable(50, 0.2) == pytest.approx(0.164, abs=5e-4)
    assert minimum_detectable(50, 0.1) is None
    assert minimum_detectable(50, 0.0) is None
    assert minimum_detectable(0, 0.2) is None


def test_a_constant_answerer_scores_as_one() -> None:
    constant = {"yes": {"yes": 132}, "no": {"yes": 18, "no": 0}}
    assert balanced_accuracy(constant, {"yes": 132, "no": 18}).value == 0.5
    assert matthews(constant) == 0
    assert information_p(constant) == 1


def test_answers_that_carry_information_need_not_beat_a_constant() -> None:
    skilled = {"yes": {"yes": 123, "no": 9}, "no": {"yes": 6, "no": 12}}
    assert information_p(skilled) < 1e-5
    assert mcnemar_mid_p(12, 9) > 0.5


def test_no_answer_at_all_may_have_been_anything() -> None:
    assert manski(0, 150, 150) == (0, 1)
    assert manski(30, 50, 5) == (0.6, 0.7)


def test_a_blank_reply_is_not_recalled_and_gives_no_information() -> None:
    answered = {"yes": {"yes": 40}, "no": {"no": 30}}
    assert balanced_accuracy(answered, {"yes": 40, "no": 60}).value == 0.75
    assert balanced_accuracy(answered, {"yes": 40, "no": 60, "never": 0}).value == 0.75
    assert balanced_accuracy({}, {"yes": 40, "no": 60}).value == 0
    assert matthews(answered) == 1
    assert matthews({}) == 0
    assert information_p({}) == 1


def test_rows_and_columns_without_a_problem_do_not_make_a_table_larger() -> None:
    two = information_p({"a": {"a": 9, "b": 2}, "b": {"a": 1, "b": 7}})
    assert information_p({"a": {"a": 9, "b": 2, "c": 0}, "b": {"a": 1, "b": 7}, "c": {"a": 0}}) == two


def test_holm_gives_the_known_values() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_non_inferiority_needs_the_limit_above_the_margin() -> None:
    limit = newcombe(220, 30, 30, 20, level=0.9).low
    assert non_inferior(220, 30, 30, 20, -limit + 1e-9) == (-limit + 1e-9, limit, True)
    assert not non_inferior(220, 30, 30, 20, -limit).shown


@pytest.mark.parametrize(("n", "share", "margin"), [(248, 0.1, 0.05), (495, 0.2, 0.05), (742, 0.3, 0.05)])
def test_non_inferiority_is_shown_with_the_planned_power(n: int, share: float, margin: float) -> None:
    chance = random.Random(7)
    both = 0.85 - share / 2
    shown = 0
    for _ in range(1000):
        drawn = chance.choices(range(4), (both, share / 2, share / 2, 1 - both - share), k=n)
        shown += non_inferior(drawn.count(0), drawn.count(1), drawn.count(2), drawn.count(3), margin).shown
    assert shown / 1000 == pytest.approx(0.8, abs=0.04)


def test_error_consistency_counts_agreement_beyond_chance() -> None:
    half = [True, True, False, False]
    assert error_consistency(half, half) == 1
    assert error_consistency(half, [not right for right in half]) == -1
    assert error_consistency(half, [True, False, True, False]) == 0
    assert error_consistency([True] * 4, [True] * 4) is None
    assert error_consistency([True] * 4, [False] * 4) == 0


def test_the_overlap_of_two_counts_is_bounded() -> None:
    kind, unkind = paired_bounds(129, 122, 150)
    assert kind[:5] == (150, 122, 7, 0, 21)
    assert unkind[:5] == (150, 101, 28, 21, 0)
    assert kind.p_value < 0.05 < unkind.p_value


def test_the_gap_is_closed_fully_half_or_not_at_all() -> None:
    before = [False] * 80 + [True] * 20
    half = [False] * 40 + [True] * 60
    teacher = [True] * 100
    assert gap_closed(before, before, teacher) == (0, 0, 0)
    assert gap_closed(before, teacher, teacher) == (1, 1, 1)
    share = gap_closed(before, half, teacher)
    assert share is not None
    assert share.low < share.value == 0.5 < share.high


def test_the_gap_to_a_teacher_that_does_not_lead_is_refused() -> None:
    before, after, teacher = answers(0.7, 0.8, 0.7, n=200)
    assert gap_closed(before, after, teacher) is None
    assert gap_closed([True] * 50, [True] * 50, [False] * 50) is None
    # A lead in nearly every resample, but not by Newcombe's interval; then the other way round.
    assert gap_closed([True] * 10 + [False] * 10, [True] * 12 + [False] * 8, [True] * 14 + [False] * 6) is None
    before, teacher = [True] * 4 + [False] * 16, [False] * 2 + [True] * 10 + [False] * 8
    assert paired(teacher, before).difference.low > 0
    assert gap_closed(before, teacher, teacher) is None


def test_one_seed_is_compared_as_two_arms_are() -> None:
    first, second = answers(0.8, 0.7, n=100)
    alone = paired(first, second)
    assert seeded_difference([first], [second]) == (alone.difference, alone.p_value)


def test_seeds_that_agree_everywhere_show_no_difference() -> None:
    rows = answers(0.8, 0.7, 0.6, n=50)
    assert bootstrap_seeds(rows, rows) == ((0, 0, 0), 1)
    (value, low, high), p = seeded_difference(rows, rows)
    assert (value, p) == (0, 1)
    assert low < 0 < high


def test_several_trainings_never_claim_to_know_more_than_newcombe_of_one() -> None:
    trained, base = answers(0.98, 0.98, 0.98, n=50), answers(0.97, n=50, source=2) * 3
    (value, low, high), _ = seeded_difference(trained, base)
    for row in trained:
        alone = paired(row, base[0]).difference
        assert high - low > 0.8 * (alone.high - alone.low)
    (_, inner, outer), _ = bootstrap_seeds(trained, base)
    assert low <= inner <= value <= outer <= high


def test_a_seed_that_stands_out_widens_the_interval() -> None:
    alike, apart = answers(0.8, 0.8, 0.8, n=400), answers(0.95, 0.8, 0.65, n=400)
    base = answers(0.7, n=400, source=2) * 3
    (_, low, high), p = seeded_difference(alike, base)
    (_, lower, higher), p_apart = seeded_difference(apart, base)
    assert higher - lower > 1.5 * (high - low)
    assert p_apart > p


def test_the_draws_are_the_same_in_every_version_of_numpy() -> None:
    trained = [[i % 3 > 0 for i in range(30)], [i % 5 > 0 for i in range(30)], [i % 2 > 0 for i in range(30)]]
    (value, low, high), p = bootstrap_seeds(trained, [[i % 7 > 2 for i in range(30)]] * 3)
    assert (round(value * 90), round(low * 90), round(high * 90), round(p * 4001)) == (11, -13, 35, 1522)


def test_seeds_that_do_not_fit_are_refused() -> None:
    rows = answers(0.8, 0.7, 0.6, n=10)
    with pytest.raises(ValueError, match="same number of seeds"):
        seeded_difference(rows, rows[:2])
    with pytest.raises(ValueError, match="same problems"):
        seeded_difference([rows[0], rows[1][:9]], rows[:2])


def test_ten_thousand_problems_need_little_memory() -> None:
    first, second = answers(*[0.8] * 10, n=10_000), answers(*[0.7] * 10, n=10_000, source=2)
    tracemalloc.start()
    try:
        seeded_difference(first, second)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64e6


def test_swapping_trained_arms_flips_the_sign() -> None:
    first, second = answers(0.8, 0.7, 0.75, n=400), answers(0.7, 0.7, 0.65, n=400, source=2)
    (value, low, high), p = seeded_difference(first, second)
    flipped, other = seeded_difference(second, first)
    assert flipped.value == -value
    assert flipped[1:] == pytest.approx((-high, -low), abs=0.01)
    assert other == pytest.approx(p, abs=0.01)


def test_the_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = answers(0.8, 0.7, 0.75, n=60), answers(0.7, 0.7, 0.65, n=60, source=2)
    at_once = seeded_difference(first, second), gap_closed(second[0], first[1], first[0])
    monkeypatch.setattr("harness.measures.statistics._CELLS", 1000)
    assert (seeded_difference(first, second), gap_closed(second[0], first[1], first[0])) == at_once
