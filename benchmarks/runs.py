"""Whole runs of the command: the harness's own cost for each problem, and the embedded run from end to end.

    python -m benchmarks.runs own-cost [--problems 10000]
    python -m benchmarks.runs embedded

The own cost is taken with the simulated teacher and everything on: journal, verification, scoring, files. It includes
starting up.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import measure
from harness.audit import EXIT_BLOCKED


def run(*arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of one `harness run` in a folder of its own, whatever its audit says."""
    with tempfile.TemporaryDirectory() as folder:
        return measure.harness("run", "--out", str(Path(folder) / "run"), *arguments, accepted=(0, EXIT_BLOCKED))


def main() -> None:
    """Prints a table: what was run, wall seconds, CPU seconds, CPU milliseconds a problem."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runs")
    parser.add_argument("what", choices=["own-cost", "embedded"])
    parser.add_argument("--problems", type=int, default=10_000)
    given = parser.parse_args()
    if given.what == "own-cost":
        wall, cpu = run("--stages", "teacher-base", "--preset", "published", "-o", f"sizes.test={given.problems}")
        each = f"{1000 * cpu / given.problems:.2f}"
        name = f"{given.problems} problems, simulated teacher"
    else:
        wall, cpu = run()
        name, each = "embedded run, all arms", "-"
    head = ["run", "wall s", "CPU s", "CPU ms a problem"]
    print(measure.table([head, [name, f"{wall:.1f}", f"{cpu:.1f}", each]]))


if __name__ == "__main__":
    main()
