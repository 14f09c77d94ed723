from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.boundary.text import did_you_mean, one_line


@given(st.text())
def test_one_line_is_printable_trimmed_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert line == line.strip()
    assert one_line(line) == line


def test_one_line_drops_what_a_terminal_acts_on_and_keeps_the_words() -> None:
    assert one_line("red\x1b[31m \r\n two\u202e\x00 é") == "red [31m two é"


def test_a_near_name_is_suggested_and_a_far_one_is_not() -> None:
    assert did_you_mean("sheduling", ["scheduling", "sorting"]) == " did you mean 'scheduling'?"
    assert did_you_mean("zzz", ["scheduling"]) == ""
