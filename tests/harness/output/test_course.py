"""How a design went: series, windows, what is left of them, agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.api import Design
from harness.boundary import files
from harness.design.transfer import TRANSFER
from harness.measures.formatting import NOTHING
from harness.output import course
from harness.output.parts import Table
from harness_designs import cycles, ensemble, stream


def _result(design: Design, **others: Any) -> dict[str, Any]:
    """A result of a design in which nothing was measured but what is given."""
    plan = {"labels": "teacher", "plugins": {"design": {"design": files.plain(design)}}}
    return {"plan": plan, "arms": [], "teacher_calls": [], "solutions": [], "agreement": [], "votes": []} | others


def _arm(name: str, correct: Mapping[str, int], split: str = "test", seed: int | None = None) -> dict[str, Any]:
    """An arm with so many right answers of ten in each stratum."""
    strata = [{"stratum": stratum, "correct": right, "n": 10} for stratum, right in correct.items()]
    whole = {"correct": sum(correct.values()), "n": 10 * len(correct)}
    return {"arm": name, "split": split, "training_seed": seed, "strata": strata} | whole


def _table(tables: Sequence[Table], caption: str) -> Table:
    (found,) = [table for table in tables if caption in table.caption]
    return found


def test_a_design_without_anything_of_the_kind_has_no_tables() -> None:
    assert course.tables(_result(TRANSFER)) == []


def test_a_series_is_told_arm_by_arm_with_means_over_seeds_and_the_calls_of_all_of_them() -> None:
    arms = [
        _arm("round-1", {"all": 6}, seed=1),
        _arm("round-1", {"all": 9}, seed=2),
        _arm("round-1", {"all": 4}, split="skills", seed=1),
        _arm("round-2", {"all": 8}, seed=1),
    ]
    calls = [
        {"stage": "round-1", "calls": 20, "cost_usd": 0.5},
        {"stage": "round-2", "calls": 3, "cost_usd": 0.25},
        {"stage": "round-2.100", "calls": 4, "cost_usd": 0.25},
        {"stage": "more-data", "calls": 99, "cost_usd": 9.0},
    ]
    design = cycles.design(cycles.Options(rounds=2))
    table = _table(course.tables(_result(design, arms=arms, teacher_calls=calls)), "One after the other")
    assert [list(row[:4]) for row in table.rows] == [
        ["round-1", "75.0", "40.0", "20"],
        ["round-2", "80.0", NOTHING, "7"],
    ]
    assert ["0.5" in row[4] for row in table.rows] == [True, True]


def test_a_cost_that_is_not_known_for_one_call_is_not_known_for_the_arm() -> None:
    calls = [{"stage": "round-1", "calls": 1, "cost_usd": cost} for cost in (0.5, None)]
    design = cycles.design(cycles.Options(rounds=2))
    table = _table(course.tables(_result(design, teacher_calls=calls)), "One after the other")
    assert "0.5" not in table.rows[0][4]


WINDOWS = {"window-1": 9, "window-2": 6}
STREAM = stream.design(stream.Options(windows=2))


def test_windows_are_told_one_after_the_other_with_what_was_spent_on_adapting_to_each() -> None:
    solutions = [{"solutions": name, "n": n} for name, n in (("learned", 50), ("window-1", 40), ("window-2", 39))]
    arms = [_arm("frozen", WINDOWS, seed=1), _arm("frozen", {"window-1": 7, "window-2": 4}, seed=2)]
    table = _table(course.tables(_result(STREAM, arms=arms, solutions=solutions)), "test by window")
    assert table.columns == ("window", "frozen", "teacher calls")
    assert table.rows == [["window-1", "80.0", "40"], ["window-2", "50.0", "39"]]


def test_worked_solutions_of_controls_are_no_calls_that_adapting_took() -> None:
    solutions = [{"solutions": "window-1-naive", "n": 40}]
    result = _result(STREAM, arms=[_arm("frozen", WINDOWS)], solutions=solutions)
    assert [row[-1] for row in _table(course.tables(result), "test by window").rows] == ["0", "0"]


def test_where_the_verifier_labels_no_teacher_call_was_spent_on_a_window() -> None:
    solutions = [{"solutions": "window-1", "n": 40}]
    result = _result(STREAM, arms=[_arm("frozen", WINDOWS)], solutions=solutions)
    assert [row[-1] for row in _table(course.tables(result), "test by window").rows] == ["40", "0"]
    result["plan"]["labels"] = "verifier"
    assert [row[-1] for row in _table(course.tables(result), "test by window").rows] == ["0", "0"]


def test_what_is_left_of_a_window_is_the_last_adapter_against_the_arm_as_it_met_it() -> None:
    arms = [
        _arm("adapting", WINDOWS, seed=1),
        _arm("adapted", {"window-1": 6, "window-2": 8}, seed=1),
        _arm("replayed", WINDOWS, seed=1),
    ]
    table = _table(course.tables(_result(STREAM, arms=arms)), "In the end")
    assert table.columns == ("window", "adapted - adapting")
    assert table.rows == [["window-1", "-30.0"], ["window-2", "+20.0"]]


def test_agreement_is_told_of_strategies_and_by_seed_of_voters() -> None:
    votes = [
        {
            "arm": "vote",
            "split": "test",
            "training_seed": 7,
            "n": 30,
            "unanimous": 11,
            "pairs": [{"first": "one-strategy", "second": "voter-2", "alike": 22}],
        }
    ]
    agreement = [{"first": "strategy-1", "second": "strategy-2", "n": 40, "alike": 33}]
    design = ensemble.design(ensemble.Options(strategies=2))
    table = _table(course.tables(_result(design, votes=votes, agreement=agreement)), "agree")
    assert table.rows == [
        ["strategy-1", "strategy-2", "train", "33", "40"],
        ["one-strategy", "voter-2", "test, seed 7", "22", "30"],
        ["all voters", "of vote", "test, seed 7", "11", "30"],
    ]
