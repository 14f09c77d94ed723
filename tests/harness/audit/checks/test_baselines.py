"""What the checks of scores say in words."""

from __future__ import annotations

import pytest

from harness.audit import audit
from harness.measures.problems.shortcuts import IN_TEXT, MAJORITY
from harness.output.terminal import audit as text
from tests.harness.audit.changes import constant, freely, right_otherwise, strata, wrong
from tests.harness.audit.results import Made, honest


def _told(run: Made, check: str) -> list[str]:
    (found,) = (row for row in audit(run.result(), [])["checks"] if row["id"] == check)
    return [row["text"] for row in found["findings"]]


def test_a_small_balanced_set_is_called_small_and_not_lopsided() -> None:
    (test, _) = _told(honest(seeds=1, sizes={"test": 40}), "imbalance")
    assert test == "20 NO, 20 YES of 40; under 30 of NO are too few to tell skill from luck"


def test_strata_that_are_judged_together_are_named() -> None:
    run = honest(seeds=1)
    strata(run, [(6, 0), (0, 6)])
    (told, _) = _told(run, "imbalance")
    assert (
        told == "60 NO, 60 YES of 120; OWN 0, OWN 1 together: 12 of 12 have the label of most others of their stratum"
    )


def test_small_strata_that_are_too_few_are_judged_with_the_next_larger_one() -> None:
    run = honest(seeds=1)
    strata(run, [(4, 0), (12, 4)])
    (told, _) = _told(run, "imbalance")
    assert "OWN 0, OWN 1 together: 16 of 20 NO" in told


@pytest.mark.parametrize("name", [MAJORITY, IN_TEXT])
def test_without_an_automatic_rule_it_is_not_known_whether_the_best_one_is_beaten(name: str) -> None:
    result = honest(seeds=1).result()
    for entry in result["problems"]:
        for each in (entry, *entry["strata"]):
            each["trivial"] = [rule for rule in each["trivial"] if rule["rule"] != name]
    (found,) = (row for row in audit(result, [])["checks"] if row["id"] == "below-trivial")
    assert (found["status"], found["weight"]) == ("unknown", "block")


def test_answers_that_are_right_in_several_ways_for_one_training_are_so_for_all() -> None:
    run = honest(seeds=3)
    freely(lambda *_: None)(run, 0)
    assert "answers can be right in several ways" not in " ".join(_told(run, "no-information"))
    row = next(row for row in run.of("student-lora") if row["correct"])
    row["outcome"]["label"] = "the same in other words"
    told = _told(run, "no-information")
    unknown = "answers can be right in several ways, so what a constant answer gets is not known"
    assert told.count(unknown) > 3


def test_an_arm_below_the_most_common_truth_fails_even_where_answers_can_be_right_in_several_ways() -> None:
    run = honest(seeds=1)
    freely(right_otherwise)(run, 1)
    assert "teacher-base" in _of_status(run, "unknown")
    wrong("student-lora")(run, 70)
    right_otherwise(run, 1)
    assert "student-lora" in _of_status(run, "fail")
    (told,) = (text for text in _told(run, "no-information") if text.startswith("50 of 120"))
    assert told.endswith("does not lie above what always the most common truth gets, 60 or more")
    (found,) = (row for row in audit(run.result(), [])["checks"] if row["id"] == "no-information")
    assert found["weight"] == "block"


def _of_status(run: Made, status: str) -> str:
    (found,) = (row for row in audit(run.result(), [])["checks"] if row["id"] == "no-information")
    return " ".join(row["subject"] for row in found["findings"] if row["status"] == status)


def test_what_a_model_wrote_in_a_free_form_answer_is_not_told() -> None:
    run = honest(seeds=1)
    freely(constant("student-base"))(run, 0)
    for row in run.of("student-base"):
        row["outcome"]["label"] = "a text of a model"
        row["correct"] = False
    told = text.full(audit(run.result(), []))
    assert "120 of 120 answers are the same" in told
    assert "the most common truth is that of 60 of 120" in " ".join(told.split())
    assert "a text of a model" not in told
