from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.api import HarnessError, JournalError
from harness.journal.store import Journal
from tests.durability.conftest import EVERY, Small
from tests.harness.journal.test_store import never

SAMPLE, SOME = 60, 12
"""Places of a whole run's journal that are tried; every place is tried on a small journal in test_store."""


@pytest.fixture
def whole(small: Small, tmp_path: Path) -> Path:
    """A finished run."""
    small.start(tmp_path / "run")
    return tmp_path / "run"


def _places(length: int, every: bool) -> list[int]:
    return sorted(random.Random(5).sample(range(length), SAMPLE if every else SOME))


@EVERY
@pytest.mark.timeout(300)
def test_a_run_whose_journal_is_cut_anywhere_ends_in_the_same_bytes(small: Small, whole: Path, every: bool) -> None:
    journal, result = whole / "journal.jsonl", whole / "result.json"
    recorded, expected = journal.read_bytes(), result.read_bytes()
    for place in _places(len(recorded), every):
        journal.write_bytes(recorded[:place])
        result.unlink()
        small.go_on(whole)
        assert result.read_bytes() == expected, f"cut at {place}"


@EVERY
@pytest.mark.timeout(300)
def test_a_run_whose_journal_has_a_flipped_byte_is_refused_with_the_line_and_nothing_is_touched(
    small: Small, whole: Path, every: bool
) -> None:
    journal, result = whole / "journal.jsonl", whole / "result.json"
    recorded, expected = journal.read_bytes(), result.read_bytes()
    for place in _places(len(recorded) - 1, every):
        damaged = recorded[:place] + bytes([recorded[place] ^ 0x20]) + recorded[place + 1 :]
        journal.write_bytes(damaged)
        with pytest.raises(JournalError, match=rf"line {recorded[:place].count(10) + 1} is damaged"):
            small.go_on(whole)
        assert journal.read_bytes() == damaged
        assert result.read_bytes() == expected


def test_a_line_taken_out_put_twice_or_moved_is_refused(small: Small, whole: Path) -> None:
    journal = whole / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    for changed in (
        lines[:middle] + lines[middle + 1 :],
        lines[:middle] + lines[middle : middle + 1] + lines[middle:],
        [*lines[:middle], lines[middle + 1], lines[middle], *lines[middle + 2 :]],
    ):
        journal.write_bytes(b"".join(changed))
        with pytest.raises(JournalError, match="is damaged"):
            small.go_on(whole)


def test_a_torn_tail_is_dropped_and_told_of(small: Small, whole: Path) -> None:
    journal = whole / "journal.jsonl"
    recorded = journal.read_bytes()
    journal.write_bytes(recorded + recorded[:40])
    small.go_on(whole)
    assert journal.read_bytes() == recorded


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises((HarnessError, OSError)):
            Journal(tmp_path / name).once("a", 0, never)
    assert (tmp_path / "target").read_text() == ""
