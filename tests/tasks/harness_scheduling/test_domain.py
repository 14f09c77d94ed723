"""What must hold of reading a problem's data and of the canonical form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_scheduling.domain import Meeting, canonical, overlapping_pairs, peak, read, touches

meetings = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 5)).map(lambda drawn: Meeting(drawn[0], sum(drawn))), max_size=7
)


def test_canonical_form_is_rooms_and_moved_sorted_meetings() -> None:
    assert canonical([Meeting(12, 13), Meeting(8, 10), Meeting(9, 11)], 2) == "2|0-2 1-3 4-5"


@given(meetings, st.integers(0, 6), st.integers(-30, 30), st.randoms(use_true_random=False))
def test_canonical_form_survives_shift_and_permutation(
    drawn: list[Meeting], rooms: int, shift: int, random: Any
) -> None:
    moved = [Meeting(start + shift, end + shift) for start, end in drawn]
    random.shuffle(moved)
    assert canonical(moved, rooms) == canonical(drawn, rooms)


@given(meetings, meetings, st.integers(0, 3), st.integers(0, 3))
def test_canonical_form_tells_different_problems_apart(
    one: list[Meeting], other: list[Meeting], rooms: int, other_rooms: int
) -> None:
    def moved(drawn: list[Meeting]) -> list[Meeting]:
        first = min((start for start, _ in drawn), default=0)
        return sorted(Meeting(start - first, end - first) for start, end in drawn)

    same = rooms == other_rooms and moved(one) == moved(other)
    assert (canonical(one, rooms) == canonical(other, other_rooms)) == same


def test_meetings_that_touch_do_not_overlap() -> None:
    touching = [Meeting(8, 10), Meeting(10, 12)]
    assert touches(touching)
    assert overlapping_pairs(touching) == 0
    assert peak(touching) == 1
    assert peak(touching, touching=True) == 2


def test_data_is_read_in_the_order_in_which_it_is_listed() -> None:
    assert read({"meetings": [[10, 12], [9, 11]], "rooms": 1}) == (((10, 12), (9, 11)), 1)
    assert read({"meetings": [], "rooms": 0}) == ((), 0)


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
