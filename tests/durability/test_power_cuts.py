"""A run whose machine loses power: of what was written, only what was synced is left."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.api import Completion, Request
from harness.boundary import files
from tests import toys
from tests.durability.conftest import Small
from tests.faults import Boundaries, Platter, Tree, plant

CUTS = 60
"""The small run leaves more different disks than so many; fewer would mean that they are not seen."""


@dataclass
class Cuts:
    """What a power cut leaves at each boundary of a run, and what had been bought by then."""

    work: Path
    platter: Platter
    purchases: list[str]
    seen: list[tuple[int, Tree]] = field(default_factory=list)

    def cut(self, _: str) -> None:
        """Notes both disks that there may be now."""
        for tree in (self.platter.left(), self.platter.named(self.work)):
            if (len(self.purchases), tree) not in self.seen[-2:]:
                self.seen.append((len(self.purchases), tree))


@pytest.fixture
def purchases(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key of each call that the toy teacher has answered."""
    made: list[str] = []
    reply = toys.ToyTeacher._reply

    def counted(self: toys.ToyTeacher, request: Request) -> Completion:
        made.append(request.key)
        return reply(self, request)

    monkeypatch.setattr(toys.ToyTeacher, "_reply", counted)
    return made


@pytest.fixture
def cuts(small: Small, tmp_path: Path, purchases: list[str]) -> Cuts:
    """Of a run in a new folder of a folder that was there before."""
    work = tmp_path / "work"
    work.mkdir()
    platter = Platter(work)
    found = Cuts(work, platter, purchases)
    try:
        with platter.listening(), Boundaries(1, found.cut, lasting=True).watched():
            small.start(work / "runs" / "run")
        found.cut("")
    finally:
        platter.close()
    return found


@pytest.mark.timeout(900)
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs to know what a descriptor is open on")
def test_a_run_that_loses_power_at_any_boundary_ends_in_the_same_bytes_and_buys_one_call_twice_at_most(
    small: Small, cuts: Cuts, tmp_path: Path
) -> None:
    result, price = (cuts.work / "runs" / "run" / "result.json").read_bytes(), len(cuts.purchases)
    for number, (spent, tree) in enumerate(cuts.seen):
        after = tmp_path / f"after-{number}"
        plant(tree, after)
        cuts.purchases.clear()
        small.go_on(after / "runs" / "run")
        assert (after / "runs" / "run" / "result.json").read_bytes() == result, number
        doubts = files.read(after / "runs" / "run" / "run_meta.json")["teacher"]["in_doubt"]
        assert spent + len(cuts.purchases) - price <= len(doubts) <= 1, number
    assert len(cuts.seen) > CUTS
