"""What a page is made of: sections of tables and texts, as plain data. How they look is the template's affair."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of each row is its header."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Collection[str] = ()
    """Columns that hold numbers, and are set flush right."""
    prose: Collection[str] = ()
    """Columns that hold words of a sentence, and need room."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A text from outside, word for word but for characters that are made visible."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One section of the page, with one sentence on how to read it."""

    title: str
    note: str
    tables: Sequence[Table] = ()
    quotes: Sequence[Quote] = ()
