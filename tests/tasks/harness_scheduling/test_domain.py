"""What must hold of reading a problem's data and of the canonical form."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Json
from harness_scheduling.domain import (
    LastReading,
    canonical,
    first_crowd,
    last_crowd,
    overlapping_pairs,
    peak,
    read,
    touches,
)

Meetings = list[tuple[int, int]]
meetings = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 5)).map(lambda drawn: (drawn[0], sum(drawn))), max_size=7
)


def columns(drawn: Meetings) -> tuple[list[int], list[int]]:
    return [start for start, _ in drawn], [end for _, end in drawn]


def form(drawn: Meetings, rooms: int) -> str:
    return canonical(*columns(drawn), rooms)


def test_canonical_form_is_rooms_and_moved_sorted_meetings() -> None:
    assert form([(12, 13), (8, 10), (9, 11)], 2) == "2|0-2 1-3 4-5"


@given(meetings, st.integers(0, 6), st.integers(-30, 30), st.randoms(use_true_random=False))
def test_canonical_form_survives_shift_and_permutation(drawn: Meetings, rooms: int, shift: int, random: Any) -> None:
    moved = [(start + shift, end + shift) for start, end in drawn]
    random.shuffle(moved)
    assert form(moved, rooms) == form(drawn, rooms)


@given(meetings, meetings, st.integers(0, 3), st.integers(0, 3))
def test_canonical_form_tells_different_problems_apart(
    one: Meetings, other: Meetings, rooms: int, other_rooms: int
) -> None:
    def moved(drawn: Meetings) -> Meetings:
        first = min((start for start, _ in drawn), default=0)
        return sorted((start - first, end - first) for start, end in drawn)

    same = rooms == other_rooms and moved(one) == moved(other)
    assert (form(one, rooms) == form(other, other_rooms)) == same


def test_meetings_that_touch_do_not_overlap() -> None:
    touching = columns([(8, 10), (10, 12)])
    assert touches(*touching)
    assert overlapping_pairs(*touching) == 0
    assert peak(*touching) == 1
    assert peak(*touching, touching=True) == 2


@given(meetings)
def test_the_peak_is_that_of_some_start(drawn: Meetings) -> None:
    def running(hour: int, touching: bool) -> int:
        return sum(start <= hour < end + touching for start, end in drawn)

    for touching in (False, True):
        largest = max((running(start, touching) for start, _ in drawn), default=0)
        assert peak(*columns(drawn), touching) == largest


@given(meetings)
def test_overlapping_pairs_are_those_that_share_an_hour(drawn: Meetings) -> None:
    hours = [set(range(start, end)) for start, end in drawn]
    assert overlapping_pairs(*columns(drawn)) == sum(bool(one & other) for one, other in combinations(hours, 2))


@given(meetings)
def test_crowds_are_the_meetings_before_the_first_end_and_after_the_last_start(drawn: Meetings) -> None:
    starts, ends = columns(drawn)
    assert first_crowd(starts, ends) == sum(all(start < end for end in ends) for start in starts)
    assert last_crowd(starts, ends) == sum(all(start < end for start in starts) for end in ends)


def test_data_is_read_in_the_order_in_which_it_is_listed() -> None:
    assert read({"meetings": [[10, 12], [9, 11]], "rooms": 1}) == ([10, 9], [12, 11], 1)
    assert read({"meetings": ((10, 12), [9, 11]), "rooms": 1}) == ([10, 9], [12, 11], 1)
    assert read({"meetings": [], "rooms": 0}) == ([], [], 0)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"meetings": [], "rooms": 1, "extra": 0},
        {"meetings": [], "rooms": -1},
        {"meetings": [], "rooms": True},
        {"meetings": [], "rooms": 1.0},
        {"meetings": [], "rooms": None},
        {"meetings": "9-10", "rooms": 1},
        {"meetings": None, "rooms": 1},
        {"meetings": [[9]], "rooms": 1},
        {"meetings": [[9, 10, 11]], "rooms": 1},
        {"meetings": ["ab"], "rooms": 1},
        {"meetings": [9], "rooms": 1},
        {"meetings": [[9, 9]], "rooms": 1},
        {"meetings": [[10, 9]], "rooms": 1},
        {"meetings": [[9, 10.0]], "rooms": 1},
        {"meetings": [[False, True]], "rooms": 1},
        {"meetings": [["9", "10"]], "rooms": 1},
    ],
)
def test_malformed_data_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rooms|meeting"):
        read(data)


def test_what_is_asked_of_one_problem_in_turn_is_read_once() -> None:
    last = LastReading()
    data: dict[str, Json] = {"meetings": [[9, 11]], "rooms": 1}
    assert last(data) is last(data)
    assert last(data) == read(data)


@pytest.mark.parametrize("changed", [[[9, 12]], [[9, 11], [10, 12]], []])
def test_data_that_was_changed_is_read_anew(changed: list[list[int]]) -> None:
    last, meetings = LastReading(), [[9, 11]]
    data: dict[str, Json] = {"meetings": meetings, "rooms": 1}
    last(data)
    meetings[:] = changed
    assert last(data) == read(data)


def test_an_hour_that_was_changed_in_place_is_read_anew() -> None:
    last, meeting = LastReading(), [9, 11]
    data: dict[str, Json] = {"meetings": [meeting], "rooms": 1}
    last(data)
    meeting[1] = 12
    assert last(data) == read(data)
    meeting[1] = 9
    with pytest.raises(ValueError, match="does not end after it starts"):
        last(data)
