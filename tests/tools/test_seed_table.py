from __future__ import annotations

import pytest

from harness.boundary import files
from tests.conftest import ToyRun
from tools.seed_table import main, table


def test_every_run_has_a_row_with_counts_interval_and_missing_answers(finished_run: ToyRun) -> None:
    results = [files.read(finished_run(out=f"run-{seed}", seed=seed) / "result.json") for seed in (0, 3)]
    header, _, *rows = table(results).split("\n")
    assert header.startswith("| seed | student-base | teacher-base |")
    assert [row.split(" | ")[0] for row in rows] == ["| 0", "| 3"]
    assert "12/12 [76, 100] 0" in rows[0]
    assert "(always-even) |" in rows[0]


def test_an_arm_that_a_run_lacks_is_a_dash(finished_run: ToyRun) -> None:
    whole = files.read(finished_run(out="whole") / "result.json")
    part = files.read(finished_run(out="part", stages=("teacher-base",)) / "result.json")
    assert "| - |" in table([whole, part]).split("\n")[-1]


def test_every_training_of_an_arm_has_a_cell_of_its_own(finished_run: ToyRun) -> None:
    result = files.read(finished_run(training_seeds=2) / "result.json")
    trained = [arm for arm in result["arms"] if (arm["arm"], arm["split"]) == ("student-lora", "test")]
    trained[0]["correct"], trained[1]["correct"] = 5, 7
    header, _, row = table([result]).split("\n")
    shown = dict(zip(header.split(" | "), row.split(" | "), strict=True))
    assert [shown[f"student-lora, training {place}"].partition("/")[0] for place in (1, 2)] == ["5", "7"]


def test_a_split_that_a_run_lacks_is_dashes_and_one_that_all_lack_is_left_out(
    finished_run: ToyRun, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, part = finished_run(out="whole"), finished_run(out="part", stages=("teacher-base",))
    row = table([files.read(folder / "result.json") for folder in (whole, part)], "harder").split("\n")[-1]
    assert set(row.split(" | ")[1:-1]) == {"-"}
    assert row.endswith("| - |")
    main([str(part)])
    assert "test: right/problems" in (shown := capsys.readouterr().out)
    assert "harder" not in shown
