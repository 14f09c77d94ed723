from __future__ import annotations

import codecs
import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Answered, Example, Message
from harness.boundary import differences, files

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_a_field_that_came_later_is_written_where_it_has_no_default() -> None:
    row = Example("train/0000", (Message("user", "hi"),), "YES", "YES", "teacher")
    later = replace(row, told=row.prompt, weight=0.5)
    known = {"problem_id", "prompt", "target", "label", "label_source"}
    for written in (files.plain, lambda record: files.parse(files.canonical(record))):
        assert written(row).keys() == known
        assert written(later).keys() == known | {"told", "weight"}


@given(JSON)
def test_canonical_json_reads_back_as_what_was_written(value: Any) -> None:
    assert files.parse(files.canonical(value)) == value


@given(st.dictionaries(st.text(), st.integers()))
def test_the_digest_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert files.digest(value) == files.digest(dict(reversed(value.items())))


def test_records_become_plain_data_with_their_kind() -> None:
    assert files.plain([Answered("YES"), Message("user", "hi")]) == [
        {"label": "YES", "kind": "answered"},
        {"role": "user", "text": "hi"},
    ]


def test_a_path_has_no_json_form_since_it_belongs_to_one_machine() -> None:
    with pytest.raises(TypeError, match="no JSON form"):
        files.plain({"folder": Path("run")})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e999", "out of range"),
        ('{"a": 1, "a": 2}', "'a' occurs twice"),
        ("[" * 100_000, "nested too deeply"),
        ("{", "Expecting"),
        ("9" * 400, "more than 300 digits"),
        ('{"n": -' + "9" * 301 + "}", "more than 300 digits"),
        ("9" * 5000, "more than 300 digits"),
    ],
)
def test_strict_parsing_refuses(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        files.parse(text)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a":1}\n{"a":\n')
    with pytest.raises(ValueError, match="line 2"):
        files.read_lines(path)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    path = tmp_path / "big.json"
    path.write_text(json.dumps("x" * 20))
    with pytest.raises(ValueError, match="at most 10"):
        files.read(path)


def test_rows_are_read_from_a_file_of_any_size_if_each_is_of_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    path = tmp_path / "rows.jsonl"
    path.write_text("[1,2]\n" * 100 + "\n[3]")
    assert files.read_lines(path) == [[1, 2]] * 100 + [[3]]
    path.write_text('[1,2]\n"' + "x" * 20 + '"\n')
    with pytest.raises(ValueError, match="line 2: too large; at most 10 bytes"):
        files.read_lines(path)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    files.write(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*result\.json'"):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


@given(JSON)
def test_a_value_does_not_differ_from_itself(value: Any) -> None:
    assert differences.between(value, value) == []


def test_differences_name_the_place() -> None:
    was = {"arms": [{"n": 1}, {"n": 2}], "seed": 0}
    now = {"arms": [{"n": 1}, {"n": 3}], "seed": 0, "limit": None}
    assert differences.between(was, now) == [("arms[1].n", 2, 3), ("limit", differences.NOTHING, None)]
    assert differences.between({"a": None}, {}) == [("a", None, differences.NOTHING)]
    assert differences.between([1], [1, 2], "arms") == [("arms", [1], [1, 2])]
    assert differences.between(True, 1, "flag") == [("flag", True, 1)]


def test_a_key_that_occurs_twice_among_many_is_found_quickly() -> None:
    text = "{" + ",".join(f'"{key}":0' for key in [*range(200_000), 199_999]) + "}"
    with pytest.raises(ValueError, match="'199999' occurs twice"):
        files.parse(text)


@pytest.mark.parametrize("depth", [files.MAX_DEPTH, files.MAX_DEPTH + 1])
def test_nesting_is_read_up_to_its_limit(depth: int) -> None:
    text = "[" * depth + "]" * depth
    if depth <= files.MAX_DEPTH:
        assert files.canonical(files.parse(text)) == text
    else:
        with pytest.raises(ValueError, match="at most 100 levels"):
            files.parse(text)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\udc00": 1}', '["\\uD83D"]'])
def test_half_a_surrogate_pair_is_refused_and_a_whole_one_read(text: str) -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        files.parse(text)
    assert files.parse('"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("value", [10**300, -(10**300), 10**5000, [{"n": 10**400}]], ids=range(4))
def test_an_integer_that_could_not_be_read_again_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match="more than 300 digits"):
        files.canonical(value)


@given(st.integers(-(10**300) + 1, 10**300 - 1))
def test_an_integer_that_is_written_is_read_again_and_a_float_can_hold_it(value: int) -> None:
    assert files.parse(files.canonical(value)) == value
    float(value)


MARKED = ('{"a":1}', "[run]\nseed = 1\n", "arm,stratum,correct,n\n", "Sort the meetings. \N{EM DASH}")


@pytest.mark.parametrize("text", MARKED)
@pytest.mark.parametrize("marks", [1, 2])
def test_a_byte_order_mark_of_utf8_is_no_part_of_a_text(text: str, marks: int, tmp_path: Path) -> None:
    path = tmp_path / "marked"
    path.write_bytes(codecs.BOM_UTF8 * marks + text.encode())
    assert files.read_text(path) == text


def test_a_byte_order_mark_at_the_head_of_any_row_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(codecs.BOM_UTF8 + b'{"a":1}\n' + codecs.BOM_UTF8 + b'{"a":2}\n')
    assert files.read_lines(path) == [{"a": 1}, {"a": 2}]
    (tmp_path / "result.json").write_bytes(codecs.BOM_UTF8 + b'{"a":1}')
    assert files.read(tmp_path / "result.json") == {"a": 1}


@pytest.mark.parametrize("text", [*MARKED, "x", "Sort \U0001f600" * 500])
@pytest.mark.parametrize("order", ["", "-le", "-be"])
@pytest.mark.parametrize("name", ["UTF-16", "UTF-32"])
def test_text_in_another_encoding_is_told_as_what_it_is(name: str, order: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(text.encode(name + order))
    for reader in (files.read_text, files.read_lines):
        with pytest.raises(ValueError, match=f"{name} text; save it as UTF-8"):
            reader(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"caf\xe9", r"not UTF-8 text \(byte 3 is 0xe9\); save it as UTF-8"),
        (b"\xff", r"not UTF-8 text \(byte 0 is 0xff\)"),
        (codecs.BOM_UTF8 + b"\xff", "not UTF-8 text"),
    ],
)
def test_bytes_that_are_no_text_are_told_by_the_first_that_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        files.decoded(data)


@pytest.mark.parametrize("data", [b"", b"\0" * 5000, b"one\0two", b"a\0" * 3 + b"only text after it" * 9])
def test_bytes_that_are_utf8_are_taken_for_nothing_else(data: bytes) -> None:
    assert files.decoded(data) == data.decode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_json_form(value: float) -> None:
    for written in (files.canonical, files.pretty):
        with pytest.raises(ValueError, match="not JSON compliant"):
            written([value])
