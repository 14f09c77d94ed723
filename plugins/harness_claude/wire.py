"""A request as the Messages API takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.api import Message
from harness_claude.options import Options


def params(options: Options, messages: Sequence[Message]) -> dict[str, Any]:
    """The arguments of one call. System messages come first and are joined; half a surrogate pair becomes ``?``."""
    system = "\n\n".join(_text(message) for message in messages if message.role == "system")
    found: dict[str, Any] = {
        "model": options.model,
        "max_tokens": options.max_tokens,
        "messages": [
            {"role": message.role, "content": _text(message)} for message in messages if message.role != "system"
        ],
    }
    if system and options.cache:
        found["system"] = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
    elif system:
        found["system"] = system
    if options.thinking != "default":
        found["thinking"] = {"type": options.thinking}
    if options.effort != "default":
        found["output_config"] = {"effort": options.effort}
    return found


def call(options: Options, messages: Sequence[Message]) -> dict[str, Any]:
    """The same for the SDK, which takes a temperature only as an extra field."""
    found = params(options, messages)
    if options.temperature is not None:
        found["extra_body"] = {"temperature": options.temperature}
    return found


def entry(options: Options, messages: Sequence[Message], custom_id: str) -> dict[str, Any]:
    """The same as an entry of a batch."""
    found = params(options, messages)
    if options.temperature is not None:
        found["temperature"] = options.temperature
    return {"custom_id": custom_id, "params": found}


def _text(message: Message) -> str:
    return message.text.encode("utf-8", "replace").decode("utf-8")
