"""What must hold of placings: they are what ``Random`` draws, and what is counted of them is so."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from harness_scheduling.domain import first_crowd, last_crowd, peak
from harness_scheduling.placings import Draws, between, hides, hours, placings

TRIES = 20
Hours = tuple[list[int], list[int]]
drafts = st.integers(7, 16).flatmap(
    lambda span: st.tuples(st.lists(st.integers(1, 6), min_size=3, max_size=8), st.just(span))
)


def by_random(durations: list[int], span: int, rng: Random) -> Hours:
    """A placing drawn the plain way."""
    starts = [rng.randrange(span - duration + 1) for duration in durations]
    opening, closing = rng.sample(range(len(durations)), 2)
    starts[opening] = 0
    starts[closing] = span - durations[closing]
    return starts, [start + duration for start, duration in zip(starts, durations, strict=True)]


def fitting(drawn: list[Hours], rooms: int, critical: bool) -> list[Hours]:
    return [
        columns for columns in drawn if peak(*columns) <= rooms and (peak(*columns, touching=True) > rooms) == critical
    ]


def test_draws_are_those_of_random_however_they_are_made() -> None:
    draws, rng = Draws("seed"), Random("seed")
    hours_of_a_day, coin = draws.each(between(1, 24)), draws.each(between(1, 2))
    for _ in range(3000):
        assert next(hours_of_a_day) == rng.randint(1, 24)
        assert draws.sample(range(8), 2) == rng.sample(range(8), 2)
        assert next(coin) == rng.randint(1, 2)
        assert draws.choice("abcde") == rng.choice("abcde")


@given(drafts, st.integers(1, 5), st.booleans(), st.text(max_size=3))
def test_placings_are_drawn_and_judged_as_one_by_one(
    draft: tuple[list[int], int], rooms: int, critical: bool, seed: str
) -> None:
    durations, span = draft
    draws, rng = Draws(seed), Random(seed)
    found = list(placings(durations, span, rooms, critical, draws, TRIES))
    expected = [by_random(durations, span, rng) for _ in range(TRIES)]
    assert [hours(placed) for placed, overfull in found if not overfull] == fitting(expected, rooms, critical)
    if found:
        failing = [hours(placed) for placed, overfull in found if overfull]
        assert failing == [columns for columns in expected if peak(*columns) > rooms]
    assert draws.randrange(200) == rng.randrange(200)


@given(drafts, st.integers(1, 5), st.text(max_size=3))
def test_a_placing_hides_if_it_has_no_crowd_at_either_end(draft: tuple[list[int], int], rooms: int, seed: str) -> None:
    for placed, overfull in placings(*draft, rooms, True, Draws(seed), TRIES):
        if overfull:
            columns = hours(placed)
            assert hides(placed, overfull) == (first_crowd(*columns) <= rooms and last_crowd(*columns) <= rooms)
