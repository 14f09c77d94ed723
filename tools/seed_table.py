"""Several results side by side, as a Markdown table: one row per run, one column per arm on the test problems.

python tools/seed_table.py runs/seed-0 runs/seed-1 ...
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import files


def table(results: Sequence[Mapping[str, Any]], split: str = "test") -> str:
    """A cell gives right answers of problems, the 95% interval in percent, and replies without an answer."""
    arms = list(dict.fromkeys(arm["arm"] for result in results for arm in result["arms"] if arm["split"] == split))
    rows = [["seed", *arms, "best trivial rule"], ["---"] * (len(arms) + 2)]
    for result in results:
        measured = {arm["arm"]: arm for arm in result["arms"] if arm["split"] == split}
        best = next(iter(measured.values()))["best_trivial"]
        trivial = f"{best['correct']} ({best['rule']})" if best else "none"
        rows.append([str(result["plan"]["seed"]), *(cell(measured.get(name)) for name in arms), trivial])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cell(arm: Mapping[str, Any] | None) -> str:
    """One arm of one run; ``-`` where the run lacks it."""
    if arm is None:
        return "-"
    low, high = (100 * arm["accuracy"][limit] for limit in ("low", "high"))
    missing = arm["n"] - arm["outcomes"]["answered"]
    return f"{arm['correct']}/{arm['n']} [{low:.0f}, {high:.0f}] {missing}"


def main(folders: Sequence[str]) -> None:
    """Prints the tables of the test problems, the harder problems and the student's own skills."""
    results = [files.read(Path(folder) / "result.json") for folder in folders]
    for split in ("test", "harder", "skills"):
        print(f"\n{split}: right/problems [95% interval, %] replies without an answer\n\n{table(results, split)}")


if __name__ == "__main__":
    main(sys.argv[1:])
