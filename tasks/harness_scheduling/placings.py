"""Ways to place meetings in a day, drawn and counted fast: ``balanced`` looks at hundreds for each problem it makes.

A meeting is an integer here: a run of fields of four bits that hold 1, one for each hour at which it is in progress or
only touches it and one for each half hour in between. The sum of such integers counts the meetings of every field.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, islice
from random import Random

_BITS = 4
_CHUNK = 2**12
"""Words of a generator that are drawn at once."""

Placed = list[int]
"""The meetings of a placing, in the order of their durations."""


class Draws(Random):
    """The same integers below 256 as ``Random`` draws, by its methods or from iterators, which share one stream.

    The iterators call no function of Python's for a draw. What draws anything else is not for use.
    """

    def __init__(self, seed: str) -> None:
        """Seeds it as ``Random``."""
        super().__init__(seed)
        word = super().getrandbits
        chunks = iter(lambda: word(32 * _CHUNK).to_bytes(4 * _CHUNK, "little")[3::4], None)
        self._bytes = chain.from_iterable(chunks)  # the upper eight bits of each word, of which Random takes the upper

    def getrandbits(self, k: int, /) -> int:
        """An integer of at most eight bits."""
        return next(self._bytes) >> (8 - k)

    def each(self, table: Sequence[int]) -> Iterator[int]:
        """Endlessly the values of a table, as ``between`` makes one, drawn as ``choice`` draws them."""
        return filter(None, map(table.__getitem__, self._bytes))


def _values(choices: Sequence[int]) -> list[int]:
    """What each byte means when one of these is drawn, which are not 0: one of them, or 0 to draw again."""
    shift = 8 - len(choices).bit_length()
    return [choices[byte >> shift] if byte >> shift < len(choices) else 0 for byte in range(256)]


@cache
def between(first: int, last: int) -> list[int]:
    """The table of the integers from ``first`` to ``last``, 0 not among them."""
    return _values(range(first, last + 1))


def placings(
    durations: Sequence[int], span: int, rooms: int, critical: bool, draws: Draws, tries: int
) -> Iterator[tuple[Placed, int]]:
    """Placings, of so many that are drawn, and the half hours of each that are overfull: 0 for one that fits.

    In each some meeting starts at hour 0 and another ends at ``span``. Those that fit, but are not ``critical`` as
    asked, are left out, and all of them where it is plain that none can fit as asked. Meetings and rooms are at most 8,
    and ``span`` is at most 16.
    """
    count = len(durations)
    drawn = zip(*[draws.each(_anywhere(duration, span)) for duration in durations], strict=False)
    openings, closings = draws.each(between(-count, -1)), draws.each(between(-count, -2))
    tried = islice(zip(drawn, openings, closings, strict=False), tries)
    if not critical and sum(durations) + count > rooms * (span + 1):
        deque(tried, maxlen=0)  # none can fit as asked, with an hour free after each meeting
    first = [_held(0, duration) for duration in durations]
    last = [_held(span - duration, duration) for duration in durations]
    spare, half_hours, whole_hours = _limits(span, rooms)
    for meetings, opening, closing in tried:
        placed = list(meetings)
        placed[opening] = first[opening]
        other = closing if closing != opening else -1  # a sample of two, as Random draws it
        placed[other] = last[other]
        counted = sum(placed, spare)
        if overfull := counted & half_hours:
            yield placed, overfull
        elif bool(counted & whole_hours) == critical:
            yield placed, 0


def hides(placed: Placed, overfull: int) -> bool:
    """Whether a placing is not overfull just before the first end, nor just after the last start."""
    first_end = 1 << min(placed).bit_length() - 1
    last_start = max([meeting & -meeting for meeting in placed]) << _BITS - 1
    return not overfull & (first_end >> 1 | last_start << _BITS)


def hours(placed: Placed) -> tuple[list[int], list[int]]:
    """The starts and the ends of the meetings of a placing."""
    return list(map(_STARTS.__getitem__, placed)), list(map(_ENDS.__getitem__, placed))


@cache
def _held(start: int, duration: int) -> int:
    return _ones(2 * duration + 1) << 2 * _BITS * start


@cache
def _anywhere(duration: int, span: int) -> list[int]:
    return _values([_held(start, duration) for start in range(span - duration + 1)])


@cache
def _limits(span: int, rooms: int) -> tuple[int, int, int]:
    """What to add for the upper bit of a field to show more meetings than rooms; these bits of half hours; of hours."""
    fields = _ones(2 * span + 1)
    upper = fields << _BITS - 1
    half_hours = (_ones(2 * span + 1, 2) ^ fields) << _BITS - 1
    return upper - (rooms + 1) * fields, half_hours, upper ^ half_hours


def _ones(count: int, step: int = 1) -> int:
    """So many fields, of which every ``step``-th holds 1, the first among them."""
    return sum(1 << _BITS * field for field in range(0, count, step))


_DAY = 16
"""Hours at most between the first start and the last end."""
_MEETINGS = [(start, end) for start in range(_DAY) for end in range(start + 1, _DAY + 1)]
_STARTS = {_held(start, end - start): start for start, end in _MEETINGS}
_ENDS = {_held(start, end - start): end for start, end in _MEETINGS}
