from __future__ import annotations

import errno
import os
import shutil
from itertools import count
from pathlib import Path

import pytest

from harness.api import HarnessError
from tests.durability.conftest import EVERY, Small
from tests.faults import Boundaries, first_and_last


def _failing(number: int, failed: set[str] | None = None) -> Boundaries:
    def fail(name: str) -> None:
        if failed is not None:
            failed.add(name)
        raise OSError(number, os.strerror(number), "somewhere")

    return Boundaries(0, fail)


def _error_of(small: Small, run_dir: Path, failing: Boundaries) -> str | None:
    try:
        with failing.watched():
            small.start(run_dir)
    except (HarnessError, OSError) as error:
        return str(error)
    return None


@EVERY
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_call_stops_the_run_with_one_line_and_costs_no_byte(
    small: Small, tmp_path: Path, number: int, every: bool
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    with (boundaries := Boundaries(0, print)).watched():
        small.start(whole)
    result = (whole / "result.json").read_bytes()
    failed: set[str] = set()
    failing = _failing(number, failed)
    for failing.at in count(1) if every else first_and_last(boundaries.names):
        failing.count = 0
        error = _error_of(small, broken, failing)
        if error is None:
            break
        assert os.strerror(number) in error, f"call {failing.at}"
        assert "\n" not in error
        small.go_on(broken)
        assert (broken / "result.json").read_bytes() == result, f"call {failing.at}"
        shutil.rmtree(broken)
    assert failing.count < failing.at, "a failed call went unseen"
    assert failed >= {"write", "fdatasync", "fsync", "open", "replace", "rename", "mkdir"}


def test_a_disk_that_is_full_for_good_stops_the_run_and_what_is_recorded_stays(small: Small, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    small.start(whole)
    full = _failing(errno.ENOSPC)
    full.at, full.lasting, full.calls = 20, True, ("write", "fdatasync", "fsync")
    with full.watched(), pytest.raises((HarnessError, OSError), match="No space left"):
        small.start(broken)
    before = (broken / "journal.jsonl").read_bytes()
    small.go_on(broken)
    assert (broken / "journal.jsonl").read_bytes().startswith(before)
    assert (broken / "result.json").read_bytes() == (whole / "result.json").read_bytes()
