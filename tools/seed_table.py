"""Several results side by side, as a Markdown table: one row per run, one column per arm and training.

python -m tools.seed_table runs/seed-0 runs/seed-1 ...
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.boundary import files

SPLITS = ("test", "harder", "skills")


def table(results: Sequence[Mapping[str, Any]], split: str = "test") -> str:
    """A cell gives right answers of problems, the 95% interval in percent, and replies without an answer.

    Where a run trained an arm several times, each training has a column of its own. A dash is what a run lacks.
    """
    measured = [by_column(result, split) for result in results]
    columns = list(dict.fromkeys(column for arms in measured for column in arms))
    rows = [["seed", *columns, "best trivial rule"], ["---"] * (len(columns) + 2)]
    for result, arms in zip(results, measured, strict=True):
        cells = [cell(arms.get(column)) for column in columns]
        rows.append([str(result["plan"]["seed"]), *cells, trivial(next(iter(arms.values()), None))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def by_column(result: Mapping[str, Any], split: str) -> dict[str, Mapping[str, Any]]:
    """The arms of a split. Trainings are numbered, where there are several, since each run has other training seeds."""
    seeds = sorted({arm["training_seed"] for arm in result["arms"] if arm["training_seed"] is not None})
    arms = [arm for arm in result["arms"] if arm["split"] == split]
    numbered = {seed: f", training {place}" if len(seeds) > 1 else "" for place, seed in enumerate(seeds, 1)}
    return {f"{arm['arm']}{numbered.get(arm['training_seed'], '')}": arm for arm in arms}


def cell(arm: Mapping[str, Any] | None) -> str:
    """One arm of one run; ``-`` where the run lacks it."""
    if arm is None:
        return "-"
    low, high = (100 * arm["accuracy"][limit] for limit in ("low", "high"))
    missing = arm["n"] - arm["outcomes"]["answered"]
    return f"{arm['correct']}/{arm['n']} [{low:.0f}, {high:.0f}] {missing}"


def trivial(arm: Mapping[str, Any] | None) -> str:
    """The best trivial rule on the problems of an arm; ``-`` where the run lacks the split."""
    if arm is None:
        return "-"
    best = arm["best_trivial"]
    return f"{best['correct']} ({best['rule']})" if best else "none"


def main(folders: Sequence[str]) -> None:
    """Prints the tables of the test problems, the harder problems and the student's own skills, where there are any."""
    results = [files.read(Path(folder) / "result.json") for folder in folders]
    for split in SPLITS:
        if any(arm["split"] == split for result in results for arm in result["arms"]):
            print(f"\n{split}: right/problems [95% interval, %] replies without an answer\n\n{table(results, split)}")


if __name__ == "__main__":
    main(sys.argv[1:])
