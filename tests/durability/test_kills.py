from __future__ import annotations

import shutil
import signal
from itertools import count
from pathlib import Path

import pytest

from harness.boundary import files
from tests.durability.conftest import EVERY, Small
from tests.faults import Boundaries, first_and_last, in_child, kill
from tests.loopback.server import Loopback

CONCURRENCY = 2
BOUNDARIES = 100
"""The small run has more than so many; fewer would mean that they are not counted."""


def _until_killed(small: Small, run_dir: Path, at: int) -> None:
    with Boundaries(at, kill).watched():
        small.start(run_dir)


@EVERY
@pytest.mark.timeout(900)
def test_a_run_killed_at_any_boundary_ends_in_the_same_bytes_and_buys_at_most_what_was_under_way(
    bought: Small, server: Loopback, tmp_path: Path, every: bool
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with (boundaries := Boundaries(0, kill)).watched():
        bought.start(whole)
    result, price = (whole / "result.json").read_bytes(), len(server.purchases)
    for at in count(1) if every else first_and_last(boundaries.names):
        server.purchases.clear()
        status = in_child(lambda at=at: _until_killed(bought, killed, at))  # type: ignore[misc]
        if status == 0:
            break
        assert status == -signal.SIGKILL, f"boundary {at}"
        bought.go_on(killed)
        assert (killed / "result.json").read_bytes() == result, f"boundary {at}"
        doubts = files.read(killed / "run_meta.json")["teacher"]["in_doubt"]
        twice = len(server.purchases) - price
        assert twice <= len(doubts) <= CONCURRENCY, f"boundary {at}"
        assert all(doubt["worst_cost"] > 0 for doubt in doubts)
        assert not [path for path in killed.rglob("*") if path.is_dir() and files.leftovers(path)]
        shutil.rmtree(killed)
    assert at > BOUNDARIES


def test_a_resume_that_is_killed_in_turn_loses_nothing(bought: Small, server: Loopback, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    bought.start(whole)
    price = len(server.purchases)
    server.purchases.clear()
    (whole / "result.json").unlink()  # else nothing is written: the run is finished
    finished = Boundaries(0, kill)
    with finished.watched():
        bought.go_on(whole)
    at = finished.count + 10  # each time a little further than it takes to write what is recorded already
    kills = 0
    while in_child(lambda: _resumed_until_killed(bought, killed, at)) == -signal.SIGKILL:
        kills += 1
        assert kills < 20
    assert kills >= 1
    assert (killed / "result.json").read_bytes() == (whole / "result.json").read_bytes()
    doubts = files.read(killed / "run_meta.json")["teacher"]["in_doubt"]
    assert len(server.purchases) - price <= len(doubts) <= kills * CONCURRENCY


def _resumed_until_killed(small: Small, run_dir: Path, at: int) -> None:
    with Boundaries(at, kill).watched():
        small.go_on(run_dir)
