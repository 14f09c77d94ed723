"""What must hold of reading replies: only a stated answer counts, and nothing else ever becomes one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness_scheduling.parsing import claimed_peak, parse
from harness_scheduling.prompts import reply

labels = st.sampled_from(["YES", "NO"])
lines = st.lists(st.sampled_from(["ANSWER: YES", "ANSWER: NO", "answer:no.", "YES", "ANSWER:", "ANSWER: YES or NO"]))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("ANSWER: YES", "YES"),
        ("answer: no", "NO"),
        ("Answer:NO", "NO"),
        ("  **ANSWER: YES**  ", "YES"),
        ("**Answer:** Yes.", "YES"),
        ("## ANSWER: NO!", "NO"),
        ("> `ANSWER: NO`.", "NO"),
        ("Peak: 2\r\n2 <= 2\r\nANSWER: YES\r\n", "YES"),
        ("ANSWER: YES\nthat is all", "YES"),
        ("ANSWER: YES or ANSWER: NO\nSteps\nANSWER: NO", "NO"),
        ("ANSWER: YES\nANSWER: YES", "YES"),
    ],
)
def test_a_stated_answer_is_read(text: str, label: str) -> None:
    assert parse(text) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "YES",
        "Yes, they fit. No doubt.",
        "ANSWER:",
        "ANSWER YES",
        "ANSWER: maybe",
        "ANSWER: YES or NO",
        "ANSWER: YESNO",
        "The ANSWER: YES",
        "MYANSWER: YES",
        "ANSWER: YES, since 2 <= 2",
        "ANSWER:\nYES",
        "ANSWER: YES\nANSWER: NO",
        "ANSWER: NO\nso\nANSWER: YES",
        "ANSWER: YES\nANSWER: YES or NO",
        "ANSWER: YES\nANSWER: it depends",
    ],
)
def test_anything_else_is_unparsed(text: str) -> None:
    assert parse(text) is None


@given(labels)
def test_the_shortest_reply_states_its_label(label: str) -> None:
    assert parse(reply(label)) == label


@given(st.text() | lines.map("\n".join))
def test_any_text_is_read_without_error(text: str) -> None:
    assert parse(text) in {"YES", "NO", None}
    claimed_peak(text)


@given(st.text(), labels)
@example("ANSWER: YES or NO", "NO")
def test_a_reply_after_a_text_that_states_nothing_is_read(text: str, label: str) -> None:
    if parse(text) is None:
        assert parse(f"{text}\n{reply(label)}") == label


@given(lines, lines, lines, st.permutations(["YES", "NO"]))
def test_conflicting_answers_are_unparsed(
    before: list[str], between: list[str], after: list[str], both: list[str]
) -> None:
    first, second = map(reply, both)
    assert parse("\n".join([*before, first, *between, second, *after])) is None


@pytest.mark.parametrize("piece", ["\n", "ANSWER:", "ANSWER: YES or\n", "*", "ANSWER: YES" + " " * 50])
def test_a_reply_of_a_million_characters_is_read(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert parse(f"{text}\nANSWER: NO") == "NO"


@pytest.mark.parametrize(
    ("text", "peak"),
    [
        ("Peak: 2\n2 <= 2\nANSWER: YES", 2),
        ("**Peak:** 13.", 13),
        ("peak: 1\nPeak: 3", 3),
        ("The peak: 2", None),
        ("Peak: 2.5", None),
        ("Peak: 1 2", None),
        ("Peak: two", None),
        ("Peak: -1", None),
        ("Peak: \N{SUPERSCRIPT TWO}", None),
        ("Peak: " + "9" * 5000, None),
        ("", None),
    ],
)
def test_the_claimed_peak_is_the_last_one_written(text: str, peak: int | None) -> None:
    assert claimed_peak(text) == peak
