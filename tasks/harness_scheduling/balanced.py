"""Balanced problems, on which neither a count nor a constant tells the answer, and few short looks do.

Problems are drawn as twins: a YES and a NO of one cell (meetings, rooms) with the same durations and the same first and
last hour. Where a cell allows it, twins also share the number of overlapping pairs and whether any meetings touch, have
equally large crowds at the start or at the end, and are not overfull at either. Every other YES of a cell is critical:
it fits only because a room is free from the hour at which its meeting ends.

Those of a window are drawn in the same way. Each has a longer day or a longer meeting than any of a split with as many
meetings, which keeps windows and splits apart.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from operator import add

from harness.api import Problem, UsageError
from harness_scheduling.domain import (
    Hours,
    Scheduling,
    canonical,
    first_crowd,
    last_crowd,
    overlapping_pairs,
    problem,
    touches,
)
from harness_scheduling.placings import Draws, Placed, between, hides, hours, placings

_Alike = tuple[int | None, bool | None, int | None]
"""What twins share beside their draft: overlapping pairs, whether any meetings touch, and the crowd at one end."""

BLOCK = 12
"""Problems in a block: of each of three strata, two pairs of twins."""
DRAFTS = 3000
"""Drafts of durations and hours for a pair of twins before its cell counts as used up."""
PLACINGS = 60
"""Placings of the meetings tried for one draft, where a split may use a good part of them."""


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
    """The residues of a canonical form's digest, modulo ``shares``, that may be used. It keeps splits disjoint."""
    shares: int = 8
    tries: int = PLACINGS
    """Placings of the meetings tried for one draft."""
    beyond: Family | None = None
    """A family with the same cells of which this one shares no problem: its day or a meeting is longer in each."""

    def holds(self, durations: list[int], span: int) -> bool:
        """Whether meetings of these durations, with so many hours from first to last, may be of this family."""
        day = self.closes - self.opens
        within = span <= day and max(durations) <= self.longest
        return within and not (self.beyond and self.beyond.holds(durations, span))


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
WINDOWS = tuple(
    Family(known.strata, opens=6, closes=22, longest=8, share=range(0), beyond=known)
    for known in (FAMILIES["test"], FAMILIES["harder"])
)
"""The families of the first window and, where problems become harder, of the last, but for what a window may use."""


class _UsedUpError(Exception):
    """No new twins were found for a cell."""


def balanced_problems(split: str, count: int, seed: int) -> list[Problem]:
    """The first ``count`` balanced problems of a split. Problem i depends on seed, split and i alone.

    Every prefix is within one of even between strata, and between YES and NO in every stratum and every cell; every
    whole number of blocks of 12 is even exactly. Raises UsageError where the split runs out of problems.
    """
    families = dict.fromkeys(FAMILIES[split].strata, FAMILIES[split])
    return _drawn(split, split, count, seed, lambda _: families)


