"""What the command line costs before it does anything: CPU seconds of `harness --help` and `harness plugin list`.

python -m benchmarks.start_up
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

from benchmarks import measure

RUNS = 5
COMMANDS = (("--help",), ("plugin", "list"))


def cpu_seconds(arguments: tuple[str, ...]) -> float:
    """CPU time, user and system, of one run of the command in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "harness", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints a table: command, median CPU seconds."""
    rows = [["command", "CPU s"]]
    for arguments in COMMANDS:
        median = statistics.median(cpu_seconds(arguments) for _ in range(RUNS))
        rows.append([" ".join(("harness", *arguments)), f"{median:.2f}"])
    print(measure.table(rows))


if __name__ == "__main__":
    main()
