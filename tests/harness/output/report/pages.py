"""What tests of the report share: a result with something in every section, and a parser that tells what is wrong.

Nothing here asserts anything about a number.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from typing import Any

from harness.audit import audit
from tests.harness.audit import results

Data = dict[str, Any]

PLAIN = (
    *("head", "body", "header", "main", "footer", "article", "title", "style", "h1", "h2", "h3", "dl", "dt", "dd"),
    *("strong", "pre", "details", "summary", "table", "caption", "thead", "tbody", "tr"),
)
ALLOWED: Mapping[str, set[str]] = {
    **{tag: set[str]() for tag in PLAIN},
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "section": {"class"},
    "ol": {"class"},
    "p": {"class", "role"},
    "ul": {"class"},
    "li": {"class"},
    "span": {"class"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "figure": {"class", "tabindex", "role", "aria-label"},
    "img": {"class", "src", "alt"},
    "th": {"scope", "class"},
    "td": {"class"},
}
VOID = {"meta", "img"}


class Page(HTMLParser):
    """A parsed page: its elements in order, the text of each, and everything that should not be there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        """The text of each element, beside ``elements``."""
        self.faults: list[str] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{self.elements[place][0]}> is not closed" for place in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED:
            self.faults.append(f"<{tag}>")
        self.faults += [f"<{tag} {name}>" for name, _ in attrs if name not in ALLOWED.get(tag, ())]
        for name, value in attrs:
            if name in ("src", "href", "srcset") and not str(value).startswith("data:image/svg+xml;base64,"):
                self.faults.append(f"{name}={value}")
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self.elements[self._open[-1]][0] != tag:
            self.faults.append(f"</{tag}>")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.texts[place] += data

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}-->")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}]>")

    def all(self, tag: str) -> Iterator[tuple[dict[str, str | None], str]]:
        """Attributes and text of every element with this tag."""
        for (name, attributes), text in zip(self.elements, self.texts, strict=True):
            if name == tag:
                yield attributes, text

    def one(self, tag: str) -> str:
        """The text of the only element with this tag."""
        ((_, text),) = self.all(tag)
        return text

    def tables(self) -> list[list[list[str]]]:
        """The cells of every row of every table."""
        found: list[list[list[str]]] = []
        for (tag, _), text in zip(self.elements, self.texts, strict=True):
            if tag == "table":
                found.append([])
            elif tag == "tr":
                found[-1].append([])
            elif tag in ("th", "td"):
                found[-1][-1].append(text)
        return found

    def row(self, *cells: str) -> list[str]:
        """The first row of all tables that begins with these cells."""
        return next(row for table in self.tables() for row in table if row[: len(cells)] == list(cells))


@cache
def _complete() -> Data:
    result = results.honest(seeds=2, wrong={"harder": {"student-lora": 38}}).result()
    tokens = dict.fromkeys(("input_tokens", "output_tokens", "thinking_tokens"), 5)
    tokens |= dict.fromkeys(("cache_read_tokens", "cache_write_tokens"), 0)
    call = {"stage": "teacher-base", "purpose": "solve", "calls": 3, "failed": 0, **tokens, "cost_usd": 0.25}
    lesson: Data = {"lesson": "learned", "training_seed": None}
    strategy = {**lesson, "id": "s0", "parent": None, "after_batch": 0, "correct": 0, "n": 0, "text": "Look."}
    return result | {
        "simulated": ["teacher toy"],
        "teacher_calls": [call, {**call, "stage": "bootstrap", "cost_usd": 0.5}, *result["teacher_calls"]],
        "learning": {
            "entries": [{**lesson, "batch": 1, "strategy": "s0", "correct": 4, "n": 10}],
            "strategies": [strategy, {**strategy, "id": "s1", "parent": "s0", "after_batch": 1, "text": "Look twice."}],
            "lessons": [{**lesson, "id": "s1", "text": "Look twice."}],
            "learned": "Look twice.",
        },
    }


def complete() -> Data:
    """A result with something in every section, to be edited."""
    return copy.deepcopy(_complete())


def brief() -> Data:
    """A result without arms, so that its page is quickly made."""
    return complete() | {"arms": []}


def audited(result: Data) -> tuple[Data, Data]:
    """A result with the audit of it, whose rows are taken to agree."""
    return result, audit(result, [])
