from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tools.kill_loop import Tally

ROOT = Path(__file__).parents[2]


def test_killed_runs_end_in_the_same_bytes() -> None:
    command = [sys.executable, "-m", "tools.kill_loop", "--kills", "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first.startswith("4 kills over ")
    same, _, runs = second.rpartition(": ")[2].partition(" of ")
    assert same == runs


def test_no_kill_leaves_nothing_to_tell_of() -> None:
    assert "calls made twice: 0, at most 0 in a run" in Tally(b"{}", Counter(["solve/1"])).text(0)


def ended(tmp_path: Path, *calls: str) -> Path:
    """The folder of a run that made these teacher calls."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run_meta.json").write_text('{"teacher": {"in_doubt": []}}')
    (tmp_path / "effects").write_text("".join(f"{call}\n" for call in calls))
    return tmp_path


def test_another_result_is_shown_and_fails(tmp_path: Path) -> None:
    tally = Tally(b"{}", Counter(["solve/1"]))
    tally.add(ended(tmp_path, "solve/1"), b"{ }", kills=1)
    assert "uninterrupted run: 0 of 1" in tally.text(0)
    with pytest.raises(SystemExit, match="another result"):
        tally.settle()


def test_more_calls_made_twice_than_kills_fail(tmp_path: Path) -> None:
    tally = Tally(b"{}", Counter(["solve/1"]))
    with pytest.raises(SystemExit, match="2 calls were made twice in 1 kills"):
        tally.add(ended(tmp_path, "solve/1", "solve/1", "solve/1"), b"{}", kills=1)
