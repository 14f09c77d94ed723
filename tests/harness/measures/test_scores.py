from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.design.transfer import TRANSFER
from harness.measures import scores
from harness.measures.rows import interval
from harness.measures.statistics import newcombe
from tests.harness.rows import item, items, problem, problems

LABELS = ("YES", "NO")
SAID = st.sampled_from([*LABELS, None])
ANSWERS = st.lists(st.tuples(st.sampled_from(LABELS), SAID), min_size=1, max_size=40)
Answers = list[tuple[str, str | None]]
Rows = list[dict[str, Any]]


def _rows(answers: Answers) -> tuple[Rows, Rows]:
    asked = [problem(index, truth) for index, (truth, _) in enumerate(answers)]
    return [item(row, "student-base", said) for row, (_, said) in zip(asked, answers, strict=True)], asked


def _one(truths: str, said: str) -> dict[str, Any]:
    """What is measured of one arm: a letter for each truth and each reply, Y, N or - for none."""
    asked = problems(truths)
    (arm,) = scores.arms(items(asked, "student-base", said), asked, LABELS, TRANSFER)
    return arm


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_number(answers: Answers, chance: random.Random) -> None:
    rows, asked = _rows(answers)
    mixed = chance.sample(rows, len(rows))
    assert scores.arms(mixed, asked, LABELS, TRANSFER) == scores.arms(rows, asked, LABELS, TRANSFER)


@given(ANSWERS)
def test_counts_add_up(answers: Answers) -> None:
    rows, asked = _rows(answers)
    (arm,) = scores.arms(rows, asked, LABELS, TRANSFER)
    assert sum(arm["outcomes"].values()) == arm["n"] == arm["problems"] == len(asked)
    assert arm["correct"] <= arm["outcomes"]["answered"]
    assert sum(stratum["correct"] for stratum in arm["strata"]) == arm["correct"]
    assert arm["steps"] == {"shown": arm["outcomes"]["answered"], "right": arm["correct"]}
    assert arm["accuracy"]["low"] <= arm["accuracy"]["value"] <= arm["accuracy"]["high"]
    for part in (arm, *arm["strata"]):
        told = [count for row in part["predictions"].values() for count in row.values()]
        assert sum(told) == part["outcomes"]["answered"]


@given(ANSWERS)
def test_the_worst_and_the_best_case_hold_every_reading_of_the_blank_replies(answers: Answers) -> None:
    rows, asked = _rows(answers)
    (arm,) = scores.arms(rows, asked, LABELS, TRANSFER)
    given_answered = arm["accuracy_given_answered"]
    assert (given_answered is None) == (arm["outcomes"]["answered"] == 0)
    for said in LABELS:
        (read,) = scores.arms(*_rows([(truth, label or said) for truth, label in answers]), LABELS, TRANSFER)
        assert arm["bounds"]["low"] <= read["accuracy"]["value"] <= arm["bounds"]["high"]
    if given_answered:
        assert arm["bounds"]["low"] <= given_answered["value"] <= arm["bounds"]["high"]


def test_blank_replies_count_as_wrong_and_stand_beside_the_score_of_the_answered() -> None:
    arm = _one("YYYYYNNNNN", "YYYYNY-NNY")
    assert (arm["correct"], arm["accuracy"]["value"]) == (6, 0.6)
    assert arm["accuracy_given_answered"]["value"] == pytest.approx(6 / 9, abs=1e-6)
    assert arm["bounds"] == {"low": 0.6, "high": 0.7}
    arm = _one("YYYYYYYYNN", "YYYYNNNN--")
    assert arm["accuracy_given_answered"] == {"value": 0.5, "low": 0.215216, "high": 0.784784, "level": 0.95}
    assert arm["bounds"] == {"low": 0.4, "high": 0.6}


def test_an_arm_that_answered_nothing_has_no_score_of_the_answered() -> None:
    arm = _one("YN", "--")
    assert arm["accuracy_given_answered"] is None
    assert arm["bounds"] == {"low": 0.0, "high": 1.0}
    assert arm["predictions"] == {"NO": {}, "YES": {}}
    assert (arm["balanced_accuracy"]["value"], arm["matthews"], arm["information_p"]) == (0.0, 0.0, 1.0)


