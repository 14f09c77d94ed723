"""The embedded run from end to end, in a process of its own.

python -m benchmarks.runs
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import measure


def main() -> None:
    """Prints a table: what was run, wall seconds, CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = measure.harness("run", "--out", str(Path(folder) / "run"))
    head = ["run", "wall s", "CPU s"]
    print(measure.table([head, ["embedded run, all arms", f"{wall:.1f}", f"{cpu:.1f}"]]))


if __name__ == "__main__":
    main()
