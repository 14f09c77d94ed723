from __future__ import annotations

from typing import Any

import pytest

from harness.boundary import files
from harness.measures import economy
from tests.conftest import ToyRun


def test_break_even_counts_all_that_was_spent_on_the_student() -> None:
    # 3 USD once, 0.001 USD saved by the problem less 0.36 s at 0.50 USD an hour
    problems = economy.break_even(0.001, 0.36, 3.0)
    assert problems is not None
    spent = 3.0 + problems * 0.36 / 3600 * economy.ASSUMED_USD_PER_HOUR
    assert spent <= problems * 0.001
    assert spent + 0.001 > (problems - 1) * 0.001


@pytest.mark.parametrize(
    "figures",
    [
        (None, 1.0, 1.0),
        (1.0, None, 1.0),
        (1.0, 1.0, None),
        (0.0, 1.0, 1.0),
        (0.0001, 10.0, 1.0),
        (0.5 / 3600, 1.0, 1.0),
    ],
)
def test_there_is_none_where_a_figure_is_unknown_or_nothing_is_saved(figures: tuple[Any, Any, Any]) -> None:
    assert economy.break_even(*figures) is None


def test_a_run_measures_what_a_problem_costs(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    figures = files.read(run_dir / "run_meta.json")["economy"]
    assert figures["teacher_usd_per_problem"] == pytest.approx(20e-6)
    calls = files.read(run_dir / "result.json")["teacher_calls"]
    assert figures["one_time_usd"] >= sum(row["cost_usd"] for row in calls)


def test_only_one_training_of_the_treatment_is_paid_for_however_many_seeds_it_has(finished_run: ToyRun) -> None:
    for seeds in (1, 3):
        run_dir = finished_run(out=f"seeds-{seeds}", training_seeds=seeds)
        spent = sum(row["cost_usd"] for row in files.read(run_dir / "result.json")["teacher_calls"])
        figures = files.read(run_dir / "run_meta.json")["economy"]
        training = 0.1 / 3600 * economy.ASSUMED_USD_PER_HOUR
        assert figures["one_time_usd"] == pytest.approx(spent + training, abs=1e-9)


def test_a_run_without_a_training_pays_for_none(finished_run: ToyRun) -> None:
    run_dir = finished_run(stages=("teacher-base",))
    (row,) = files.read(run_dir / "result.json")["teacher_calls"]
    figures = files.read(run_dir / "run_meta.json")["economy"]
    assert figures["one_time_usd"] == pytest.approx(row["cost_usd"], abs=1e-9)