def test_answers_are_counted_by_truth_and_what_follows_from_them_is_right() -> None:
    arm = _one("YYYYYYNNNN", "YYYYY-YYYN")
    assert arm["predictions"] == {"NO": {"NO": 1, "YES": 3}, "YES": {"YES": 5}}
    assert arm["balanced_accuracy"]["value"] == pytest.approx((5 / 6 + 1 / 4) / 2, abs=1e-6)
    assert arm["matthews"] == pytest.approx((5 * 1 - 3 * 0) / (8 * 5 * 4 * 1) ** 0.5, abs=1e-6)
    arm = _one("YYYNNN", "YYYNNN")
    assert (arm["balanced_accuracy"]["value"], arm["matthews"]) == (1.0, 1.0)
    assert arm["information_p"] == 0.1  # 2 of the 20 ways to call three of six YES


def test_a_constant_answer_knows_nothing_however_many_it_gets_right() -> None:
    arm = _one("YYYYYYYYYN", "YYYYYYYYYY")
    assert arm["accuracy"]["value"] == 0.9
    assert (arm["balanced_accuracy"]["value"], arm["matthews"], arm["information_p"]) == (0.5, 0.0, 1.0)


def test_what_needs_labels_is_null_without_them_and_on_the_students_own_skills() -> None:
    asked = problems("YN") + problems("YN", "skills")
    rows = items(asked, "student-base", "YNYN")
    for labels, closed in ((LABELS, ["test"]), (None, [])):
        for arm in scores.arms(rows, asked, labels, TRANSFER):
            names = ("predictions", "balanced_accuracy", "matthews", "information_p")
            assert {arm[name] is not None for name in names} == {arm["split"] in closed}
            assert {stratum["predictions"] is not None for stratum in arm["strata"]} == {arm["split"] in closed}


def test_the_best_trivial_rule_stands_beside_an_arm() -> None:
    asked = problems("YYYYYYYNNN")
    base, lora = scores.arms(
        items(asked, "student-base", "NNNNNNNNNN") + items(asked, "student-lora", "YYYYYYY---", 1),
        asked,
        LABELS,
        TRANSFER,
    )
    assert base["best_trivial"] == {"rule": "always-yes", "correct": 7, "accuracy": 0.7}
    assert (base["correct"], lora["correct"], lora["outcomes"]["unparsed"]) == (3, 7, 3)


def test_an_arm_is_compared_with_its_best_trivial_rule_problem_by_problem() -> None:
    truths = [True] * 7 + [False] * 3
    asked = [problem(index, "YES", guess="YES" if index in (0, 1, 2, 9) else "NO") for index in range(10)]
    rows = [item(row, "student-base", "YES" if right else "NO") for row, right in zip(asked, truths, strict=True)]
    (arm,) = scores.arms(rows, asked, LABELS, TRANSFER)
    assert arm["best_trivial"]["correct"] == 4
    limits = newcombe(3, 4, 1, 2)
    assert arm["over_trivial"]["difference"] == interval(limits)
    assert limits.value == 0.3
    assert arm["over_trivial"]["p_value"] == 0.21875  # 7 / 32: five differ, one of them for the rule


def test_the_trivial_rule_is_scored_on_the_problems_that_the_arm_answered() -> None:
    asked = problems("YYYNNNNN")
    (arm,) = scores.arms(items(asked[:4], "student-base", "YYYY"), asked, LABELS, TRANSFER)
    assert (arm["n"], arm["problems"]) == (4, 8)
    assert arm["best_trivial"] == {"rule": "always-yes", "correct": 3, "accuracy": 0.75}


def test_each_training_seed_is_an_entry_of_its_own() -> None:
    asked = problems("YN")
    rows = items(asked, "student-lora", "YN", 30) + items(asked, "student-lora", "NN", 4)
    found = scores.arms(rows, asked, LABELS, TRANSFER)
    assert [(arm["training_seed"], arm["correct"]) for arm in found] == [(4, 1), (30, 2)]
    assert [arm["adapters_sha256"] for arm in found] == [
        [f"{4:064x}"],
        [f"{30:064x}"],
    ]


def test_of_free_form_answers_the_most_common_and_the_exact_ones_are_counted() -> None:
    asked = problems("YYYN")
    rows = items(asked, "student-base", "YNN-")
    (free,) = scores.arms(rows, asked, None, TRANSFER)
    (closed,) = scores.arms(rows, asked, LABELS, TRANSFER)
    assert (free["free_form"], closed["free_form"]) == ({"most_common": 2, "exact": 1}, None)
    (silent,) = scores.arms(items(asked, "student-base", "----"), asked, None, TRANSFER)
    assert silent["free_form"] == {"most_common": 0, "exact": 0}


def test_a_set_without_trivial_rules_has_none_to_compare_with() -> None:
    asked = [row | {"trivial": {}} for row in problems("YN")]
    (arm,) = scores.arms(items(asked, "student-base", "YN"), asked, LABELS, TRANSFER)
    assert arm["best_trivial"] is arm["over_trivial"] is None
