"""Rows as they are kept while numbers are made of them: what measures read, and equal values once.

A kept row is read by its keys, as the row of the file is, so that measures take both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, TypeVar

from harness.boundary import files
from harness.measures.rows import AnyRow, Row

T = TypeVar("T")
DIGEST_BYTES = 16
"""Of the digest that stands for a form of a problem: no two forms have the same one by chance."""
STEPS: Mapping[bool, Mapping[str, Any]] = {right: {"claimed": True, "true": right} for right in (True, False)}
"""What is kept of written steps, by whether they are right."""


class Shared:
    """Values that many rows have, each kept once."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def one(self, value: T, key: Any) -> T:
        """The value that was first kept under this key."""
        known: T = self._known.setdefault(key, value)
        return known


@dataclass(slots=True)
class ProblemRow:
    """A row of problems.jsonl: fields of the same name hold the same. No witness and no reason is kept."""

    id: str
    split: str
    stratum: str
    truth: str
    trivial: Mapping[str, Mapping[str, Any]]
    canonical: str
    data: str | None
    """As canonical JSON; None where it is empty."""
    text: str
    members: bytes
    """Digest of the data with every list as a bag of its members."""
    lines: bytes
    """Digest of the text as a bag of its lines."""

    __getitem__ = object.__getattribute__


@dataclass(slots=True)
class ItemRow:
    """A row of items.jsonl, and of its steps no more than whether they are right."""

    arm: str
    split: str
    training_seed: int | None
    problem: str
    stratum: str
    truth: str
    outcome: Mapping[str, Any]
    correct: bool
    steps: Mapping[str, Any] | None
    model: str
    usage: Mapping[str, Any]
    cost_usd: float | None
    adapter_sha256: str | None
    prompt_sha256: str
    wording_sha256: str
    text_sha256: str

    __getitem__ = object.__getattribute__


class Kept:
    """The rows of a result, kept as they go by."""

    def __init__(self) -> None:
        self.problems: list[ProblemRow] = []
        self.items: list[ItemRow] = []
        self._shared = Shared()

    def problem(self, row: AnyRow) -> AnyRow:
        """Keeps a row of problems.jsonl on its way."""
        self.problems.append(problem(row, self._shared))
        return row

    def item(self, row: AnyRow) -> AnyRow:
        """Keeps a row of items.jsonl on its way."""
        self.items.append(item(row, self._shared))
        return row


def problems(rows: Iterable[Row]) -> list[ProblemRow]:
    """Rows of problems, kept; those that are already stay what they are."""
    shared = Shared()
    return [row if isinstance(row, ProblemRow) else problem(row, shared) for row in rows]


def problem(row: Row, shared: Shared) -> ProblemRow:
    """A row of a problem, kept."""
    rules, text, data, form = row["trivial"], row["text"], row["data"], row["canonical"]
    return ProblemRow(
        intern(row["id"]),
        intern(row["split"]),
        intern(row["stratum"]),
        intern(row["truth"]),
        shared.one(rules, tuple((rule, each["label"], each["correct"]) for rule, each in rules.items())),
        form,
        files.canonical(data) if data else None,
        text,
        _digest(bag(data) if data else form),
        _digest("\n".join(sorted(text.split("\n"))) if text else form),
    )


def item(row: Row, shared: Shared) -> ItemRow:
    """A row of an item, kept."""
    outcome, steps, usage, adapter = row["outcome"], row["steps"], row["usage"], row["adapter_sha256"]
    return ItemRow(
        intern(row["arm"]),
        intern(row["split"]),
        row["training_seed"],
        intern(row["problem"]),
        intern(row["stratum"]),
        intern(row["truth"]),
        shared.one(outcome, tuple(outcome.items())),
        row["correct"],
        None if steps is None else STEPS[steps["claimed"] == steps["true"]],
        intern(row["model"]),
        shared.one(usage, tuple(usage.items())),
        row["cost_usd"],
        None if adapter is None else intern(adapter),
        row["prompt_sha256"],
        row["wording_sha256"],
        row["text_sha256"],
    )


def bag(value: Any) -> str:
    """The canonical JSON of a value with every list in it, at any depth, in one order."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{bag(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(sorted(map(bag, value))) + "]"
    return repr(value) if type(value) is int else files.canonical(value)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
