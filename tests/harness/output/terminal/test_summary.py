from __future__ import annotations

import re
from typing import Any

import pytest

from harness.boundary import files
from harness.output.terminal import summary
from tests.conftest import ToyRun


def _result(finished_run: ToyRun) -> Any:
    return files.read(finished_run() / "result.json")


def test_no_accuracy_stands_without_n_interval_trivial_score_and_missing_answers(finished_run: ToyRun) -> None:
    result = _result(finished_run)
    lines = summary.text(result).splitlines()
    for arm in result["arms"]:
        (line,) = [line for line in lines if re.match(rf"{arm['arm']} +{arm['split']} ", line)]
        accuracy, best = arm["accuracy"], arm["best_trivial"]
        for share in (accuracy["value"], accuracy["low"], accuracy["high"], *([best["accuracy"]] if best else [])):
            assert f"{100 * share:.1f}" in line
        assert re.search(rf" {arm['n']} ", line)
        assert line.endswith(f" {arm['n'] - arm['outcomes']['answered']}")


def test_every_paired_difference_has_its_interval(finished_run: ToyRun) -> None:
    result = _result(finished_run)
    text = summary.text(result)
    for contrast in result["contrasts"]:
        assert f"{contrast['first']} - {contrast['second']}" in text
        assert f"{100 * contrast['difference']['low']:+.1f}, {100 * contrast['difference']['high']:+.1f}" in text


def test_written_steps_are_told_where_there_are_any(finished_run: ToyRun) -> None:
    text = " ".join(summary.text(_result(finished_run)).split())
    assert "of those shown: teacher-base 8/12, bootstrap reflect 4/6," in text
    assert "lora-labels" not in text.split("of those shown:")[1].split("paired")[0]


def test_a_task_without_trivial_rules_says_so(finished_run: ToyRun) -> None:
    result = _result(finished_run)
    result["arms"][0]["best_trivial"] = None
    assert " none " in summary.text(result).splitlines()[2]


def test_the_name_of_a_rule_stays_in_its_line(finished_run: ToyRun) -> None:
    result = _result(finished_run)
    result["arms"][0]["best_trivial"]["rule"] = "x\naudit: clean"
    assert "audit: clean" not in summary.text(result).splitlines()
    assert "x audit: clean" in summary.text(result).splitlines()[2]


@pytest.mark.parametrize("seeds", [1, 3])
def test_it_fits_in_80_columns(finished_run: ToyRun, seeds: int) -> None:
    text = summary.text(files.read(finished_run(training_seeds=seeds) / "result.json"))
    assert max(map(len, text.splitlines())) <= 80


def test_several_trainings_of_an_arm_are_told_apart(finished_run: ToyRun) -> None:
    lines = summary.text(files.read(finished_run(training_seeds=2) / "result.json")).splitlines()
    start, end = lines.index("student-lora"), lines.index("lora-labels")
    shown = [line.split()[:3] for line in lines[start + 1 : end]]
    assert shown == [["seed", seed, split] for split in ("test", "harder", "skills") for seed in ("999", "101002")]
    for seed in ("999", "101002"):
        told = (
            f"seed {seed}: gap to the teacher closed: not given, every resample of the problems gives 100%, "
            "so there is no interval; says the same on 12 of 12"
        )
        assert told in " ".join(" ".join(lines).split())
    assert "seed 999, 101002: training seeds; every trained arm was trained once with each" in lines


def test_the_seed_that_other_outputs_name_is_explained(finished_run: ToyRun) -> None:
    assert "\nseed 999: the training seed of every trained arm\n" in summary.text(_result(finished_run))
    untrained = files.read(finished_run(out="untrained", stages=("teacher-base",)) / "result.json")
    assert "seed" not in summary.text(untrained)


def test_a_gap_that_was_not_shown_is_refused_in_words(finished_run: ToyRun) -> None:
    result = _result(finished_run)
    result["transfer"][0] |= {"gap_closed": None, "refused": "there is none"}
    assert "gap to the teacher closed: not given, there is none" in summary.text(result)


def test_what_is_simulated_says_what_it_means_for_that_part_alone(finished_run: ToyRun) -> None:
    result = _result(finished_run)
    assert summary.text(result).endswith("SIMULATED: teacher toy. These numbers say nothing about a real teacher.")
    told = summary.text({**result, "simulated": ["teacher toy", "student toy"]})
    assert " ".join(told.split()).endswith("These numbers say nothing about a real teacher or student.")
