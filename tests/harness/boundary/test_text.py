from __future__ import annotations

import os
import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.boundary.text import did_you_mean, in_shell, in_unicode, one_line, printable


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


@settings(max_examples=30)
@given(st.binary(min_size=1, max_size=20).filter(lambda name: not set(name) & {0, 10, ord("/")}))
def test_a_path_in_a_shell_is_the_path_whatever_bytes_are_in_it(name: bytes) -> None:
    typed = in_shell(Path("runs", os.fsdecode(name)))
    assert typed.isprintable()
    done = subprocess.run(["bash", "-c", f"printf %s {typed}"], capture_output=True, check=True)  # noqa: S607 - any bash
    assert done.stdout == os.fsencode(Path("runs", os.fsdecode(name)))


@given(st.binary(min_size=1, max_size=20))
def test_the_name_of_a_file_is_text_that_a_file_can_hold_and_stays_what_it_is_where_it_is_text(name: bytes) -> None:
    text = in_unicode(os.fsdecode(name))
    assert text.encode()
    try:
        assert text == name.decode()
    except UnicodeDecodeError:
        assert "\\x" in text


def test_a_byte_that_is_no_text_is_shown_by_its_number() -> None:
    assert one_line("run \udcff") == printable("run \udcff") == "run \\xff"
    assert one_line("half \ud800") == "half"
