"""What has changed since something was recorded, told to a person: one line, and the whole of it for who asks."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any

from harness import files
from harness.errors import UsageError
from harness.text import one_line, printable

SHOWN = 3
"""Differences that the one line names."""
LONG = 60
"""Characters of a value beyond which the one line only says that it is another."""


def refuse(what: str, was: Any, now: Any, advice: str) -> None:
    """Raises UsageError if two JSON values differ: ``what`` in one line with the first differences, then ``advice``.

    Every difference in full, several lines for a text, is in the notes of the error, which ``--traceback`` shows.
    """
    found = files.differences(was, now)
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
