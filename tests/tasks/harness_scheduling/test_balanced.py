"""What must hold of balanced sets: evenness, purity, novelty, twins, and a clear end of supply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest

from harness.api import Problem, UsageError
from harness_scheduling import balanced
from harness_scheduling.balanced import BLOCK, FAMILIES, balanced_problems
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
