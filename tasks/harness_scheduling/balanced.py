"""Balanced problems, on which neither a count nor a constant tells the answer, and few short looks do.

Problems are drawn as twins: a YES and a NO of one cell (meetings, rooms) with the same durations and the same first and
last hour. Where a cell allows it, twins also share the number of overlapping pairs and whether any meetings touch, have
equally large crowds at the start or at the end, and are not overfull at either. Every other YES of a cell is critical:
it fits only because a room is free from the hour at which its meeting ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from harness.api import Problem, UsageError
from harness_scheduling.domain import (
    Meeting,
    canonical,
    first_crowd,
    last_crowd,
    overlapping_pairs,
    peak,
    problem,
    touches,
)

_Alike = tuple[int | None, bool | None, int | None]
"""What twins share beside their draft: overlapping pairs, whether any meetings touch, and the crowd at one end."""

BLOCK = 12
"""Problems in a block: of each of three strata, two pairs of twins."""
DRAFTS = 3000
"""Drafts of durations and hours for a pair of twins before its cell counts as used up."""
PLACINGS = 60
"""Placings of the meetings tried for one draft."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of meetings and of rooms that can hold both labels."""

    meetings: int
    rooms: int

    @property
    def no_can_share_pairs(self) -> bool:
        """Whether a YES and a NO can have equally many overlapping pairs."""
        return self.rooms > 1 and self.meetings >= self.rooms + 2

    @property
    def no_can_touch(self) -> bool:
        """Whether a NO can hold meetings that touch and still span the hours of a critical twin."""
        return self.meetings >= max(4, self.rooms + 2)

    @property
    def no_can_hide(self) -> bool:
        """Whether a NO can have no more meetings than rooms before the first end, and after the last start."""
        return self.meetings >= self.rooms + 3


@dataclass(frozen=True, slots=True)
class Family:
    """What the problems of a split look like."""

    strata: Mapping[str, tuple[Cell, ...]]
    """Three strata with their cells, two or more."""
    opens: int
    """The first hour at which a meeting may start."""
    closes: int
    """The last hour at which one may end."""
    longest: int
    """The longest duration, in hours."""
    share: range
    """The residues of a canonical form's digest, modulo 8, that this split may use. It keeps splits disjoint."""


def _cells(meetings: int, *rooms: int) -> tuple[Cell, ...]:
    return tuple(Cell(meetings, count) for count in rooms)


_TRAINED = {"EASY": _cells(3, 1, 2), "MEDIUM": _cells(4, 1, 2, 3), "HARD": _cells(5, 2, 3)}
_HARDER = {"SIX": _cells(6, 2, 3), "SEVEN": _cells(7, 3, 4), "EIGHT": _cells(8, 3, 4, 5)}

FAMILIES: Mapping[str, Family] = {
    "test": Family(_TRAINED, opens=8, closes=20, longest=6, share=range(3)),
    "reflect": Family(_TRAINED, opens=8, closes=20, longest=6, share=range(3, 5)),
    "train": Family(_TRAINED, opens=8, closes=20, longest=6, share=range(5, 8)),
    "harder": Family(_HARDER, opens=6, closes=22, longest=6, share=range(8)),
}
"""The family of each split. ``harder`` shares no number of meetings with the others."""


class _UsedUpError(Exception):
    """No new twins were found for a cell."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A problem before it has its position."""

    stratum: str
    meetings: tuple[Meeting, ...]
    rooms: int


