from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "tools" / "kill_loop.py"


def test_killed_runs_end_in_the_same_bytes() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--kills", "4"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first.startswith("4 kills over ")
    same, _, runs = second.rpartition(": ")[2].partition(" of ")
    assert same == runs
