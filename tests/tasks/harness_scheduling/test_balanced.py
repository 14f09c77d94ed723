"""What must hold of balanced sets: evenness, purity, novelty, twins, and a clear end of supply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import Problem, UsageError
from harness_scheduling import balanced
from harness_scheduling.balanced import BLOCK, FAMILIES, balanced_problems, window_problems
from harness_scheduling.domain import Scheduling, overlapping_pairs, peak, read, touches

SEEDS = (0, 1, 2)
LAYOUT = {
    "test": {"EASY": [(3, 1), (3, 2)], "MEDIUM": [(4, 1), (4, 2), (4, 3)], "HARD": [(5, 2), (5, 3)]},
    "harder": {"SIX": [(6, 2), (6, 3)], "SEVEN": [(7, 3), (7, 4)], "EIGHT": [(8, 3), (8, 4), (8, 5)]},
}


@cache
def drawn(split: str, count: int, seed: int) -> tuple[Problem, ...]:
    return tuple(balanced_problems(split, count, seed))


def content(problem: Problem) -> Scheduling:
    return read(problem.data)


def fits(problem: Problem) -> bool:
    starts, ends, rooms = content(problem)
    return peak(starts, ends) <= rooms


def cell(problem: Problem) -> tuple[int, int]:
    starts, _, rooms = content(problem)
    return len(starts), rooms


def surplus(problems: Sequence[Problem]) -> Counter[object]:
    """YES minus NO by stratum and by cell."""
    counts: Counter[object] = Counter()
    for problem in problems:
        for group in (problem.stratum, cell(problem)):
            counts[group] += 1 if fits(problem) else -1
    return counts


@pytest.mark.parametrize("split", ["test", "harder"])
@pytest.mark.parametrize("seed", SEEDS)
def test_300_problems_are_even_in_every_stratum_and_every_cell(split: str, seed: int) -> None:
    problems = drawn(split, 300, seed)
    assert Counter(problem.stratum for problem in problems) == dict.fromkeys(LAYOUT[split], 100)
    assert set(surplus(problems).values()) == {0}
    for stratum, cells in LAYOUT[split].items():
        counts = Counter(cell(problem) for problem in problems if problem.stratum == stratum)
        assert sorted(counts) == cells
        assert max(counts.values()) - min(counts.values()) <= 2


@pytest.mark.parametrize("split", list(FAMILIES))
def test_every_prefix_is_within_one_of_even(split: str) -> None:
    problems = drawn(split, 60, 0)
    for end in range(1, len(problems) + 1):
        strata = Counter(problem.stratum for problem in problems[:end])
        assert max(strata.values()) - min(strata[name] for name in FAMILIES[split].strata) <= 1
        assert max(map(abs, surplus(problems[:end]).values())) <= 1


def test_a_shorter_set_is_the_beginning_of_a_longer_one() -> None:
    problems = drawn("train", 60, 5)
    for count in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 59):
        assert drawn("train", count, 5) == problems[:count]


def test_seeds_give_different_problems() -> None:
    assert {problem.canonical for problem in drawn("test", 60, 0)} != {
        problem.canonical for problem in drawn("test", 60, 1)
    }


def test_splits_share_no_problem_whatever_their_seeds() -> None:
    forms = {
        split: {problem.canonical for seed in SEEDS for problem in drawn(split, 96, seed)}
        for split in ("test", "reflect", "train", "harder")
    }
    assert len(set().union(*forms.values())) == sum(map(len, forms.values()))


@pytest.mark.parametrize("split", ["test", "harder"])
def test_no_problem_occurs_twice_in_a_split(split: str) -> None:
    problems = drawn(split, 300, 0)
    assert len({problem.canonical for problem in problems}) == len({problem.id for problem in problems}) == 300


@pytest.mark.parametrize("split", ["test", "harder"])
def test_hours_stay_within_the_day(split: str) -> None:
    family = FAMILIES[split]
    for problem in drawn(split, 300, 0):
        starts, ends, _ = content(problem)
        assert family.opens <= min(starts) < max(ends) <= family.closes
        assert max(map(int.__sub__, ends, starts)) <= family.longest


@pytest.mark.parametrize("split", ["test", "harder"])
def test_durations_and_the_span_tell_nothing_of_the_label(split: str) -> None:
    def dress(problem: Problem) -> object:
        starts, ends, _ = content(problem)
        return cell(problem), min(starts), max(ends), sorted(map(int.__sub__, ends, starts))

    problems = drawn(split, 300, 1)
    assert sorted(map(repr, map(dress, filter(fits, problems)))) == sorted(
        repr(dress(problem)) for problem in problems if not fits(problem)
    )


@pytest.mark.parametrize("split", ["test", "harder"])
def test_pairs_and_touching_tell_nothing_where_the_label_leaves_them_open(split: str) -> None:
    pairs: Counter[object] = Counter()
    for problem in drawn(split, 300, 1):
        (count, rooms), sign = cell(problem), 1 if fits(problem) else -1
        starts, ends, _ = content(problem)
        if rooms > 1 and count > rooms + 1:
            pairs[count, rooms, overlapping_pairs(starts, ends), touches(starts, ends)] += sign
    assert pairs
    assert set(pairs.values()) == {0}


@pytest.mark.parametrize("split", ["test", "harder"])
def test_half_of_the_yes_of_a_cell_are_critical(split: str) -> None:
    counts: Counter[tuple[int, int]] = Counter()
    for problem in filter(fits, drawn(split, 300, 0)):
        starts, ends, rooms = content(problem)
        counts[cell(problem)] += 1 if peak(starts, ends, touching=True) > rooms else -1
    assert len(counts) == 7
    assert max(map(abs, counts.values())) <= 1


def test_the_position_tells_nothing_simple_of_stratum_and_label() -> None:
    problems = drawn("test", 300, 0)
    for period in (2, 3, 4, 6, 12):
        for offset in range(period):
            chosen = problems[offset::period]
            assert 0.25 < sum(map(fits, chosen)) / len(chosen) < 0.75
            assert len({problem.stratum for problem in chosen}) == 3


def test_a_split_that_runs_out_says_how_many_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balanced, "DRAFTS", 3)
    with pytest.raises(
        UsageError, match=r"^900 problems asked of the split 'reflect', which holds about \d+ "
    ) as error:
        balanced_problems("reflect", 900, 0)
    supply = int(str(error.value).rsplit(" or less", 1)[0].rsplit(" ", 1)[1])
    assert supply < 900
    assert len(balanced_problems("reflect", supply, 0)) == supply


def in_windows(windows: int, count: int, seed: int, hardening: bool = True) -> list[list[Problem]]:
    """The problems of every window, first of all those of ``test`` and then of ``train``."""
    return [
        window_problems(split, window, windows, count, seed, hardening)
        for split in ("test", "train")
        for window in range(1, windows + 1)
    ]


def assert_apart(sets: Sequence[Sequence[Problem]]) -> None:
    problems = [problem for each in sets for problem in each]
    assert (
        len({problem.canonical for problem in problems}) == len({problem.id for problem in problems}) == len(problems)
    )


@pytest.mark.parametrize("hardening", [True, False])
@given(windows=st.integers(2, 8), count=st.integers(1, 24), seed=st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_windows_share_no_problem_with_each_other_and_the_splits(
    hardening: bool, windows: int, count: int, seed: int
) -> None:
    assert_apart([*in_windows(windows, count, seed, hardening), *(drawn(split, 96, 0) for split in FAMILIES)])


@pytest.mark.slow
@pytest.mark.parametrize("hardening", [True, False])
@pytest.mark.parametrize("windows", range(2, 9))
def test_windows_hold_150_problems_of_each_split(windows: int, hardening: bool) -> None:
    sets = in_windows(windows, 150, seed=windows, hardening=hardening)
    assert {len(each) for each in sets} == {150}
    assert_apart(sets)


@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_every_problem_of_a_window_is_longer_than_those_of_a_split_can_be(
    seed: int, hardening: bool, window: int
) -> None:
    by_meetings = {len(content(problem).starts): FAMILIES[name] for name in FAMILIES for problem in drawn(name, 60, 0)}
    for problem in window_problems("train", window, 3, 36, seed, hardening):
        starts, ends, _ = content(problem)
        split = by_meetings[len(starts)]
        longer = max(map(int.__sub__, ends, starts)) > split.longest
        assert longer or max(ends) - min(starts) > split.closes - split.opens


@pytest.mark.parametrize("window", [1, 2, 3, 4])
def test_windows_are_even_in_every_stratum(window: int) -> None:
    problems = window_problems("test", window, 4, 144, 0, hardening=True)
    strata = {problem.stratum for problem in problems}
    found = surplus(problems)
    assert {stratum: found[stratum] for stratum in strata} == dict.fromkeys(strata, 0)
    for end in range(1, len(problems) + 1):
        assert max(map(abs, surplus(problems[:end]).values())) <= 1


def test_problems_become_harder_by_a_share_that_grows_evenly() -> None:
    counts = [Counter(p.stratum for p in window_problems("test", w, 4, 144, 0, hardening=True)) for w in range(1, 5)]
    assert counts == [
        dict.fromkeys(("EASY", "MEDIUM", "HARD"), 48),
        dict.fromkeys(("EASY", "MEDIUM", "HARD"), 32) | dict.fromkeys(("SIX", "SEVEN", "EIGHT"), 16),
        dict.fromkeys(("EASY", "MEDIUM", "HARD"), 16) | dict.fromkeys(("SIX", "SEVEN", "EIGHT"), 32),
        dict.fromkeys(("SIX", "SEVEN", "EIGHT"), 48),
    ]
    cells = Counter(cell(problem) for problem in window_problems("test", 2, 4, 144, 0, hardening=True))
    assert {cells[name] for name in LAYOUT["harder"]["SIX"]} == {8}
    assert {cells[name] for name in LAYOUT["harder"]["EIGHT"]} == {4, 6}


def test_without_drift_every_window_has_the_strata_of_the_first() -> None:
    for window in (1, 2, 3):
        counts = Counter(p.stratum for p in window_problems("test", window, 3, 36, 0, hardening=False))
        assert counts == dict.fromkeys(("EASY", "MEDIUM", "HARD"), 12)


def test_a_shorter_window_is_the_beginning_of_a_longer_one() -> None:
    problems = window_problems("train", 2, 3, 40, 5, hardening=True)
    for count in (0, 1, BLOCK, BLOCK + 1):
        assert window_problems("train", 2, 3, count, 5, hardening=True) == problems[:count]


def test_a_window_that_runs_out_says_how_many_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balanced, "DRAFTS", 30)
    with pytest.raises(
        UsageError, match=r"^900 problems asked of the split 'test/window-2-of-8', which holds about \d+ "
    ) as error:
        window_problems("test", 2, 8, 900, 0, hardening=True)
    supply = int(str(error.value).rsplit(" or less", 1)[0].rsplit(" ", 1)[1])
    assert len(window_problems("test", 2, 8, supply, 0, hardening=True)) == supply
