"""How time and memory grow with the problems of one run: a table, and a plot.

    python -m benchmarks.growth [10000 100000 1000000:validate] [--plot growth.svg]

One `harness run` of the simulated teacher for each size, everything on; then what reads the run again, each verb in a
process of its own: all of them, or those behind a colon. Memory is the most that a process held. The run directories
lie in a temporary folder, about 2.5 KB for each problem.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure
from harness.audit import EXIT_BLOCKED
from harness.boundary import filenames

READERS = ("resume", "validate", "audit", "report", "compare")


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    verb: str
    problems: int
    wall: float
    cpu: float
    megabytes: float


def cost(verb: str, problems: int, arguments: Sequence[str]) -> Cost:
    """Runs the command. Raises RuntimeError unless it ends as it should; a run of published problems is blocked."""
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - this interpreter on our own module, without a shell
        [sys.executable, "-m", "harness", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, EXIT_BLOCKED):
        raise RuntimeError(f"harness {' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(verb, problems, time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss * 0.001024)


def measured(problems: int, readers: Sequence[str]) -> list[Cost]:
    """The run with so many problems, and what reads it again."""
    settings = ("--stages", "teacher-base", "--preset", "published", "-o", f"sizes.test={problems}")
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        made = [cost("run", problems, ["run", *settings, "--out", run])]
        given = {"resume": ["run", "--resume", run], "compare": ["compare", run, run]}
        made += [cost(verb, problems, given.get(verb, [verb, run])) for verb in readers]
        kilobytes = (Path(run) / filenames.REPORT).stat().st_size / 1000
        print(f"{problems} problems: report.html {kilobytes:.0f} KB, load average {os.getloadavg()[0]:.1f}", flush=True)
    return made


def table(costs: Sequence[Cost]) -> str:
    """The costs as a Markdown table, with what each problem took."""
    rows = [["", "problems", "wall s", "CPU s", "CPU ms a problem", "memory MB"]]
    for each in costs:
        seconds = f"{each.wall:.1f}", f"{each.cpu:.1f}", f"{1000 * each.cpu / each.problems:.2f}"
        rows.append([each.verb, f"{each.problems:,}", *seconds, f"{each.megabytes:.0f}"])
    return measure.table(rows)


def plot(costs: Sequence[Cost], path: Path) -> None:
    """CPU seconds and memory of each verb against the problems, on logarithmic axes, beside what is linear."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for verb in dict.fromkeys(each.verb for each in costs):
        own = [each for each in costs if each.verb == verb]
        for axes, taken in ((left, [each.cpu for each in own]), (right, [each.megabytes for each in own])):
            axes.plot([each.problems for each in own], taken, marker="o", label=verb)
    first = costs[0]
    last = max(each.problems for each in costs)
    left.plot([first.problems, last], [first.cpu, first.cpu * last / first.problems], "k:", label="linear")
    for axes, name in ((left, "CPU seconds"), (right, "memory, MB")):
        axes.set(xscale="log", yscale="log", xlabel="problems", ylabel=name)
        axes.grid(visible=True, which="both", alpha=0.2)
    left.legend()
    figure.savefig(path)


def main() -> None:
    """Prints the table, and draws the plot where one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("sizes", nargs="*", default=["10000", "100000"], help="problems of each run, and its readers")
    parser.add_argument("--plot", type=Path, help="an SVG or PNG file")
    given = parser.parse_args()
    costs = []
    for asked in given.sizes:
        size, _, verbs = asked.partition(":")
        costs += measured(int(size), verbs.split(",") if verbs else READERS)
    print(table(costs))
    if given.plot:
        plot(costs, given.plot)


if __name__ == "__main__":
    main()
