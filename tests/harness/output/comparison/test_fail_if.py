from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import UsageError
from harness.design.transfer import TRANSFER
from harness.output.comparison import fail_if
from harness.output.comparison.compare import METRICS, compare
from tests.sides import side


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("student-lora.accuracy < -0.02", ("student-lora", "test", "accuracy", "value", "<", -0.02)),
        (" student-lora/harder.blank>=.5 ", ("student-lora", "harder", "blank", "value", ">=", 0.5)),
        ("student-lora.accuracy.high < 0", ("student-lora", "test", "accuracy", "high", "<", 0.0)),
        ("bootstrap.balanced_accuracy.low <= +0.", ("bootstrap", "reflect", "balanced_accuracy", "low", "<=", 0.0)),
    ],
)
def test_a_condition_is_read(text: str, expected: tuple[Any, ...]) -> None:
    got = fail_if.parse(text, TRANSFER)
    assert (got.arm, got.split, got.metric, got.limit, got.operator, got.number) == expected
    assert got.text == text.strip()


@given(
    st.sampled_from(["student-lora", "student-lora/harder", "teacher-base/test"]),
    st.sampled_from(METRICS),
    st.sampled_from(["", ".low", ".high", ".value"]),
    st.sampled_from(sorted(fail_if.OPERATORS)),
    st.floats(-1, 1).map(lambda number: round(number, 6)),
    st.sampled_from(["", " ", "  "]),
)
def test_every_condition_that_can_be_written_is_read_as_it_is_meant(
    arm: str, metric: str, limit: str, sign: str, number: float, space: str
) -> None:
    got = fail_if.parse(f"{arm}.{metric}{limit}{space}{sign}{space}{number:.6f}", TRANSFER)
    assert (got.metric, got.limit, got.operator, got.number) == (metric, limit[1:] or "value", sign, number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "student-lora",
        "student-lora.accuracy",
        "student-lora.accuracy < ",
        "student-lora.accuracy = 0",
        "student-lora.accuracy == 0",
        "student-lora.accuracy < nan",
        "student-lora.accuracy < inf",
        "student-lora.accuracy < 1e-3",
        "student-lora.accuracy < -2%",
        "student-lora.accuracy < 0 or 1",
        "student-lora.accuracy < ٣",
        "student-lora.accuracy\x00< 0",
        "student-lora.a.b.c < 0",
        "student-lora//test.accuracy < 0",
        "__import__('os').system('true') < 0",
        "<" * 100_000,
        "a." * 100_000,
        "9" * 100_000,
    ],
)
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(UsageError, match=r"--fail-if: got .*, expected ARM\[/SPLIT\]\.METRIC") as caught:
        fail_if.parse(text, TRANSFER)
    assert len(str(caught.value)) < 600


@given(st.text(max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    with suppress(UsageError):
        fail_if.parse(text, TRANSFER)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("student-lore.accuracy < 0", "no arm 'student-lore'; did you mean 'student-lora'? known: "),
        ("student-lora/tset.accuracy < 0", "no split of student-lora 'tset'; did you mean 'test'? known: test, harder"),
        ("lora-labels/harder.accuracy < 0", "no split of lora-labels 'harder'; known: test"),
        ("student-lora.acuracy < 0", "no metric 'acuracy'; did you mean 'accuracy'? known: accuracy, "),
        ("student-lora.accuracy.hi < 0", "no part of a difference 'hi'; did you mean 'high'? known: value, low, high"),
        ("student-lora.accuracy < -2", "-2 is no share; give one from -1 to 1, such as -0.02 for two points"),
    ],
)
def test_a_wrong_name_or_number_is_told(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        fail_if.parse(text, TRANSFER)
    assert told in str(caught.value)


BASE = ("student-base", "test", None)
MADE = compare(side({BASE: [True, True, False, True]}), side({BASE: [True, False, False, None]}))  # 3 then 1 of 4


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("student-base.accuracy < -0.5", False),
        ("student-base.accuracy <= -0.5", True),
        ("student-base.accuracy < -0.49", True),
        ("student-base.accuracy > -0.5", False),
        ("student-base.accuracy >= -0.5", True),
        ("student-base.accuracy.high < 0", False),
        ("student-base.accuracy.low < -0.6", True),
        ("student-base.blank > 0.2", True),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    judged = fail_if.judge(fail_if.parse(text, TRANSFER), MADE)
    assert judged["holds"] is holds
    assert judged["condition"] == text


def test_an_arm_that_is_not_compared_does_not_pass() -> None:
    with pytest.raises(UsageError, match=r"student-lora/test is not compared; compared: student-base$"):
        fail_if.judge(fail_if.parse("student-lora.accuracy < 0", TRANSFER), MADE)


def test_a_metric_that_is_not_known_does_not_pass() -> None:
    made = compare(side({BASE: [None, None]}), side({BASE: [True, True]}))
    with pytest.raises(UsageError, match="accuracy_given_answered of student-base/test is not known in both"):
        fail_if.judge(fail_if.parse("student-base.accuracy_given_answered < 0", TRANSFER), made)
