"""What the command line costs before it does anything, and with the checks of a run that does nothing: CPU seconds.

python -m benchmarks.start_up
"""

from __future__ import annotations

import statistics

from benchmarks import measure

RUNS = 5
COMMANDS = (("--help",), ("plugin", "list"), ("run", "--dry-run"))


def main() -> None:
    """Prints a table: command, median CPU seconds."""
    rows = [["command", "CPU s"]]
    for arguments in COMMANDS:
        median = statistics.median(measure.harness(*arguments)[1] for _ in range(RUNS))
        rows.append([" ".join(("harness", *arguments)), f"{median:.2f}"])
    print(measure.table(rows))


if __name__ == "__main__":
    main()
