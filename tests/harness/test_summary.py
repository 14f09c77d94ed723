from __future__ import annotations

import re
from typing import Any

from harness import files, summary
from tests.conftest import ToyRun


def _result(toy_run: ToyRun) -> Any:
    return files.read(toy_run() / "result.json")


def test_no_accuracy_stands_without_n_interval_trivial_score_and_missing_answers(toy_run: ToyRun) -> None:
    result = _result(toy_run)
    lines = summary.text(result).splitlines()
    for arm in result["arms"]:
        (line,) = [line for line in lines if re.match(rf"{arm['arm']} +{arm['split']} ", line)]
        accuracy, best = arm["accuracy"], arm["best_trivial"]
        for share in (accuracy["value"], accuracy["low"], accuracy["high"], *([best["accuracy"]] if best else [])):
            assert f"{100 * share:.1f}" in line
        assert re.search(rf" {arm['n']} ", line)
        assert line.endswith(f" {arm['n'] - arm['outcomes']['answered']}")


def test_every_paired_difference_has_its_interval(toy_run: ToyRun) -> None:
    result = _result(toy_run)
    text = summary.text(result)
    for contrast in result["contrasts"]:
        assert f"{contrast['first']} - {contrast['second']}" in text
        assert f"{100 * contrast['difference']['low']:+.1f}, {100 * contrast['difference']['high']:+.1f}" in text


def test_written_steps_are_told_where_there_are_any(toy_run: ToyRun) -> None:
    text = " ".join(summary.text(_result(toy_run)).split())
    assert "of those shown: teacher-base 8/12, bootstrap reflect 4/6," in text
    assert "lora-labels" not in text.split("of those shown:")[1].split("paired")[0]


def test_a_task_without_trivial_rules_says_so(toy_run: ToyRun) -> None:
    result = _result(toy_run)
    result["arms"][0]["best_trivial"] = None
    assert " none " in summary.text(result).splitlines()[2]


def test_it_fits_in_80_columns(toy_run: ToyRun) -> None:
    assert max(map(len, summary.text(_result(toy_run)).splitlines())) <= 80
