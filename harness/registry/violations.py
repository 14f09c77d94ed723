"""How a value that a plugin gave breaks its contract, as text: types, JSON, sizes.

Nothing here knows a kind of plugin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from harness.api import Message, Role
from harness.boundary import files
from harness.boundary.text import one_line, shortened

DEEPEST = 20
"""How deeply data of a plugin may be nested: far below what a reader of the files accepts."""
LARGEST = 1_000_000
"""Characters of the data of one problem, as JSON, or of one prompt: more than any model reads."""
LARGE = 50_000
"""Characters of data or a prompt from which on a user is told."""
SHOWN = 60
"""Characters of a value that are told."""


@dataclass(frozen=True)
class Contract:
    """One rule, and what breaks it in a subject: each the second half of a sentence that begins with the plugin."""

    rule: str
    broken: Callable[[Any], Iterator[str]]


def shown(value: object) -> str:
    """A value on one line and short. A representation that fails is the plugin's own, and told as that."""
    try:
        return shortened(one_line(repr(value)), SHOWN)
    except Exception as error:
        return f"a {type(value).__name__} whose repr raises {type(error).__name__}"


def of_text(value: object, least: int = 0) -> Iterator[str]:
    """Why a value is no text that a file can hold."""
    if not isinstance(value, str):
        yield f"is {shown(value)}, expected text"
    elif len(value) < least:
        yield "is empty, expected text"
    else:
        try:
            value.encode()
        except UnicodeEncodeError:
            yield f"is {shown(value)}, which holds half of a surrogate pair"


def of_json(value: object) -> Iterator[str]:
    """Why a value is no JSON, or too deep or too large for a file of a run."""
    yield from _of_json(value, 0)


def _of_json(value: object, depth: int) -> list[str]:
    if depth > DEEPEST:
        return [f"is nested deeper than {DEEPEST} levels"]
    if isinstance(value, str):
        return list(of_text(value))
    if value is None or isinstance(value, bool | int):
        return []
    if isinstance(value, float):
        return [] if math.isfinite(value) else [f"holds {value}, which is no JSON"]
    if isinstance(value, Mapping):
        wrong = [f"has the key {shown(key)}, expected text" for key in value if not isinstance(key, str)]
        return wrong or [
            found for key, inner in value.items() for found in (*of_text(key), *_of_json(inner, depth + 1))
        ]
    if isinstance(value, list | tuple):
        return [found for inner in value for found in _of_json(inner, depth + 1)]
    return [f"holds {shown(value)} of type {type(value).__name__}, which is no JSON"]


def of_object(value: object) -> Iterator[str]:
    """Why a value is no JSON object of a size that a file of a run can hold."""
    if not isinstance(value, Mapping):
        yield f"is {shown(value)}, expected a mapping"
        return
    if _is_small(value):
        return
    found = list(of_json(value))
    yield from found[:1]
    if not found and (size := len(files.canonical(value))) > LARGEST:
        yield f"is {size:,} characters of JSON, expected at most {LARGEST:,}"


def _is_small(value: object) -> bool:
    """Whether a value is quickly seen to be sound, and far below what a file can hold; most are."""
    try:
        text = files.canonical(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return len(text) <= LARGEST and text.count("[") + text.count("{") <= DEEPEST and files.reads_back(text, value)


def of_count(value: object, least: int = 0, most: int = 10**9) -> Iterator[str]:
    """Why a value is no whole number in these bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        yield f"is {shown(value)}, expected a whole number from {least} to {most}"


def of_cost(value: object) -> Iterator[str]:
    """Why a value is no amount in USD, nor None for an unknown one."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and 0 <= float(value) < math.inf):  # type: ignore[arg-type]  # a number by now
        yield f"is {shown(value)}, expected USD, or None where it is unknown"


def of_messages(messages: object) -> Iterator[str]:
    """Why a value is no prompt."""
    if not isinstance(messages, list | tuple) or not messages:
        yield f"is {shown(messages)}, expected messages"
        return
    for message in messages:
        if not isinstance(message, Message) or message.role not in get_args(Role):
            yield f"holds {shown(message)}, expected a Message of system, user or assistant"
            return
        yield from (f"has a text that {wrong}" for wrong in of_text(message.text))
    if sum(len(message.text) for message in messages if isinstance(message.text, str)) > LARGEST:
        yield f"is longer than {LARGEST:,} characters"


def of_methods(value: object, protocol: Any) -> Iterator[str]:
    """Which methods of a protocol an object lacks. Its properties are not read."""
    for name, member in vars(protocol).items():
        if name.startswith("_") or not callable(member):
            continue
        if not callable(getattr(value, name, None)):
            yield f"has no method {name}"