def balanced_problems(split: str, count: int, seed: int) -> list[Problem]:
    """The first ``count`` balanced problems of a split. Problem i depends on seed, split and i alone.

    Every prefix is within one of even between strata, and between YES and NO in every stratum and every cell; every
    whole number of blocks of 12 is even exactly. Raises UsageError where the split runs out of problems.
    """
    made: list[Problem] = []
    taken: set[str] = set()
    try:
        for block in range(-(-count // BLOCK)):
            for placed in _block(FAMILIES[split], block, Random(f"{seed}/{split}/{block}"), taken):
                made.append(problem(split, len(made), placed.stratum, placed.meetings, placed.rooms))
    except _UsedUpError as error:
        raise UsageError(
            f"{count} problems asked of the split '{split}', which holds about {len(made)} that are balanced and all "
            f"different ({error} ran out); lower its size to {len(made)} or less"
        ) from None
    return made[:count]


def _block(family: Family, block: int, rng: Random, taken: set[str]) -> Iterator[_Placed]:
    """Twelve problems: four rounds of one problem of each stratum, where two rounds hold a YES and a NO of each."""
    columns = {stratum: _column(family, stratum, block, rng, taken) for stratum in family.strata}
    strata = list(columns)
    for turn in range(BLOCK // len(strata)):
        rng.shuffle(strata)
        for stratum in strata:
            yield columns[stratum][turn]


def _column(family: Family, stratum: str, block: int, rng: Random, taken: set[str]) -> list[_Placed]:
    """A stratum's two YES and two NO of a block. Cells take turns, and in each cell critical and other twins do."""
    cells = family.strata[stratum]
    fits, fails = [], []
    for pair in (2 * block, 2 * block + 1):
        occurrence, position = divmod(pair, len(cells))
        cell = cells[position]
        yes, no = _twins(family, cell, (occurrence + position) % 2 == 0, rng, taken)
        fits.append(_Placed(stratum, yes, cell.rooms))
        fails.append(_Placed(stratum, no, cell.rooms))
    rng.shuffle(fits)
    rng.shuffle(fails)
    column = []
    for both in zip(fits, fails, strict=True):
        column += rng.sample(both, 2)
    return column


def _twins(
    family: Family, cell: Cell, critical: bool, rng: Random, taken: set[str]
) -> tuple[tuple[Meeting, ...], tuple[Meeting, ...]]:
    """A YES and a NO that are new to the split. The draft that both follow is drawn before either label is known."""
    crowd = rng.choice((first_crowd, last_crowd))
    for _ in range(DRAFTS):
        durations = [rng.randint(1, family.longest) for _ in range(cell.meetings)]
        starts = [rng.randint(family.opens, family.closes - duration) for duration in durations]
        first = min(starts)
        span = max(map(int.__add__, starts, durations)) - first
        if not _can_hold_both(cell, durations, span):
            continue
        found: dict[tuple[_Alike, bool], tuple[Meeting, ...]] = {}
        for _ in range(PLACINGS):
            meetings = _placing(durations, first, span, rng)
            fits = peak(meetings) <= cell.rooms
            if not _suits(cell, meetings, fits, critical):
                continue
            alike = (
                overlapping_pairs(meetings) if cell.no_can_share_pairs else None,
                touches(meetings) if cell.no_can_touch or not critical else None,
                crowd(meetings) if cell.no_can_hide else None,
            )
            if (alike, fits) in found or not _is_new(family, meetings, cell.rooms, taken):
                continue
            found[alike, fits] = meetings
            if (alike, not fits) in found:
                yes, no = found[alike, True], found[alike, False]
                taken.update(canonical(twin, cell.rooms) for twin in (yes, no))
                return yes, no
    raise _UsedUpError(f"{cell.meetings} meetings with {cell.rooms} rooms")


def _can_hold_both(cell: Cell, durations: list[int], span: int) -> bool:
    """Whether a draft may hold a YES and a NO. It need not: this only spares placings that cannot succeed."""
    if sum(durations) > cell.rooms * span:
        return False
    two_longest = sum(sorted(durations)[-2:])
    return cell.meetings > cell.rooms + 1 or span < two_longest


def _placing(durations: list[int], first: int, span: int, rng: Random) -> tuple[Meeting, ...]:
    """Meetings of these durations, one of which starts at ``first`` and another ends ``span`` hours later."""
    starts = [first + rng.randrange(span - duration + 1) for duration in durations]
    opening, closing = rng.sample(range(len(durations)), 2)
    starts[opening] = first
    starts[closing] = first + span - durations[closing]
    return tuple(Meeting(start, start + duration) for start, duration in zip(starts, durations, strict=True))


def _suits(cell: Cell, meetings: tuple[Meeting, ...], fits: bool, critical: bool) -> bool:
    """Whether a YES is critical as asked, and whether a NO hides where it can."""
    if fits:
        return (peak(meetings, touching=True) > cell.rooms) == critical
    return not cell.no_can_hide or max(first_crowd(meetings), last_crowd(meetings)) <= cell.rooms


def _is_new(family: Family, meetings: tuple[Meeting, ...], rooms: int, taken: set[str]) -> bool:
    form = canonical(meetings, rooms)
    residue = int.from_bytes(hashlib.sha256(form.encode()).digest()[:8]) % 8
    return residue in family.share and form not in taken
