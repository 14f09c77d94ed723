"""Kills a small run at random moments, resumes it, and compares: ``python -m tools.kill_loop --kills 500``.

Teacher, student and trainer are the toys of the tests, which write down every effect that they have. Each process is a
fork of this one, so that a kill meets the run and not the imports. Prints figures for docs/durability.md, and fails
where a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from harness import run
from harness.boundary import files
from harness.design.plan import UserSettings
from harness.registry.observers import Observers
from tests import toys
from tests.faults import in_child


@dataclass
class Tally:
    """What came of the runs so far."""

    expected: bytes
    """The result of an uninterrupted run."""
    calls: Counter[str]
    """Its teacher calls."""
    kills: int = 0
    doubts: int = 0
    extras: list[int] = field(default_factory=list)
    """By run, calls that were made twice."""
    other: list[Path] = field(default_factory=list)
    """Folders of runs that ended in another result."""

    def add(self, folder: Path, result: bytes, kills: int) -> None:
        """Counts a run in. Raises SystemExit if more calls were made twice than it was killed."""
        self.kills += kills
        self.extras.append(sum((bought(folder) - self.calls).values()))
        self.doubts += len(files.read(folder / "run" / "run_meta.json")["teacher"]["in_doubt"])
        if result != self.expected:
            self.other.append(folder)
        if self.extras[-1] > kills:
            raise SystemExit(f"{self.extras[-1]} calls were made twice in {kills} kills: {folder}")

    def text(self, seed: int) -> str:
        """The figures, and the seed of the moments."""
        runs, twice, most = len(self.extras), sum(self.extras), max(self.extras, default=0)
        same = f"{runs - len(self.other)} of {runs}"
        return (
            f"{self.kills} kills over {runs} runs of {sum(self.calls.values())} teacher calls each, seed {seed}\n"
            f"results with the same bytes as that of an uninterrupted run: {same}\n"
            f"calls made twice: {twice}, at most {most} in a run; calls listed in doubt: {self.doubts}"
        )

    def settle(self) -> None:
        """Raises SystemExit if a run ended in another result."""
        if self.other:
            raise SystemExit(f"another result than that of an uninterrupted run: {', '.join(map(str, self.other))}")


def go_on(folder: Path) -> None:
    """Starts the run in a folder, or resumes it where it had begun. Paths are relative, so that all plans are one."""
    os.chdir(folder)
    if Path("run", "plan.json").exists():
        run.resume(Path("run"), Observers([]))
        return
    marks = tuple(f"{kind}.marker=effects" for kind in ("teacher", "student", "trainer"))
    plan, components = run.prepare(UserSettings(toys.CHOSEN, assignments=marks))
    run.start(plan, components, Path("run"), Observers([]))


def killed(folder: Path, seconds: float) -> bool:
    """Lets a process work on a run for so long, then kills it; whether it was still working."""

    def work() -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)  # nothing handles it: the process ends there and then
        go_on(folder)

    status = in_child(work)
    if status not in (0, -signal.SIGALRM):
        raise SystemExit(f"a resume failed with exit status {status}: {folder}")
    return status == -signal.SIGALRM


def bought(folder: Path) -> Counter[str]:
    """How often each teacher call was made."""
    marker = folder / "effects"
    return Counter(line for line in marker.read_text().splitlines() if "/" in line) if marker.exists() else Counter()


def finished(folder: Path) -> bytes:
    """The result of a run that is left to end."""
    if in_child(lambda: go_on(folder)):
        raise SystemExit(f"the last resume failed: {folder}")
    return (folder / "run" / "result.json").read_bytes()


def loop(base: Path, most: int, chance: random.Random) -> tuple[Tally, float]:
    """Kills runs under ``base`` until there are so many kills. Gives what came of it, and a whole run's seconds."""
    sys.path.insert(0, str(toys.install(base / "site")))
    whole, warm = base / "whole", base / "warm"
    whole.mkdir()
    warm.mkdir()
    go_on(warm)  # in this process, so that what a run imports on its way is there in every fork
    started = time.monotonic()
    expected = finished(whole)
    usual = time.monotonic() - started
    tally = Tally(expected, bought(whole))
    while tally.kills < most:
        folder, kills = base / f"{len(tally.extras)}", 0
        folder.mkdir()
        while tally.kills + kills < most and killed(folder, chance.uniform(0, usual)):
            kills += 1
        tally.add(folder, finished(folder), kills)
    return tally, usual


def main() -> None:
    """Kills until there are enough, and prints what came of it. The runs stay where something went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.kill_loop", description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="kill-loop-"))
    started = time.monotonic()
    tally, usual = loop(base, given.kills, random.Random(given.seed))
    print(tally.text(given.seed))
    print(f"seconds: {time.monotonic() - started:.0f}; an uninterrupted run takes {usual:.2f}")
    tally.settle()
    shutil.rmtree(base)


if __name__ == "__main__":
    main()
