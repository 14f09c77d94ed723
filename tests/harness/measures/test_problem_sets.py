from __future__ import annotations

from typing import Any

import pytest

from harness.measures import problem_sets
from tests.harness.rows import problem, problems


def test_trivial_rules_of_one_score_stand_in_the_order_of_their_names_however_a_row_lists_them() -> None:
    row = problem(0, "YES", b="YES", c="YES", a="YES")
    assert [score["rule"] for score in problem_sets.trivial([row])] == ["a", "b", "c"]


def test_problems_shared_with_a_split_that_is_learned_from_are_counted_by_canonical_form() -> None:
    test, harder, reflect, train = (problems("YNYN", split) for split in ("test", "harder", "reflect", "train"))
    test[0]["canonical"] = test[1]["canonical"] = reflect[2]["canonical"]
    harder[3]["canonical"] = reflect[0]["canonical"]
    found = {
        (entry["split"], entry["source"]): (entry["n"], entry["shared"])
        for entry in problem_sets.overlaps([*test, *harder, *reflect, *train])
    }
    assert found == {
        ("test", "reflect"): (4, 2),
        ("test", "train"): (4, 0),
        ("harder", "reflect"): (4, 1),
        ("harder", "train"): (4, 0),
        ("harder", "test"): (4, 0),
    }
    assert [(entry["split"], entry["source"]) for entry in problem_sets.overlaps([*test, *train])] == [
        ("test", "train")
    ]


@pytest.mark.parametrize("form", ["canonical", "data", "text"])
def test_problems_are_the_same_by_form_data_or_text(form: str) -> None:
    test, train = problems("YNYN"), problems("YNYN", "train")
    assert [entry["shared"] for entry in problem_sets.overlaps([*test, *train])] == [0]
    test[0][form] = test[1][form] = train[3][form]
    assert [entry["shared"] for entry in problem_sets.overlaps([*test, *train])] == [2]
    assert [entry["distinct"] for entry in problem_sets.problem_sets([*test, *train])] == [3, 4]


def test_problems_without_data_or_text_are_told_apart_by_their_form() -> None:
    rows = [{**row, "data": {}, "text": ""} for row in [*problems("YN"), *problems("YN", "train")]]
    assert [entry["shared"] for entry in problem_sets.overlaps(rows)] == [0]
    assert [entry["distinct"] for entry in problem_sets.problem_sets(rows)] == [2, 2]


def test_problems_that_stand_word_for_word_in_what_was_written_are_counted() -> None:
    test, harder, train = problems("YN"), problems("YN", "harder"), problems("YN", "train")
    written = [f"Look: {test[1]['text']}", f"{train[0]['text']} {harder[0]['text']}"]
    rows = [*test, *harder, *train]
    assert problem_sets.quoted(rows, []) == 0
    assert problem_sets.quoted(rows, written) == 2
    test[1]["text"] = "is 1 enough"  # too short to be there by more than coincidence
    assert problem_sets.quoted(rows, ["is 1 enough", *written]) == 1


def test_line_breaks_and_capitals_hide_no_quotation() -> None:
    rows = problems("YN")
    rows[0]["text"] = "Meetings: 8-10 9-11\nRooms: 2"
    assert problem_sets.quoted(rows, ["of old, meetings:\n8-10  9-11 rooms: 2 did not fit"]) == 1
    assert problem_sets.quoted(rows, ["of old, meetings:\n8-10  9-12 rooms: 2 did not fit"]) == 0


def test_what_is_too_short_to_be_looked_for_is_not_known() -> None:
    rows = [*problems("YN"), *problems("YN", "train")]
    rows[2]["text"] = "short"
    assert problem_sets.quoted(rows, ["short"]) == 0  # nobody is measured on it
    rows[0]["text"] = "short"
    assert problem_sets.quoted(rows, []) is None
    assert problem_sets.quoted(rows, [rows[1]["text"]]) == 1


def _reordered(form: str, truths: str) -> list[dict[str, object]]:
    """Test problems with these truths, each of them another order of a training problem, of truth YES."""
    test, train = problems(truths), problems("Y" * len(truths), "train")
    for place, (mine, theirs) in enumerate(zip(test, train, strict=True)):
        if form == "data":
            mine["data"] = {"rooms": place, "meetings": [[1, 2], [3, 4]]}
            theirs["data"] = {"rooms": place, "meetings": [[4, 3], [1, 2]]}
        else:
            mine["text"], theirs["text"] = f"Ann\nBob {place}", f"Bob {place}\nAnn"
    return [*test, *train]


@pytest.mark.parametrize("form", ["data", "text"])
def test_problems_in_another_order_of_their_parts_are_the_same(form: str) -> None:
    assert [entry["shared"] for entry in problem_sets.overlaps(_reordered(form, "YYY"))] == [3]
    twins = [{**row, "split": "test"} for row in _reordered(form, "YYY")]
    assert [entry["distinct"] for entry in problem_sets.problem_sets(twins)] == [3]


@pytest.mark.parametrize("form", ["data", "text"])
def test_problems_in_another_order_are_different_where_order_decides_the_answer(form: str) -> None:
    assert [entry["shared"] for entry in problem_sets.overlaps(_reordered(form, "YYN"))] == [0]


@pytest.mark.parametrize("form", ["data", "text"])
def test_one_wrong_truth_among_many_does_not_make_order_decide(form: str) -> None:
    assert [entry["shared"] for entry in problem_sets.overlaps(_reordered(form, "Y" * 39 + "N"))] == [39]


def test_what_differs_by_more_than_order_is_not_the_same() -> None:
    rows = _reordered("data", "Y")
    rows[0]["data"] = {"rooms": 0, "meetings": [[1, 2], [3, 4], [3, 4]]}
    assert [entry["shared"] for entry in problem_sets.overlaps(rows)] == [0]


def test_truths_that_stand_in_their_text_as_whole_words_are_counted() -> None:
    rows = problems("YNY")
    rows[0]["text"], rows[1]["text"], rows[2]["text"] = "YES, it is", "NOT at all", ""
    assert [entry["truth_in_text"] for entry in problem_sets.problem_sets(rows)] == [1]


@pytest.mark.parametrize("change", [{"id": "test/9999"}, {"data": {"other": 1}}])
def test_a_problem_set_has_the_digest_of_its_ids_and_data(change: dict[str, Any]) -> None:
    rows = problems("YNYN")
    (before,) = problem_sets.problem_sets(rows)
    (same,) = problem_sets.problem_sets([{**row, "text": "in other words"} for row in rows])
    (other,) = problem_sets.problem_sets([*rows[:-1], {**rows[-1], **change}])
    assert same["sha256"] == before["sha256"] != other["sha256"]
