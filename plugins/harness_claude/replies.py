"""From the JSON of a reply to a completion. Strict: what is not a whole, well-formed message never becomes one."""

from __future__ import annotations

import json
from typing import Any

from harness.api import Completion, Stop, Usage

STOPS: dict[str, Stop] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}


class MalformedError(Exception):
    """A reply that is no message: what is wrong with it, without any of its text."""


def parse(content: bytes) -> Any:
    """The JSON of a body. Raises MalformedError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise MalformedError("no JSON") from None


def read(body: Any, key: str) -> Completion:
    """The completion that a message holds; ``stop="error"`` where it is whole and yet no reply.

    Raises MalformedError for anything that is not a message.
    """
    if not isinstance(body, dict) or body.get("type") != "message":
        raise MalformedError("no message")
    content, reason, model = body.get("content"), body.get("stop_reason"), body.get("model")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise MalformedError("content is not a list of blocks")
    if not isinstance(reason, str) or not isinstance(model, str):
        raise MalformedError("no stop_reason or no model")
    texts = [block.get("text") for block in content if block.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise MalformedError("a text block without text")
    text, usage = "".join(map(str, texts)), _usage(body.get("usage"))
    stop = STOPS.get(reason)
    if stop is None:
        return Completion(key, "", "error", model, usage, f"stop_reason {_name(reason)}: the reply is not complete")
    if stop == "end" and not text.strip():
        return Completion(key, "", "error", model, usage, "empty reply: no text in it")
    return Completion(key, text, stop, model, usage)


def _usage(body: Any) -> Usage:
    """Tokens as the server counts them; a count that it leaves out, other than the two main ones, is 0."""
    if not isinstance(body, dict):
        raise MalformedError("no usage")
    written, read_again = _count(body, "cache_creation_input_tokens", 0), _count(body, "cache_read_input_tokens", 0)
    details = body.get("output_tokens_details")
    return Usage(
        input_tokens=_count(body, "input_tokens") + written + read_again,
        output_tokens=_count(body, "output_tokens"),
        thinking_tokens=_count(details, "thinking_tokens", 0) if isinstance(details, dict) else 0,
        cache_read_tokens=read_again,
        cache_write_tokens=written,
    )


def _count(body: dict[str, Any], name: str, default: int | None = None) -> int:
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedError(f"usage.{name} is not a count")
    return value


def _name(text: str) -> str:
    """A short name from a server, safe to print."""
    return "".join(character for character in text if character.isalnum() or character in "_-.")[:60]
