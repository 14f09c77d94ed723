from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Usage
from harness_claude.replies import MalformedError, parse, read


def _message(**changes: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "model": "m-1",
        "content": [{"type": "text", "text": "so YES"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 7, "output_tokens": 5},
    } | changes


def test_text_blocks_are_joined_and_others_left_out() -> None:
    thought, first, second = (
        {"type": "thinking", "thinking": "NO"},
        {"type": "text", "text": "so "},
        {"type": "text", "text": "YES"},
    )
    done = read(_message(content=[thought, first, second]), "k")
    assert (done.key, done.text, done.stop, done.model, done.error) == ("k", "so YES", "end", "m-1", None)


def test_input_counts_what_was_cached_too() -> None:
    usage = {
        "input_tokens": 7,
        "output_tokens": 5,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "output_tokens_details": {"thinking_tokens": 3},
    }
    assert read(_message(usage=usage), "k").usage == Usage(1107, 5, 3, 1000, 100)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", "end"),
        ("stop_sequence", "end"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refusal"),
        ("pause_turn", "error"),
        ("tool_use", "error"),
        ("something\x1b[31m new", "error"),
    ],
)
def test_only_a_reply_that_ended_by_itself_is_whole(reason: str, stop: str) -> None:
    done = read(_message(stop_reason=reason), "k")
    assert done.stop == stop
    assert (done.error is not None) == (stop == "error")
    assert stop != "error" or done.text == ""
    assert "\x1b" not in (done.error or "")


@pytest.mark.parametrize("content", [[], [{"type": "thinking", "thinking": "YES"}], [{"type": "text", "text": " \n"}]])
def test_a_reply_without_text_is_an_error(content: list[Any]) -> None:
    done = read(_message(content=content), "k")
    assert (done.stop, done.text) == ("error", "")
    assert done.error == "empty reply: no text in it"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "error"},
        {"content": None},
        {"content": "so YES"},
        {"content": ["so YES"]},
        {"content": [{"type": "text", "text": None}]},
        {"stop_reason": None},
        {"model": 3},
        {"usage": None},
        {"usage": {"input_tokens": 7}},
        {"usage": {"input_tokens": "7", "output_tokens": 5}},
        {"usage": {"input_tokens": True, "output_tokens": 5}},
        {"usage": {"input_tokens": -1, "output_tokens": 5}},
    ],
)
def test_what_is_no_message_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        read(_message(**changes), "k")


@pytest.mark.parametrize("content", [b"", b'{"type": ', b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(list(_message())), JSON, max_size=3),
    st.sampled_from(["content", "usage", ""]),
    JSON,
)
def test_damage_is_refused_or_leaves_the_reply_as_it_was_meant(
    changes: dict[str, Any], inside: str, value: Any
) -> None:
    body = _message(**changes)
    if inside and isinstance(body[inside], list | dict):
        body[inside] = [value] if inside == "content" else {"input_tokens": value, "output_tokens": 5}
    try:
        done = read(body, "k")
    except MalformedError:
        return
    assert done.stop != "end" or done.text == "so YES"
