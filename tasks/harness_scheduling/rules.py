"""The rules on offer: constants and shortcuts, two beginner's mistakes, the sweep line and its opposite.

A rule carries itself out on a problem, right or wrong, and shows its steps. What is true is the verifier's to say.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

from harness.api import Problem, Worked
from harness_scheduling.domain import NO, YES, LastReading, Scheduling, first_crowd, overlapping_pairs, shown, touches
from harness_scheduling.prompts import reply

Steps = tuple[list[str], bool]
"""The lines of a solution before its answer, and whether it finds that the meetings fit."""
_read = LastReading()


@dataclass(frozen=True, slots=True)
class Rule:
    """A named procedure."""

    name: str
    text: str
    trivial: bool
    steps: Callable[[Scheduling], Steps]

    def work(self, problem: Problem) -> Worked:
        """The steps on a problem, one a line, and the answer that they lead to, which may be wrong."""
        lines, fits = self.steps(_read(problem.data))
        label = YES if fits else NO
        return Worked("\n".join([*lines, reply(label)]), label)


def _compare(lines: Sequence[str], left: int, right: int) -> Steps:
    """The last step: the meetings fit if ``left`` is at most ``right``."""
    fits = left <= right
    return [*lines, f"{left} {'<=' if fits else '>'} {right}"], fits


def _fewer(lines: Sequence[str], left: int, right: int) -> Steps:
    """The last step of a rule by which the meetings fit if ``left`` is below ``right``."""
    fits = left < right
    return [*lines, f"{left} {'<' if fits else '>='} {right}"], fits


def _numbers(values: Iterable[int]) -> str:
    return " ".join(map(str, values))


def _always(fits: bool, _: Scheduling) -> Steps:
    return ["Most sets of meetings fit." if fits else "Most sets of meetings do not fit."], fits


def _meetings_fit_rooms(scheduling: Scheduling) -> Steps:
    count = len(scheduling.starts)
    return _compare([f"Meetings: {count}", f"Rooms: {scheduling.rooms}"], count, scheduling.rooms)


def _two_a_room(scheduling: Scheduling) -> Steps:
    count, twice = len(scheduling.starts), 2 * scheduling.rooms
    return _compare([f"Meetings: {count}", f"Twice the rooms: {twice}"], count, twice)


def _three_rooms(scheduling: Scheduling) -> Steps:
    fits = scheduling.rooms >= 3
    return [f"Rooms: {scheduling.rooms}", f"{scheduling.rooms} {'>=' if fits else '<'} 3"], fits


def _total_hours(scheduling: Scheduling) -> Steps:
    starts, ends, rooms = scheduling
    total = sum(ends) - sum(starts)
    span = max(ends, default=0) - min(starts, default=0)
    return _compare([f"Hours of meetings: {total}", f"Hours of rooms: {rooms} x {span}"], total, rooms * span)


def _overlapping_pairs(scheduling: Scheduling) -> Steps:
    starts, ends, rooms = scheduling
    pairs = overlapping_pairs(starts, ends)
    return _fewer([f"Overlapping pairs: {pairs}"], pairs, rooms)


def _neighbours(scheduling: Scheduling) -> Steps:
    starts, ends, rooms = scheduling
    ordered = sorted(zip(starts, ends, strict=True))
    count = sum(start < end for (_, end), (start, _) in pairwise(ordered))
    return _fewer([f"In order: {' '.join(shown(ordered))}", f"Overlaps: {count}"], count, rooms)


def _distinct_starts(scheduling: Scheduling) -> Steps:
    starts = sorted(scheduling.starts)
    fits = len(set(starts)) == len(starts)
    return [f"Starts: {_numbers(starts)}", "All different" if fits else "Not all different"], fits


def _back_to_back(scheduling: Scheduling) -> Steps:
    fits = touches(scheduling.starts, scheduling.ends)
    return ["One meeting ends as another starts" if fits else "No meeting ends as another starts"], fits


def _first_crowd(scheduling: Scheduling) -> Steps:
    starts, ends, rooms = scheduling
    first_end = min(ends, default=0)
    crowd = first_crowd(starts, ends)
    return _compare([f"First end: {first_end}", f"Starts before {first_end}: {crowd}"], crowd, rooms)


def _busiest_meeting(scheduling: Scheduling) -> Steps:
    starts, ends, rooms = scheduling
    in_order, ended = sorted(starts), sorted(ends)
    meetings = list(zip(starts, ends, strict=True))
    counts = [bisect_left(in_order, end) - bisect_right(ended, start) - 1 for start, end in meetings]
    lines = [f"{meeting} overlaps with {count}" for meeting, count in zip(shown(meetings), counts, strict=True)]
    needed = max(counts, default=-1) + 1
    return _compare([*lines, f"Rooms needed: {needed}"], needed, rooms)


def _sweep(touching: bool, scheduling: Scheduling) -> Steps:
    starts, ends, rooms = scheduling
    signs = "+-" if touching else "-+"
    begins = signs.index("+")
    events = sorted([2 * hour + begins for hour in starts] + [2 * hour + 1 - begins for hour in ends])
    counts = list(accumulate([1 if event % 2 == begins else -1 for event in events]))
    peak = max(counts, default=0)
    lines = [
        f"Starts: {_numbers(sorted(starts))}",
        f"Ends: {_numbers(sorted(ends))}",
        f"Events: {' '.join([f'{event // 2}{signs[event % 2]}' for event in events])}",
        f"Running: {_numbers(counts)}",
        f"Peak: {peak}",
    ]
    return _compare(lines, peak, rooms)


def _inverted(scheduling: Scheduling) -> Steps:
    lines, fits = _sweep(False, scheduling)
    return lines, not fits


RULES = (
    Rule(
        "always-yes",
        "Meetings can nearly always be arranged. Answer YES to every problem.",
        True,
        partial(_always, True),
    ),
    Rule(
        "always-no",
        "Rooms are nearly always short. Answer NO to every problem.",
        True,
        partial(_always, False),
    ),
    Rule(
        "meetings-fit-rooms",
        "Count the meetings and compare with the rooms. Answer YES if there are at most as many meetings as rooms, "
        "otherwise NO.",
        True,
        _meetings_fit_rooms,
    ),
    Rule(
        "two-a-room",
        "Each room can take two meetings. Answer YES if there are at most twice as many meetings as rooms, otherwise "
        "NO.",
        True,
        _two_a_room,
    ),
    Rule(
        "three-rooms",
        "Look only at the number of rooms. Answer YES if there are three rooms or more, otherwise NO.",
        True,
        _three_rooms,
    ),
    Rule(
        "total-hours",
        "Add up the lengths of all meetings. Multiply the rooms by the hours from the first start to the last end. "
        "Answer YES if the sum is at most the product, otherwise NO.",
        True,
        _total_hours,
    ),
    Rule(
        "overlapping-pairs",
        "Count the pairs of meetings that overlap. Answer YES if there are fewer such pairs than rooms, otherwise NO.",
        True,
        _overlapping_pairs,
    ),
    Rule(
        "neighbours",
        "Put the meetings in order of start. Count how many of them overlap with the next one in that order. Answer "
        "YES if the count is below the number of rooms, otherwise NO.",
        True,
        _neighbours,
    ),
    Rule(
        "distinct-starts",
        "Look only at the hours at which meetings start. Answer YES if no two meetings start at the same hour, "
        "otherwise NO.",
        True,
        _distinct_starts,
    ),
    Rule(
        "back-to-back",
        "Look for a meeting that ends at the hour at which another starts. Answer YES if there is one, otherwise NO.",
        True,
        _back_to_back,
    ),
    Rule(
        "first-crowd",
        "Find the hour at which the first meeting ends. Count the meetings that start before that hour. Answer YES if "
        "the count is at most the number of rooms, otherwise NO.",
        True,
        _first_crowd,
    ),
    Rule(
        "touching",
        "Sort all starts and ends by time, and at the same hour put starts before ends. Go through them and keep "
        "count: one more at a start, one fewer at an end. The largest count is the peak. Answer YES if the peak is at "
        "most the number of rooms, otherwise NO.",
        False,
        partial(_sweep, True),
    ),
    Rule(
        "busiest-meeting",
        "For each meeting count the others that overlap with it; meetings that only touch do not overlap. The busiest "
        "meeting and those that overlap with it need a room each. Answer YES if there are that many rooms, otherwise "
        "NO.",
        False,
        _busiest_meeting,
    ),
    Rule(
        "inverted",
        "Sort all starts and ends by time, and at the same hour put ends before starts. Go through them and keep "
        "count: one more at a start, one fewer at an end. The largest count is the peak. Answer NO if the peak is at "
        "most the number of rooms, otherwise YES.",
        False,
        _inverted,
    ),
    Rule(
        "sweep-line",
        "Sort all starts and ends by time, and at the same hour put ends before starts, because the room is free "
        "again. Go through them and keep count of the meetings in progress: add one at a start, take one away at an "
        "end. The largest count is the peak. Answer YES if the peak is at most the number of rooms, otherwise NO.",
        False,
        partial(_sweep, False),
    ),
)
"""The trivial ones first; the first that is not is what a beginner would do, the last is always right. ``inverted`` is
always wrong: a teacher that holds it shows what a student takes from a teacher that is mistaken."""
