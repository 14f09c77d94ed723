from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measures import formatting


@given(st.text(st.characters(codec=None), max_size=500))
def test_visible_text_holds_no_character_that_acts_on_its_surroundings(text: str) -> None:
    for char in formatting.visible(text):
        assert char in "\n\t" or unicodedata.category(char)[0] not in "CZ" or unicodedata.category(char) == "Zs"


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs"]), max_size=500))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert formatting.visible(text) == text


@given(st.text(st.characters(codec=None), max_size=200))
def test_visible_text_can_be_written_and_is_visible_for_good(text: str) -> None:
    shown = formatting.visible(text)
    assert shown.encode("utf-8").decode("utf-8") == formatting.visible(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a[U+202E]b"),
        ("\x1b[2J", "[U+001B][2J"),
        ("\ud800", "[U+D800]"),
        ("two\n\tlines\r", "two\n\tlines[U+000D]"),
        ("a" * 4000, "a" * 4000),
        ("a" * 5001, "a" * 4000 + " [1,001 more characters]"),
    ],
)
def test_what_is_made_visible(text: str, shown: str) -> None:
    assert formatting.visible(text) == shown


def test_values_are_told_in_per_cent_and_points() -> None:
    interval = {"value": 0.5, "low": -0.0123, "high": 0.98765, "level": 0.95}
    assert formatting.share(interval | {"low": 0.0123}) == "50.0 [1.2, 98.8]"
    assert formatting.points(interval) == "+50.0 [-1.2, +98.8]"
    assert [formatting.signed(value) for value in (-0.0, -0.0004, 0.0004, -0.0006)] == ["+0.0", "+0.0", "+0.0", "-0.1"]
    assert [formatting.p_value(value) for value in (0.0, 0.00099, 0.001, 0.0456, 1.0)] == [
        "<0.001",
        "<0.001",
        "0.001",
        "0.046",
        "1.000",
    ]


def test_what_is_not_known_is_called_unknown() -> None:
    assert [formatting.count(None), formatting.cost(None), formatting.blank({"n": 3, "outcomes": None})] == [
        "unknown"
    ] * 3
    assert [formatting.count(1234), formatting.cost(0.0), formatting.blank({"n": 3, "outcomes": {"answered": 1}})] == [
        "1,234",
        "0.0000",
        "2",
    ]


def test_an_arm_is_named_with_its_training_seed_where_it_has_one() -> None:
    arms: list[dict[str, object]] = [
        {"arm": "student-base", "training_seed": None},
        {"arm": "student-lora", "training_seed": 999},
    ]
    assert [formatting.named(arm) for arm in arms] == ["student-base", "student-lora, seed 999"]
