"""Which models are gone, and which one takes the place of one that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from harness.api import UsageError

DEFAULT_LINE = "haiku"
LINES = ("haiku", "sonnet", "opus", "fable", "mythos")


def refuse_retired(model: str, dates: Mapping[str, str], offered: Iterable[str], today: date) -> None:
    """Raises UsageError for a model whose retirement date has come.

    ``dates`` are those of the SDK, such as ``February 19th, 2026``; ``offered`` lists other models, newest first.
    """
    retired = parse_date(dates.get(model, ""))
    if retired is not None and retired <= today:
        raise UsageError(said(model, retired.isoformat(), successor(model, dates, offered)))


def said(model: str, when: str | None, other: str) -> str:
    """The one line about a retired model."""
    return f"model {model!r}: retired{f' on {when}' if when else ''}; use a living one, such as {other}"


def successor(model: str, dates: Mapping[str, str], offered: Iterable[str]) -> str:
    """The newest model of the same line that has no retirement date."""
    line = next((line for line in LINES if line in model), DEFAULT_LINE)
    living = [other for other in offered if other not in dates and other != model]
    return next((other for other in living if line in other), living[0])


def parse_date(text: str) -> date | None:
    """A date such as ``February 19th, 2026``; None for anything else."""
    try:
        return datetime.strptime(re.sub(r"(?<=\d)(st|nd|rd|th)\b", "", text), "%B %d, %Y").date()
    except ValueError:
        return None
