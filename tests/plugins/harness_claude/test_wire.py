from __future__ import annotations

from typing import Any

import pytest

from harness.api import Message
from harness_claude import wire
from harness_claude.options import Options

MESSAGES = (Message("system", "rules"), Message("user", "question"), Message("assistant", "hm"), Message("user", "so?"))


def test_system_messages_stand_apart_and_the_others_keep_their_order() -> None:
    made = wire.call(Options(max_tokens=9), MESSAGES)
    assert made == {
        "model": "claude-haiku-5-5",
        "max_tokens": 9,
        "system": "rules",
        "messages": [
            {"role": "user", "content": "question"},
            {"role": "assistant", "content": "hm"},
            {"role": "user", "content": "so?"},
        ],
    }


def test_the_system_prompt_is_the_part_that_is_cached() -> None:
    made = wire.call(Options(cache=True), MESSAGES)
    assert made["system"] == [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral"}}]


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"thinking": "disabled"}, "thinking", {"type": "disabled"}),
        ({"effort": "low"}, "output_config", {"effort": "low"}),
        ({"temperature": 0, "base_url": "http://localhost:1"}, "extra_body", {"temperature": 0.0}),
    ],
)
def test_an_option_is_sent_only_when_it_is_set(options: dict[str, Any], field: str, value: Any) -> None:
    assert wire.call(Options(**options), MESSAGES)[field] == value
    assert field not in wire.call(Options(), MESSAGES)


def test_an_entry_of_a_batch_says_the_same_as_a_call() -> None:
    options = Options(temperature=0.5, base_url="http://localhost:1", effort="low")
    call, entry = wire.call(options, MESSAGES), wire.entry(options, MESSAGES, "abc")
    assert entry == {"custom_id": "abc", "params": {**wire.params(options, MESSAGES), "temperature": 0.5}}
    assert call == {**wire.params(options, MESSAGES), "extra_body": {"temperature": 0.5}}


def test_half_a_surrogate_pair_can_be_sent() -> None:
    made = wire.call(Options(), (Message("user", "a\ud800b"),))
    assert made["messages"][0]["content"] == "a?b"
    assert "system" not in made
