"""What the harness itself costs for each problem that a teacher answers, beside inspect_ai in the same minutes.

    python -m benchmarks.own_cost [--problems 4000] [--runs 5] [--peer PYTHON]

Everything is on: journal, verification, scoring, files, audit, report; the simulated teacher is the mock model. CPU
seconds of a run with so many problems, less those of one with few, so that starting up is left out. ``--peer`` is the
Python of an environment of its own that has inspect_ai, whose run is ``benchmarks/peer_inspect.py``; runs of both take
turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import measure
from harness.audit import EXIT_BLOCKED

FEW = 100
"""Problems of the run that is taken away."""
PEER = Path(__file__).with_name("peer_inspect.py")


def ours(count: int, folder: str) -> float:
    """CPU seconds of one run of the harness, whatever its audit says of the published problems."""
    settings = ("--stages", "teacher-base", "--preset", "published", "-o", f"sizes.test={count}")
    return measure.harness("run", *settings, "--out", f"{folder}/run", accepted=(0, EXIT_BLOCKED))[1]


def theirs(python: str, count: int, folder: str) -> float:
    """CPU seconds of one evaluation by inspect_ai."""
    return measure.command([python, str(PEER), str(count), folder])[1]


def milliseconds(run: Callable[[int, str], float], problems: int) -> float:
    """CPU milliseconds of one problem."""
    seconds = []
    for count in (FEW, problems):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(run(count, folder))
    few, many = seconds
    return 1000 * (many - few) / (problems - FEW)


def row(name: str, taken: Sequence[float], beside: Sequence[float]) -> list[str]:
    """A line of the table: median, least and most, and how many times the harness's."""
    times = f"{statistics.median(taken) / statistics.median(beside):.1f}"
    return [name, f"{statistics.median(taken):.2f}", f"{min(taken):.2f} to {max(taken):.2f}", times]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_cost")
    parser.add_argument("--problems", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", help="a Python that has inspect_ai")
    given = parser.parse_args()
    own: list[float] = []
    peer: list[float] = []
    loads = []
    for _ in range(given.runs):
        loads.append(os.getloadavg()[0])
        own.append(milliseconds(ours, given.problems))
        if given.peer:
            peer.append(milliseconds(lambda count, folder: theirs(given.peer, count, folder), given.problems))
    print(f"{os.cpu_count()} CPU cores, load average {min(loads):.1f} to {max(loads):.1f} before each round; ", end="")
    print(f"{given.problems} problems, median of {given.runs}")
    rows = [["", "CPU ms a problem", "least to most", "times the harness's"], row("harness", own, own)]
    if peer:
        version = measure.output(
            [given.peer, "-c", "from importlib.metadata import version as v; print(v('inspect_ai'))"]
        )
        rows.append(row(f"inspect_ai {version}", peer, own))
    print(measure.table(rows))


if __name__ == "__main__":
    main()
