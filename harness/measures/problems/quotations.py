"""Problems that arms are measured on, looked for in the rows that a student was trained on.

Texts are compared as their words and marks, in small letters: neither line breaks nor what stands around a quotation
hide it, and no number is found within a longer one. Pure functions of the rows of ``examples/`` and ``problems.jsonl``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.design.skills import SPLIT as SKILLS
from harness.measures import problem_sets
from harness.measures.problem_sets import EXAMINED, LONG_ENOUGH
from harness.measures.rows import Row, grouped

Words = tuple[str, ...]
ANCHOR = 6
"""Words by which a text is looked for first: so many seldom stand in a row by coincidence."""


@dataclass(frozen=True, slots=True)
class _Anchor:
    """Where a few words of a text stand in it, by which it is found."""

    text: Words
    place: int


def quotations(rows: Iterable[Row], problems: Sequence[Row]) -> list[dict[str, Any]]:
    """By examined split: how many of its problems stand in the prompt or the target of a row, and in how many rows.

    A problem stands there if its text does, or as many whole lines in another order, where order does not decide in
    this task. What is part of the text of a training problem is no quotation, unless its answer stands behind it: a
    short list may be the start of a longer one. ``problems`` is None, which is not known, where none is found but
    some text is too short to tell a quotation from coincidence.
    """
    return Search(problems).quotations(rows)


def _count(problems: Sequence[Row], quoted: set[str]) -> int | None:
    count = sum(row["id"] in quoted for row in problems)
    return None if not count and not all(map(_is_long, problems)) else count


def _is_long(row: Row) -> bool:
    return len(row["text"].strip()) >= LONG_ENOUGH


def _text(row: Row) -> str:
    return "\n".join([*(message["text"] for message in row["prompt"]), row["target"]])


def _words(text: str) -> Words:
    return tuple(re.findall(r"\w+|[^\w\s]", text.casefold()))


class Search:
    """Finds the problems that arms are measured on in the rows of trainings."""

    def __init__(self, problems: Sequence[Row]) -> None:
        self._examined = {split: inner for split, inner in grouped(problems, "split").items() if split in EXAMINED}
        asked = [row for inner in self._examined.values() for row in inner if _is_long(row)]
        self._ids: dict[Words, list[Row]] = {}
        for row in asked:
            self._ids.setdefault(_words(row["text"]), []).append(row)
        self._anchors = _anchors(list(self._ids))
        self._lines: dict[Words, list[str]] = {}
        if problem_sets.LINES not in problem_sets.ordered(problems):
            for row in asked:
                if "\n" in row["text"]:
                    self._lines.setdefault(_bag(row["text"].split("\n")), []).append(row["id"])
        self._around: dict[Words, list[Words]] = {}
        for row in problems:
            if row["split"] not in (*EXAMINED, SKILLS):
                whole = _words(row["text"])
                for text in self._within(whole):
                    self._around.setdefault(text, []).append(whole)
                for bag in self._bags(row["text"]):
                    self._lines.pop(bag, None)

    def quotations(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """See ``quotations``."""
        found = [self._quoted(_text(row)) for row in rows]
        return [
            {
                "split": split,
                "problems": _count(inner, set().union(*found)),
                "rows": sum(not ids.isdisjoint(row["id"] for row in inner) for ids in found),
            }
            for split, inner in self._examined.items()
        ]

    def _quoted(self, text: str) -> set[str]:
        """The ids of the problems that stand in a text."""
        said = _words(text)
        found = {
            row["id"] for each in self._within(said) for row in self._ids[each] if self._is_quoted(row, each, said)
        }
        return found.union(*(self._lines[bag] for bag in self._bags(text)))

    def _bags(self, text: str) -> set[Words]:
        """The texts of problems of which all lines stand together in this one, in any order."""
        lines = text.split("\n")
        windows = {
            _bag(lines[start : start + size])
            for size in {len(bag) for bag in self._lines}
            for start in range(len(lines) - size + 1)
        }
        return windows & self._lines.keys()

    def _within(self, said: Words) -> set[Words]:
        """The texts of problems that stand among these words."""
        found = set()
        for size, anchors in self._anchors.items():
            for start in range(len(said) - size + 1):
                for anchor in anchors.get(said[start : start + size], ()):
                    first = start - anchor.place
                    if first >= 0 and said[first : first + len(anchor.text)] == anchor.text:
                        found.add(anchor.text)
        return found

    def _is_quoted(self, row: Row, text: Words, said: Words) -> bool:
        """Whether a text that stands among these words is more than a part of a training problem."""
        around = self._around.get(text, [])
        left = _joined(said)
        longest = sorted(around, key=len, reverse=True)
        for whole in (*longest, *longest):  # twice, for one that follows upon itself
            left = left.replace(_joined(whole), " \n ")
        if _joined(text) in left:
            return True
        truth, after = _joined(_words(row["truth"])), [_joined(whole).partition(_joined(text))[2] for whole in around]
        return any(
            truth in f" {rest}" for whole, rest in zip(around, after, strict=True) if _joined(whole) in _joined(said)
        )


def _joined(words: Words) -> str:
    return f" {' '.join(words)} "


def _bag(lines: Sequence[str]) -> Words:
    """Lines whatever their order and their spaces."""
    return tuple(sorted(" ".join(_words(line)) for line in lines))


def _anchors(texts: Sequence[Words]) -> dict[int, dict[Words, list[_Anchor]]]:
    """Of each text the few words in a row that are rarest among all texts: by their number, then by the words."""
    frequency = Counter(window for text in texts for _, window in _windows(text))
    found: dict[int, dict[Words, list[_Anchor]]] = {}
    for text in texts:
        place, rarest = min(_windows(text), key=lambda each: frequency[each[1]])
        found.setdefault(len(rarest), {}).setdefault(rarest, []).append(_Anchor(text, place))
    return found


def _windows(text: Words) -> Iterator[tuple[int, Words]]:
    size = min(ANCHOR, len(text))
    return ((start, text[start : start + size]) for start in range(len(text) - size + 1))
