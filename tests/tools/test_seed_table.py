from __future__ import annotations

from harness import files
from tests.conftest import ToyRun
from tools.seed_table import table


def test_every_run_has_a_row_with_counts_interval_and_missing_answers(toy_run: ToyRun) -> None:
    results = [files.read(toy_run(out=f"run-{seed}", seed=seed) / "result.json") for seed in (0, 3)]
    header, _, *rows = table(results).split("\n")
    assert header.startswith("| seed | student-base | teacher-base |")
    assert [row.split(" | ")[0] for row in rows] == ["| 0", "| 3"]
    assert "12/12 [76, 100] 0" in rows[0]
    assert "(always-even) |" in rows[0]


def test_an_arm_that_a_run_lacks_is_a_dash(toy_run: ToyRun) -> None:
    whole = files.read(toy_run(out="whole") / "result.json")
    part = files.read(toy_run(out="part", stages=("teacher-base",)) / "result.json")
    assert "| - |" in table([whole, part]).split("\n")[-1]
