"""Verifier ``sweep-line``: the truth of a scheduling problem, with a witness, in O(n log n).

A second, independent way to the truth is in ``oracle``.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from harness.api import Problem, StepCheck, Truth
from harness_scheduling.domain import NO, YES, Hours, Scheduling, peak, read, shown
from harness_scheduling.parsing import claimed_peak

LARGE = 1000
"""From so many meetings on NumPy puts them in order, in a fifth of the time once it is imported."""
_INT64 = 2**63
"""What NumPy counts up to."""


class SweepLine:
    """Gives out rooms in order of start, always the one that is free first; a room too many is an hour too full."""

    def truth(self, problem: Problem) -> Truth:
        """YES with a room for each meeting, ``{"rooms": [index, ...]}``, or NO with an hour and the meetings at it.

        The latter is ``{"instant": hour, "meetings": [index, ...]}``, with more meetings in progress from that hour on
        than there are rooms. Raises ValueError if the problem's data is malformed.
        """
        scheduling = read(problem.data)
        order, starts, ends = _in_order(scheduling.starts, scheduling.ends)
        taken = _assignment(starts, ends, scheduling.rooms)
        return _yes(order, starts, ends, taken) if len(taken) == len(order) else _no(scheduling, starts[len(taken)])

    def check(self, problem: Problem, label: str) -> bool:
        """Whether a label is the true one."""
        starts, ends, rooms = read(problem.data)
        return label == (YES if peak(starts, ends) <= rooms else NO)

    def steps(self, problem: Problem, reply: str) -> StepCheck | None:
        """The peak that a reply's written steps claim, beside the true one; None where they claim none."""
        claimed = claimed_peak(reply)
        if claimed is None:
            return None
        starts, ends, _ = read(problem.data)
        return StepCheck(claimed, peak(starts, ends))


def _in_order(starts: Hours, ends: Hours) -> tuple[list[int], list[int], list[int]]:
    """The places of the meetings in order of start, then of end, then as they are listed; and both columns in it."""
    if len(starts) < LARGE or min(starts) < -_INT64 or max(ends) >= _INT64:
        order = sorted(range(len(starts)), key=list(zip(starts, ends, strict=True)).__getitem__)
        return order, [starts[index] for index in order], [ends[index] for index in order]
    import numpy as np

    columns = np.array(starts, np.int64), np.array(ends, np.int64)
    places = np.lexsort(columns[::-1])
    return places.tolist(), columns[0][places].tolist(), columns[1][places].tolist()


def _assignment(starts: Hours, ends: Hours, rooms: int) -> list[int]:
    """Rooms for meetings in order of start, up to the first for which there is none: the first free, or a new one."""
    taken: list[int] = []
    busy: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        if busy and busy[0][0] <= start:
            room = busy[0][1]
            heapq.heapreplace(busy, (end, room))
        elif len(busy) < rooms:
            room = len(busy)
            heapq.heappush(busy, (end, room))
        else:
            break
        taken.append(room)
    return taken


def _no(scheduling: Scheduling, hour: int) -> Truth:
    starts, ends, rooms = scheduling
    meetings = list(zip(starts, ends, strict=True))
    at_once = [index for index, (start, end) in enumerate(meetings) if start <= hour < end]
    listed = " ".join(shown(meetings[index] for index in at_once))
    running_now = f"{_counted(len(at_once), 'meeting')} ({listed})"
    reason = f"From hour {hour} on, {running_now} run at once, in {_counted(rooms, 'room')}."
    return Truth(NO, {"instant": hour, "meetings": at_once}, reason)


def _yes(order: Sequence[int], starts: Hours, ends: Hours, taken: Sequence[int]) -> Truth:
    rooms = [0] * len(order)
    contents: list[list[str]] = [[] for _ in range(max(taken, default=-1) + 1)]
    for index, start, end, room in zip(order, starts, ends, taken, strict=True):
        rooms[index] = room
        contents[room].append(f"{start}-{end}")
    listed = ", ".join([f"room {room} takes {' '.join(held)}" for room, held in enumerate(contents, 1)])
    return Truth(YES, {"rooms": rooms}, f"All meetings fit: {listed or 'there are none'}.")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
