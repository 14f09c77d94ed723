from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measures.problems.quotations import quotations
from tests.harness.rows import Row, problems

TEXT = "Meetings: 8-10 9-11\nRooms: 2"


def _problem(split: str, index: int, text: str, truth: str = "NO") -> Row:
    return {**problems("N" * (index + 1), split)[index], "text": text, "truth": truth}


def _row(target: str, *prompt: str, problem: str = "train/0000") -> Row:
    messages = [{"role": "user", "text": text} for text in prompt]
    return {"problem_id": problem, "prompt": messages, "target": target, "label": "NO", "label_source": "teacher"}


def _found(asked: str, *rows: Row, train: str = "Meetings: 1-2\nRooms: 1", truth: str = "NO") -> Any:
    """How many problems of the one test problem, and in how many rows."""
    (entry,) = quotations(rows, [_problem("test", 0, asked, truth), _problem("train", 0, train)])
    assert entry["split"] == "test"
    return entry["problems"], entry["rows"]


@pytest.mark.parametrize(
    "row",
    [
        _row(f"As in:\n{TEXT}\nANSWER: NO"),
        _row("MEETINGS:   8-10 9-11 Rooms: 2 (no)"),
        _row("of old:\nRooms: 2\nMeetings: 8-10 9-11\nno"),
        _row("NO", "Solve.", f"Once '{TEXT}' was NO. Now another."),
        _row("NO", TEXT, problem="test/0000"),
    ],
)
def test_a_problem_is_found_in_target_and_prompt_however_it_is_set(row: Row) -> None:
    assert _found(TEXT, _row("NO"), row, row) == (1, 2)


@pytest.mark.parametrize(
    "target",
    [
        "Meetings: 8-10 9-11\nRooms: 21",
        "Meetings: 18-10 9-11\nRooms: 2",
        "Meetings: 8-10 9-12\nRooms: 2",
        "Rooms: 2\nthen\nMeetings: 8-10 9-11",
        "Rooms: 2\nMeetings: 8-10",
    ],
)
def test_another_problem_is_not_found(target: str) -> None:
    assert _found(TEXT, _row(target)) == (0, 0)


def test_a_short_list_that_begins_a_longer_training_problem_is_no_quotation() -> None:
    longer = "Sum the numbers: 3 5 8"
    restated = _row(f"{longer} is 16. {longer}, I say.", longer)
    assert _found("Sum the numbers: 3 5", restated, train=longer, truth="9") == (0, 0)
    assert _found("Sum the numbers: 3 5", restated, _row("Sum the numbers: 3 5 is 8"), train=longer) == (1, 1)
    assert _found("Items:\n- b\n- a", _row("Items:\n- a\n- b\n- c"), train="Items:\n- a\n- b\n- c") == (0, 0)


def test_a_training_problem_that_quotes_a_test_problem_with_its_answer_is_found() -> None:
    leaking = "Sum the numbers: 3 5 makes 8. Now: 1 1"
    assert _found("Sum the numbers: 3 5", _row("2", leaking), train=leaking, truth="8") == (1, 1)


def test_a_text_that_is_too_short_is_not_known_to_be_quoted() -> None:
    assert _found("3 + 5 = ?", _row("3 + 5 = ?")) == (None, 0)
    assert _found(" " * 20, _row("NO")) == (None, 0)


def test_every_examined_split_is_told_by_itself() -> None:
    asked = [_problem("test", 0, TEXT), _problem("harder", 0, f"{TEXT}7"), _problem("reflect", 0, f"{TEXT}9")]
    assert quotations([_row(f"{TEXT}7"), _row(f"{TEXT}9")], asked) == [
        {"split": "harder", "problems": 1, "rows": 1},
        {"split": "test", "problems": 0, "rows": 0},
    ]


def test_lines_in_another_order_are_another_problem_where_order_decides() -> None:
    asked = [_problem("test", 0, "first Ann\nthen Bob"), _problem("train", 0, "then Bob\nfirst Ann", "YES")]
    assert quotations([_row("so: \nthen Bob\nfirst Ann")], asked)[0]["problems"] == 0
    asked[1]["truth"] = "NO"
    asked.append(_problem("train", 1, "Cid"))
    assert quotations([_row("so:\nthen Bob\nfirst Ann")], [asked[0], asked[2]])[0]["problems"] == 1


@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=7, max_size=9), min_size=1, max_size=6), st.data())
def test_what_stands_in_a_row_word_for_word_is_found_and_nothing_else(
    texts: list[list[str]], data: st.DataObject
) -> None:
    asked = [_problem("test", index, " ".join(text)) for index, text in enumerate(texts)]
    said = data.draw(st.lists(st.sampled_from([*"abcd", *map(" ".join, texts)]), max_size=30))
    row = _row(" ".join(said))
    plain = f" {row['target']} "
    assert quotations([row], asked)[0]["problems"] == sum(f" {problem['text']} " in plain for problem in asked)
