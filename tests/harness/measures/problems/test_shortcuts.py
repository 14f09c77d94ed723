from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measures.problems.shortcuts import IN_TEXT, MAJORITY, automatic, predictable, ruled
from tests.harness.rows import Row, problem, problems

LABELS = ("NO", "YES")


def _said(rows: list[Row], rule: str, labels: tuple[str, ...] | None = LABELS) -> list[str | None]:
    return [row["trivial"][rule]["label"] for row in ruled(rows, labels)]


def _texts(*texts: str) -> list[Row]:
    return [{**row, "text": text} for row, text in zip(problems("Y" * len(texts)), texts, strict=True)]


def test_every_problem_has_the_automatic_rules_beside_its_own_and_none_is_changed_in_place() -> None:
    rows = problems("YNYN")
    made = ruled(rows, LABELS)
    assert all(row["trivial"].keys() == {"always-no", "always-yes", *automatic(closed=True)} for row in made)
    assert all(row["trivial"].keys() == {"always-no", "always-yes"} for row in rows)
    assert all(MAJORITY in row["trivial"] and IN_TEXT not in row["trivial"] for row in ruled(rows, None))


def test_no_rule_of_a_task_hides_an_automatic_one_by_its_name() -> None:
    row = problem(0, "YES", **{MAJORITY: "YES"})
    (made,) = ruled([row], LABELS)
    assert made["trivial"][MAJORITY] == {"label": None, "correct": False}


def test_the_skills_of_a_student_have_no_rules() -> None:
    assert [row["trivial"] for row in ruled(problems("YN", "skills"), LABELS)] == [{}, {}]


def test_the_commonest_truth_of_a_stratum_is_that_of_the_other_problems_in_it() -> None:
    # even places are one stratum, odd ones the other: Y Y Y N and N N Y
    assert _said(problems("YNYNYYN"), MAJORITY) == ["YES", None, "YES", None, "YES", "NO", "YES"]


def test_a_stratum_of_one_problem_is_not_its_own_oracle() -> None:
    rows = [{**row, "stratum": row["id"]} for row in problems("YN")]
    assert _said(rows, MAJORITY) == [None, None]


def test_problems_of_another_split_decide_nothing() -> None:
    rows = [*problems("Y"), *problems("YYY", "train")]
    (alone,) = (row for row in ruled(rows, LABELS) if row["split"] == "test")
    assert alone["trivial"][MAJORITY]["label"] is None


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_the_counts_of_a_stratum_tell_how_many_of_it_the_rule_gets_right(truths: list[str]) -> None:
    rows = [{**problem(0, truth), "id": str(place)} for place, truth in enumerate(truths)]
    right = sum(row["trivial"][MAJORITY]["correct"] for row in ruled(rows, None))
    assert predictable(Counter(truths)) == right
    assert right <= max(Counter(truths).values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is YES.", "YES"),
        ("It is yes, sir", "YES"),
        ("NO or YES?", None),
        ("NO or YES? YES", "YES"),
        ("YES or no", "YES"),
        ("EYES, NOT YESTERDAY", None),
        ("nothing of the kind", None),
    ],
)
def test_the_label_in_the_text_is_the_one_that_stands_there_most_often_as_a_whole_word(
    text: str, said: str | None
) -> None:
    assert _said(_texts(text), IN_TEXT) == [said]


def test_a_template_does_not_hide_the_label_in_the_text() -> None:
    rows = _texts(
        "Say NO if you doubt.\nIt is YES", "Say NO if you doubt.\nIt is NO", "Say NO if you doubt.\nWho knows?"
    )
    assert _said(rows, IN_TEXT) == ["YES", "NO", None]


def test_of_labels_of_which_one_is_the_start_of_the_other_the_longer_is_read() -> None:
    assert _said(_texts("NOT SURE", "NOT", "[A+]"), IN_TEXT, ("NOT", "NOT SURE")) == ["NOT SURE", "NOT", None]
    assert _said(_texts("an [A+] of old"), IN_TEXT, ("[A+]", "A")) == ["[A+]"]
