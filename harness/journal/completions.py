"""A completion as the journal holds it: checked on the way in, made again on the way out."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

from harness.api import Completion, HarnessError, Stop, Usage

MOST_TOKENS = 10**12


def recordable(completion: Completion) -> dict[str, Any]:
    """A completion as JSON data. Half of a surrogate pair cannot be written as UTF-8 and becomes ``?``.

    Raises HarnessError for one that no journal may hold: with an unknown stop, or a count out of range.
    """
    value = dataclasses.asdict(completion)
    for name in ("text", "model", "error"):
        if value[name] is not None:
            value[name] = value[name].encode("utf-8", "replace").decode("utf-8")
    if completion.stop not in get_args(Stop) or any(not 0 <= count < MOST_TOKENS for count in value["usage"].values()):
        raise HarnessError(f"the reply to {completion.key} has the stop {completion.stop!r} or a count out of range")
    return value


def restored(value: dict[str, Any]) -> Completion:
    """A completion from its JSON data, as the journal holds it."""
    return Completion(**{**value, "usage": Usage(**value["usage"])})
