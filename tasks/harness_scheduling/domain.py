"""Meetings and rooms: how a problem's data is read, its canonical form, and how many meetings run at once.

Meetings are two columns, the hours at which they start and those at which they end, in the order in which they are
listed. A meeting holds its room from its start up to its end, an hour at which the room is free again.

How problems are drawn is in ``balanced`` and ``published``; what is true of one is the verifier's to say.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import count, repeat
from operator import sub
from typing import NamedTuple, TypeGuard

from harness.api import Json, Problem

YES = "YES"
NO = "NO"

Hours = Sequence[int]
"""A column: an hour of each meeting."""


class Scheduling(NamedTuple):
    """The data of a problem. The two columns are equally long."""

    starts: Hours
    ends: Hours
    rooms: int


def read(data: Mapping[str, Json]) -> Scheduling:
    """The meetings and rooms in a problem's data, ``{"meetings": [[start, end], ...], "rooms": k}``.

    Raises ValueError for anything else, for a meeting that does not end after it starts, and for rooms below 0.
    """
    if data.keys() != {"meetings", "rooms"}:
        raise ValueError(f"problem data has the keys {sorted(data)}, not 'meetings' and 'rooms'")
    listed, rooms = data["meetings"], data["rooms"]
    if not _is_integer(rooms) or rooms < 0:
        raise ValueError(f"rooms is {rooms!r}, not a number of rooms")
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        raise ValueError(f"meetings is {listed!r}, not a list of [start, end]")
    starts, ends = [], []
    for item in listed:
        start, end = item if type(item) is list and len(item) == 2 else _pair(item)
        if not (type(start) is type(end) is int or (_is_integer(start) and _is_integer(end))):
            raise ValueError(f"a meeting is {item!r}, and its hours are not both whole numbers")
        if end <= start:
            raise ValueError(f"a meeting is {item!r}, and does not end after it starts")
        starts.append(start)
        ends.append(end)
    return Scheduling(starts, ends, rooms)


class LastReading:
    """``read``, done once for all that is asked of one problem in turn; data that was changed since is read anew."""

    def __init__(self) -> None:
        self._kept: tuple[Mapping[str, Json], Mapping[str, Json], Scheduling] | None = None

    def __call__(self, data: Mapping[str, Json]) -> Scheduling:
        """The meetings and rooms in a problem's data. Raises ValueError as ``read``."""
        kept = self._kept
        if kept and kept[0] is data and kept[1] == data:
            return kept[2]
        starts, ends, rooms = scheduling = read(data)
        self._kept = data, {"meetings": _pairs(starts, ends), "rooms": rooms}, scheduling
        return scheduling


def _pairs(starts: Hours, ends: Hours) -> list[list[int]]:
    return list(map(list, zip(starts, ends, strict=True)))


def _is_integer(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _pair(item: Json) -> Sequence[Json]:
    if isinstance(item, str) or not isinstance(item, Sequence) or len(item) != 2:
        raise ValueError(f"a meeting is {item!r}, not [start, end]")
    return item


def shown(meetings: Iterable[tuple[int, int]]) -> list[str]:
    """Each meeting as a text, ``9-11``."""
    return [f"{start}-{end}" for start, end in meetings]


def canonical(starts: Hours, ends: Hours, rooms: int) -> str:
    """Rooms and sorted meetings, moved so that the first starts at 0: ``2|0-2 1-3 4-5``.

    Two problems share it exactly if they differ only in the order of their meetings or in the hour that counts as 0.
    """
    first = min(starts, default=0)
    moved = [f"{start - first}-{end - first}" for start, end in sorted(zip(starts, ends, strict=True))]
    return f"{rooms}|{' '.join(moved)}"


def problem(split: str, index: int, stratum: str, scheduling: Scheduling, place: str | None = None) -> Problem:
    """The record of the problem at a position of a split, or of a place in it, such as ``test/window-1-of-4``."""
    starts, ends, rooms = scheduling
    return Problem(
        id=f"{place or split}/{index:04d}",
        split=split,
        stratum=stratum,
        data={"meetings": _pairs(starts, ends), "rooms": rooms},
        canonical=canonical(starts, ends, rooms),
    )


def peak(starts: Hours, ends: Hours, touching: bool = False) -> int:
    """The largest number of meetings in progress at once; 0 without meetings.

    At one hour ends come before starts, since a room is free from the hour at which its meeting ends; with
    ``touching`` starts come first, as if the meeting still held it.
    """
    ended = map(bisect_left if touching else bisect_right, repeat(sorted(ends)), sorted(starts))
    return max(map(sub, count(1), ended), default=0)


def overlapping_pairs(starts: Hours, ends: Hours) -> int:
    """How many pairs of meetings share some time. Meetings that only touch do not."""
    apart = map(bisect_right, repeat(sorted(ends)), starts)
    return len(starts) * (len(starts) - 1) // 2 - sum(apart)


def first_crowd(starts: Hours, ends: Hours) -> int:
    """How many meetings start before any has ended; 0 without meetings."""
    return bisect_left(sorted(starts), min(ends, default=0))


def last_crowd(starts: Hours, ends: Hours) -> int:
    """How many meetings are still to end when the last one has started; 0 without meetings."""
    return len(ends) - bisect_right(sorted(ends), max(starts, default=0))


def touches(starts: Hours, ends: Hours) -> bool:
    """Whether some meeting starts at the very hour at which another ends."""
    return not set(starts).isdisjoint(ends)
