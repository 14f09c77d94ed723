"""Where two JSON values differ, and how a person is told: one line, and the whole of it for who asks."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any

from harness.api import UsageError
from harness.boundary.text import one_line, printable

SHOWN = 3
"""Differences that the one line names."""
LONG = 60
"""Characters of a value beyond which the one line only says that it is another."""


class Nothing:
    """What stands for a key that is absent, where null is a value of its own."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = Nothing()


def between(was: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Where two JSON values differ: path such as ``arms[2].accuracy.value``, first value, second value.

    The value of a key that one of them lacks is NOTHING.
    """
    if isinstance(was, dict) and isinstance(now, dict):
        return [
            found
            for key in sorted(was.keys() | now.keys())
            for found in between(was.get(key, NOTHING), now.get(key, NOTHING), f"{path}.{key}" if path else key)
        ]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [
            found
            for index, (first, second) in enumerate(zip(was, now, strict=True))
            for found in between(first, second, f"{path}[{index}]")
        ]
    return [] if was == now and isinstance(was, bool) == isinstance(now, bool) else [(path, was, now)]


def refuse(what: str, was: Any, now: Any, advice: str) -> None:
    """Raises UsageError if two JSON values differ: ``what`` in one line with the first differences, then ``advice``.

    Every difference in full, several lines for a text, is in the notes of the error, which ``--traceback`` shows.
    """
    found = between(was, now)
    if not found:
        return
    more = f" and {len(found) - SHOWN} more (--traceback shows all)" if len(found) > SHOWN else ""
    line = "; ".join(_short(*difference) for difference in found[:SHOWN])
    error = UsageError(one_line(f"{what}: {line}{more}. {advice}"))
    for difference in found:
        error.add_note(_long(*difference))
    raise error


def _short(path: str, was: Any, now: Any) -> str:
    before, after = repr(was), repr(now)
    if max(len(before), len(after)) <= LONG:
        return f"{path}: was {before}, is {after}"
    return f"{path}: is another ({_where(was, now)}; --traceback shows it)"


def _where(was: Any, now: Any) -> str:
    if isinstance(was, str) and isinstance(now, str):
        place = next((at for at, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
        return f"was ...{was[max(0, place - 10) : place + 15]!r}, is ...{now[max(0, place - 10) : place + 15]!r}"
    return f"was {type(was).__name__}, is {type(now).__name__}"


def _long(path: str, was: Any, now: Any) -> str:
    if not (isinstance(was, str) and isinstance(now, str) and "\n" in was + now):
        return printable(f"{path}: was {was!r}, is {now!r}")
    changed = unified_diff(was.splitlines(), now.splitlines(), "recorded", "now", lineterm="", n=1)
    return printable("\n".join([f"{path}:", *changed]))
