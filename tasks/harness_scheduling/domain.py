"""Meetings and rooms: how a problem's data is read, its canonical form, and how many meetings run at once.

How problems are drawn is in ``balanced`` and ``published``; what is true of one is the verifier's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, combinations, starmap
from typing import NamedTuple, TypeGuard

from harness.api import Json, Problem

YES = "YES"
NO = "NO"


class Meeting(NamedTuple):
    """One meeting, from the hour ``start`` up to the hour ``end``, which is free again."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


class Scheduling(NamedTuple):
    """The data of a problem: meetings in the order in which they are listed, and the number of rooms."""

    meetings: tuple[Meeting, ...]
    rooms: int


def read(data: Mapping[str, Json]) -> Scheduling:
    """The meetings and rooms in a problem's data, ``{"meetings": [[start, end], ...], "rooms": k}``.

    Raises ValueError for anything else, for a meeting that does not end after it starts, and for rooms below 0.
    """
    if set(data) != {"meetings", "rooms"}:
        raise ValueError(f"problem data has the keys {sorted(data)}, not 'meetings' and 'rooms'")
    listed, rooms = data["meetings"], data["rooms"]
    if not _is_integer(rooms) or rooms < 0:
        raise ValueError(f"rooms is {rooms!r}, not a number of rooms")
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        raise ValueError(f"meetings is {listed!r}, not a list of [start, end]")
    return Scheduling(tuple(_meeting(item) for item in listed), rooms)


def _is_integer(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _meeting(item: Json) -> Meeting:
    if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != 2:
        raise ValueError(f"a meeting is {item!r}, not [start, end]")
    start, end = item
    if not _is_integer(start) or not _is_integer(end):
        raise ValueError(f"a meeting is {item!r}, and its hours are not both whole numbers")
    if end <= start:
        raise ValueError(f"a meeting is {item!r}, and does not end after it starts")
    return Meeting(start, end)


def canonical(meetings: Sequence[Meeting], rooms: int) -> str:
    """Rooms and sorted meetings, moved so that the first starts at 0: ``2|0-2 1-3 4-5``.

    Two problems share it exactly if they differ only in the order of their meetings or in the hour that counts as 0.
    """
    first = min((meeting.start for meeting in meetings), default=0)
    moved = sorted(Meeting(start - first, end - first) for start, end in meetings)
    return f"{rooms}|" + " ".join(map(str, moved))


def problem(split: str, index: int, stratum: str, meetings: Sequence[Meeting], rooms: int) -> Problem:
    """The record of the problem at a position of a split."""
    return Problem(
        id=f"{split}/{index:04d}",
        split=split,
        stratum=stratum,
        data={"meetings": [list(meeting) for meeting in meetings], "rooms": rooms},
        canonical=canonical(meetings, rooms),
    )


def events(meetings: Sequence[Meeting], touching: bool = False) -> list[tuple[int, int]]:
    """Hour and change (+1 for a start, -1 for an end) of every event, in order of time.

    At one hour ends come before starts, since a room is free from the hour at which its meeting ends; with
    ``touching`` starts come first, as if the meeting still held it.
    """
    unordered = [(start, 1) for start, _ in meetings] + [(end, -1) for _, end in meetings]
    return sorted(unordered, key=lambda event: (event[0], -event[1])) if touching else sorted(unordered)


def running(ordered: Sequence[tuple[int, int]]) -> list[int]:
    """How many meetings are in progress after each event."""
    return list(accumulate(change for _, change in ordered))


def peak(meetings: Sequence[Meeting], touching: bool = False) -> int:
    """The largest number of meetings in progress at once; 0 without meetings. ``touching`` is that of ``events``."""
    return max(running(events(meetings, touching)), default=0)


def overlap(one: Meeting, other: Meeting) -> bool:
    """Whether two meetings share some time. Meetings that only touch do not."""
    return one.start < other.end and other.start < one.end


def overlapping_pairs(meetings: Sequence[Meeting]) -> int:
    """How many pairs of meetings share some time."""
    return sum(starmap(overlap, combinations(meetings, 2)))


def first_crowd(meetings: Sequence[Meeting]) -> int:
    """How many meetings start before any has ended; 0 without meetings."""
    first_end = min((meeting.end for meeting in meetings), default=0)
    return sum(meeting.start < first_end for meeting in meetings)


def last_crowd(meetings: Sequence[Meeting]) -> int:
    """How many meetings are still to end when the last one has started; 0 without meetings."""
    last_start = max((meeting.start for meeting in meetings), default=0)
    return sum(meeting.end > last_start for meeting in meetings)


def touches(meetings: Sequence[Meeting]) -> bool:
    """Whether some meeting starts at the very hour at which another ends."""
    return not {meeting.start for meeting in meetings}.isdisjoint(meeting.end for meeting in meetings)
