"""A second way to the truth, by brute force and sharing no code with the first. Only tests use it.

It counts the meetings at every hour. A whole hour decides for the time up to the next one, since hours are integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def fits(meetings: Sequence[tuple[int, int]], rooms: int) -> bool:
    """Whether at no hour more meetings than ``rooms`` are in progress. O(hours x meetings)."""
    if not meetings:
        return True
    first = min(start for start, _ in meetings)
    last = max(end for _, end in meetings)
    return all(sum(start <= hour and end > hour for start, end in meetings) <= rooms for hour in range(first, last))


def confirms(meetings: Sequence[tuple[int, int]], rooms: int, label: str, witness: Mapping[str, Any]) -> bool:
    """Whether a witness proves a label: a valid assignment for YES, an overfull hour for NO."""
    if label == "YES":
        given = witness["rooms"]
        return len(given) == len(meetings) and all(
            0 <= given[i] < rooms
            and all(
                given[i] != given[j] or meetings[i][1] <= meetings[j][0] or meetings[j][1] <= meetings[i][0]
                for j in range(i)
            )
            for i in range(len(meetings))
        )
    named = witness["meetings"]
    return len(set(named)) == len(named) > rooms and all(
        meetings[i][0] <= witness["instant"] < meetings[i][1] for i in named
    )
