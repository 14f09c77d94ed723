"""Verifier ``sweep-line``: the truth of a scheduling problem, with a witness, in O(n log n).

A second, independent way to the truth is in ``oracle``.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from harness.api import Json, Problem, StepCheck, Truth
from harness_scheduling.domain import NO, YES, Meeting, Scheduling, peak, read
from harness_scheduling.parsing import claimed_peak


class SweepLine:
    """Counts the meetings in progress along the sorted events, ends before starts at one hour."""

    def truth(self, problem: Problem) -> Truth:
        """YES with a room for each meeting, ``{"rooms": [index, ...]}``, or NO with an hour and the meetings at it.

        The latter is ``{"instant": hour, "meetings": [index, ...]}``, with more meetings in progress from that hour on
        than there are rooms. Raises ValueError if the problem's data is malformed.
        """
        scheduling = read(problem.data)
        crowded = _crowded(scheduling)
        return _yes(scheduling) if crowded is None else _no(scheduling, crowded)

    def check(self, problem: Problem, label: str) -> bool:
        """Whether a label is the true one."""
        return self.truth(problem).label == label

    def steps(self, problem: Problem, reply: str) -> StepCheck | None:
        """The peak that a reply's written steps claim, beside the true one; None where they claim none."""
        claimed = claimed_peak(reply)
        return None if claimed is None else StepCheck(claimed, peak(read(problem.data).meetings))


def _crowded(scheduling: Scheduling) -> int | None:
    """The first hour from which on more meetings are in progress than there are rooms."""
    starts = sorted(meeting.start for meeting in scheduling.meetings)
    ends = sorted(meeting.end for meeting in scheduling.meetings)
    ended = 0
    for begun, hour in enumerate(starts, 1):
        while ends[ended] <= hour:
            ended += 1
        if begun - ended > scheduling.rooms:
            return hour
    return None


def _no(scheduling: Scheduling, hour: int) -> Truth:
    meetings, rooms = scheduling
    at_once = [index for index, meeting in enumerate(meetings) if meeting.start <= hour < meeting.end]
    witness: Mapping[str, Json] = {"instant": hour, "meetings": at_once}
    listed = " ".join(str(meetings[index]) for index in at_once)
    running_now = f"{_counted(len(at_once), 'meeting')} ({listed})"
    return Truth(NO, witness, f"From hour {hour} on, {running_now} run at once, in {_counted(rooms, 'room')}.")


def _yes(scheduling: Scheduling) -> Truth:
    meetings = scheduling.meetings
    order = sorted(range(len(meetings)), key=meetings.__getitem__)
    rooms = _assignment(meetings, order)
    contents: list[list[str]] = [[] for _ in range(max(rooms, default=-1) + 1)]
    for index in order:
        contents[rooms[index]].append(str(meetings[index]))
    listed = ", ".join(f"room {room} takes {' '.join(held)}" for room, held in enumerate(contents, 1))
    return Truth(YES, {"rooms": rooms}, f"All meetings fit: {listed or 'there are none'}.")


def _assignment(meetings: Sequence[Meeting], order: Sequence[int]) -> list[int]:
    """A room for each meeting, as few rooms as can be: in order of start, the room that is free first, or a new one."""
    busy: list[tuple[int, int]] = []
    given = [0] * len(meetings)
    for index in order:
        start, end = meetings[index]
        if busy and busy[0][0] <= start:
            given[index] = busy[0][1]
            heapq.heapreplace(busy, (end, given[index]))
        else:
            given[index] = len(busy)
            heapq.heappush(busy, (end, given[index]))
    return given


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
