from __future__ import annotations

from typing import Any

import pytest

import harness_claude
from harness.api import UsageError
from harness.registry import options
from harness_claude.options import Options

(SPEC,) = harness_claude.harness_teachers()


def _resolve(**values: Any) -> Options:
    return options.resolve(SPEC, values, "teacher")


def test_the_command_line_can_set_everything() -> None:
    made = _resolve(max_tokens="512", concurrency="2", cache="true", base_url="http://localhost:8000/", temperature="0")
    assert (made.max_tokens, made.concurrency, made.cache, made.temperature) == (512, 2, True, 0.0)
    assert made.url == "http://localhost:8000"
    assert made.host == "localhost:8000"
    assert not made.anthropic


@pytest.mark.parametrize("url", [None, "https://api.anthropic.com", "https://API.anthropic.com:443/"])
def test_the_server_is_anthropics_own_unless_another_is_named(url: str | None) -> None:
    made = _resolve(base_url=url) if url else _resolve()
    assert made.anthropic
    assert made.host == "api.anthropic.com"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"temperature": 0.5}, "temperature: expected none"),
        ({"price_input": 1}, "expected both or neither"),
        ({"max_tokens": 30_000}, "21333"),
        ({"base_url": "localhost:8000"}, "such as http://localhost:8000"),
        ({"base_url": "http://api.anthropic.com"}, "in the clear"),
        ({"base_url": "https://me:secret@example.org"}, "without a user"),
        ({"thinking": "enabled"}, "disabled"),
        ({"modle": "x"}, "did you mean"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _resolve(**values)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
