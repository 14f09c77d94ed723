"""Kills a small run at random moments, resumes it, and compares: ``python tools/kill_loop.py --kills 500``.

Teacher, student and trainer are the toys of the tests, which write down every effect that they have. Each process is a
fork of this one, so that a kill meets the run and not the imports. Prints figures for docs/durability.md.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), *(str(ROOT / name) for name in ("plugins", "tasks", "schemas"))]

from harness import files, run  # noqa: E402 - the path comes first
from harness.observers import Observers  # noqa: E402
from harness.plan import Wish  # noqa: E402
from tests import toys  # noqa: E402
from tests.faults import in_child  # noqa: E402

PLUGINS = dict.fromkeys(("teacher", "student", "reflection", "trainer"), "toy") | {"task": "parity", "preset": "small"}


def install(site: Path) -> None:
    """Makes the toys an installed distribution."""
    info = site / "harness_toys-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harness-toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(toys.ENTRY_POINTS)
    sys.path.insert(0, str(site))


def go_on(folder: Path) -> None:
    """Starts the run in a folder, or resumes it where it had begun. Paths are relative, so that all plans are one."""
    os.chdir(folder)
    if Path("run", "plan.json").exists():
        run.resume(Path("run"), Observers([]))
        return
    marks = tuple(f"{kind}.marker=effects" for kind in ("teacher", "student", "trainer"))
    plan, crew = run.prepare(Wish(PLUGINS, assignments=marks))
    run.start(plan, crew, Path("run"), Observers([]))


def killed(folder: Path, seconds: float) -> bool:
    """Lets a process work on a run for so long, then kills it; whether it was still working."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            go_on(folder)
            code = 0
        finally:
            os._exit(code)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise SystemExit(f"a resume failed with exit status {status}: {folder}")
    return status == -signal.SIGKILL


def bought(folder: Path) -> Counter[str]:
    """How often each teacher call was made."""
    marker = folder / "effects"
    return Counter(line for line in marker.read_text().splitlines() if "/" in line) if marker.exists() else Counter()


def finished(folder: Path) -> bytes:
    """The result of a run that is left to end."""
    if in_child(lambda: go_on(folder)):
        raise SystemExit(f"the last resume failed: {folder}")
    return (folder / "run" / "result.json").read_bytes()


def main() -> None:
    """Kills until there are enough, and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as base:
        install(Path(base) / "site")
        whole = Path(base, "whole")
        whole.mkdir()
        warm = Path(base, "warm")
        warm.mkdir()
        go_on(warm)  # in this process, so that what a run imports on its way is there in every fork
        started = time.monotonic()
        expected = finished(whole)
        usual, calls = time.monotonic() - started, bought(whole)
        kills = same = doubts = 0
        extras: list[int] = []
        while kills < given.kills:
            folder, before = Path(base, f"{len(extras)}"), kills
            folder.mkdir()
            while kills < given.kills and killed(folder, chance.uniform(0, usual)):
                kills += 1
            same += finished(folder) == expected
            extras.append(sum((bought(folder) - calls).values()))
            doubts += len(files.read(folder / "run" / "run_meta.json")["teacher"]["in_doubt"])
            if extras[-1] > kills - before:
                raise SystemExit(f"{extras[-1]} calls were made twice in {kills - before} kills: {folder}")
        print(f"{kills} kills over {len(extras)} runs of {sum(calls.values())} teacher calls each, seed {given.seed}")
        print(f"results with the same bytes as that of an uninterrupted run: {same} of {len(extras)}")
        print(f"calls made twice: {sum(extras)}, at most {max(extras)} in a run; calls listed in doubt: {doubts}")
        print(f"seconds: {time.monotonic() - started:.0f}; an uninterrupted run takes {usual:.2f}")


if __name__ == "__main__":
    main()
