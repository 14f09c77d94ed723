from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from harness.api import JournalError
from harness.journal.run_dirs import locked
from tests.durability.conftest import Small


def _held(run_dir: Path) -> int:
    """Starts a process that holds a run directory until it is killed; returns its id."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with locked(run_dir):
                os.write(tell, b"held")
                signal.pause()
        finally:
            os._exit(1)
    os.close(tell)
    assert os.read(told, 4) == b"held"
    os.close(told)
    return child


def test_a_second_process_does_not_wait_for_the_first_but_names_it_and_a_killed_one_leaves_no_lock(
    small: Small, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    small.start(run_dir)
    result = (run_dir / "result.json").read_bytes()
    holder = _held(run_dir)
    try:
        with pytest.raises(JournalError, match=rf"in use by process {holder} on "):
            small.go_on(run_dir)
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
    small.go_on(run_dir)
    assert (run_dir / "result.json").read_bytes() == result
