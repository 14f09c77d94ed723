"""The oracle on problems that can be checked by eye."""

from __future__ import annotations

import pytest

from harness_scheduling.oracle import fits


@pytest.mark.parametrize(
    ("meetings", "rooms", "expected"),
    [
        ([], 0, True),
        ([(9, 10)], 0, False),
        ([(9, 10), (10, 11)], 1, True),
        ([(9, 11), (10, 12)], 1, False),
        ([(9, 11), (10, 13), (12, 14)], 2, True),
        ([(9, 12), (10, 13), (11, 14)], 2, False),
    ],
)
def test_fits(meetings: list[tuple[int, int]], rooms: int, expected: bool) -> None:
    assert fits(meetings, rooms) is expected