def window_problems(split: str, window: int, windows: int, count: int, seed: int, hardening: bool) -> list[Problem]:
    """The first ``count`` problems of ``test`` or ``train`` in one of so many windows, which share no problem.

    The first window has the strata of ``test``. If ``hardening``, those of ``harder`` take their places, by a share
    that grows evenly from window to window up to all of them. Even as ``balanced_problems``, but for how many problems
    each stratum has. Raises UsageError where the window runs out of problems.
    """
    residue = 2 * (window - 1) + ("test", "train").index(split)
    share, shares, tries = range(residue, residue + 1), 2 * windows, PLACINGS * windows
    families = [replace(each, share=share, shares=shares, tries=tries) for each in WINDOWS]
    grown, whole = (window - 1, windows - 1) if hardening and windows > 1 else (0, 1)

    def mixed(block: int) -> dict[str, Family]:
        """For each column a stratum of either family, so that in the long run each column is harder as often."""
        columns = list(zip(*(each.strata for each in families), strict=True))
        places = [len(columns) * block + (column + block) % len(columns) for column in range(len(columns))]
        harder = [(place + 1) * grown // whole > place * grown // whole for place in places]
        return {names[hard]: families[hard] for names, hard in zip(columns, harder, strict=True)}

    return _drawn(split, f"{split}/window-{window}-of-{windows}", count, seed, mixed)


def _drawn(
    split: str, place: str, count: int, seed: int, families: Callable[[int], Mapping[str, Family]]
) -> list[Problem]:
    """Problems of a split, or of a place in it, block by block: of the strata that a block has, with their families."""
    made: list[Problem] = []
    taken: set[str] = set()
    turns: Counter[str] = Counter()
    try:
        for block in range(-(-count // BLOCK)):
            for stratum, scheduling in _block(families(block), turns, Draws(f"{seed}/{place}/{block}"), taken):
                made.append(problem(split, len(made), stratum, scheduling, place))
    except _UsedUpError as error:
        raise UsageError(
            f"{count} problems asked of the split '{place}', which holds about {len(made)} that are balanced and all "
            f"different ({error} ran out); lower its size to {len(made)} or less"
        ) from None
    return made[:count]


def _block(
    families: Mapping[str, Family], turns: Counter[str], draws: Draws, taken: set[str]
) -> Iterator[tuple[str, Scheduling]]:
    """Twelve problems: four rounds of one problem of each stratum, where two rounds hold a YES and a NO of each.

    ``turns`` counts the blocks that each stratum was in before.
    """
    columns = {stratum: _column(family, stratum, turns[stratum], draws, taken) for stratum, family in families.items()}
    turns.update(families.keys())
    strata = list(columns)
    for turn in range(BLOCK // len(strata)):
        draws.shuffle(strata)
        for stratum in strata:
            yield stratum, columns[stratum][turn]


def _column(family: Family, stratum: str, turn: int, draws: Draws, taken: set[str]) -> list[Scheduling]:
    """The two YES and two NO of a stratum's turn. Cells take turns, and in each cell critical and other twins do."""
    cells = family.strata[stratum]
    fits, fails = [], []
    for pair in (2 * turn, 2 * turn + 1):
        occurrence, position = divmod(pair, len(cells))
        yes, no = _twins(family, cells[position], (occurrence + position) % 2 == 0, draws, taken)
        fits.append(yes)
        fails.append(no)
    draws.shuffle(fits)
    draws.shuffle(fails)
    column = []
    for both in zip(fits, fails, strict=True):
        column += draws.sample(both, 2)
    return column


def _twins(family: Family, cell: Cell, critical: bool, draws: Draws, taken: set[str]) -> tuple[Scheduling, Scheduling]:
    """A YES and a NO that are new. The draft that both follow is drawn before either label is known."""
    crowd = draws.choice((first_crowd, last_crowd))
    lengths = draws.each(between(1, family.longest))
    openings = [draws.each(between(family.opens, family.closes - length)) for length in range(1, family.longest + 1)]
    for _ in range(DRAFTS):
        durations = list(islice(lengths, cell.meetings))
        starts = [next(openings[duration - 1]) for duration in durations]
        first = min(starts)
        span = max(map(add, starts, durations)) - first
        if not family.holds(durations, span) or not _can_hold_both(cell, durations, span):
            continue
        drawn = placings(durations, span, cell.rooms, critical, draws, family.tries)
        for fitting, failing in _alike(drawn, cell, critical, crowd):
            if (yes := _first_new(family, cell, fitting, taken)) and (no := _first_new(family, cell, failing, taken)):
                taken.update(canonical(*hours(placed), cell.rooms) for placed in (yes, no))
                return _moved(yes, first, cell.rooms), _moved(no, first, cell.rooms)
    raise _UsedUpError(f"{cell.meetings} meetings with {cell.rooms} rooms")


def _can_hold_both(cell: Cell, durations: list[int], span: int) -> bool:
    """Whether a draft may hold a YES and a NO. It need not: this only spares placings that cannot succeed."""
    if sum(durations) > cell.rooms * span:
        return False
    return cell.meetings > cell.rooms + 1 or span < sum(sorted(durations)[-2:])


def _alike(
    drawn: Iterable[tuple[Placed, int]], cell: Cell, critical: bool, crowd: Callable[[Hours, Hours], int]
) -> Iterator[tuple[list[Placed], list[Placed]]]:
    """After each placing, those that fit and those that do not so far and are like it, if there are both."""
    shared, touching, hidden = cell.no_can_share_pairs, cell.no_can_touch or not critical, cell.no_can_hide
    found: dict[tuple[_Alike, bool], list[Placed]] = defaultdict(list)
    waiting: list[tuple[Placed, int]] = []
    for each in drawn:
        waiting.append(each)
        if each[1] and not found:
            continue  # what a NO is like is asked once there is a YES
        alike = None
        for placed, overfull in waiting:
            if overfull and hidden and not hides(placed, overfull):
                continue
            starts, ends = hours(placed)
            alike = (
                overlapping_pairs(starts, ends) if shared else None,
                touches(starts, ends) if touching else None,
                crowd(starts, ends) if hidden else None,
            )
            found[alike, not overfull].append(placed)
        waiting.clear()
        if alike and (fitting := found[alike, True]) and (failing := found[alike, False]):
            yield fitting, failing


def _first_new(family: Family, cell: Cell, candidates: list[Placed], taken: set[str]) -> Placed | None:
    """The first that may be used and has not been used; those before it are taken out."""
    while candidates:
        form = canonical(*hours(candidates[0]), cell.rooms)
        if form not in taken and _residue(form, family.shares) in family.share:
            return candidates[0]
        del candidates[0]
    return None


def _residue(form: str, shares: int) -> int:
    return int.from_bytes(hashlib.sha256(form.encode()).digest()[:8]) % shares


def _moved(placed: Placed, first: int, rooms: int) -> Scheduling:
    starts, ends = hours(placed)
    return Scheduling([first + start for start in starts], [first + end for end in ends], rooms)
