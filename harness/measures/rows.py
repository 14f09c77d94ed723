"""The rows that every number is made of, as in items.jsonl and problems.jsonl: how they are grouped and read.

Rows are plain JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from harness.api import Design
from harness.measures.statistics import LEVEL, Interval


class Row(Protocol):
    """One row, read by its keys: that of a file, or one of ``harness.measures.kept``."""

    def __getitem__(self, key: str, /) -> Any:
        """The value under a key."""


AnyRow = TypeVar("AnyRow", bound=Row)
TOKENS = ("input_tokens", "output_tokens", "thinking_tokens", "cache_read_tokens", "cache_write_tokens")
OUTCOMES = ("answered", "unparsed", "refused", "truncated", "failed")


def by_arm(items: Iterable[AnyRow], design: Design) -> dict[tuple[str, str, int | None], list[AnyRow]]:
    """Rows by arm, split and training seed, in the order of the experiment; each in the order of its problems."""
    groups: dict[tuple[str, str, int | None], list[AnyRow]] = {}
    for row in items:
        groups.setdefault((row["arm"], row["split"], row["training_seed"]), []).append(row)
    order = {name: place for place, name in enumerate(design.names)}
    ordered = sorted(groups, key=lambda key: (order[key[0]], key[1] != "test", key[1], key[2] or 0))
    return {key: sorted(groups[key], key=_problem) for key in ordered}


def _problem(row: Row) -> str:
    return str(row["problem"])


def grouped(rows: Iterable[AnyRow], key: str) -> dict[str, list[AnyRow]]:
    """Rows by the value of one field, in its order."""
    groups: dict[str, list[AnyRow]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return dict(sorted(groups.items()))


def answered(row: Row) -> bool:
    """Whether a reply states an answer."""
    return bool(row["outcome"]["kind"] == "answered")


def blanks(entry: Row) -> int:
    """How many replies of an arm, or of one of its strata, state no answer."""
    return int(entry["n"]) - int(entry["outcomes"]["answered"])


def interval(estimate: Interval) -> dict[str, float]:
    """An estimate with its limits, rounded as in result files."""
    return {
        "value": rounded(estimate.value),
        "low": rounded(estimate.low),
        "high": rounded(estimate.high),
        "level": LEVEL,
    }


def rounded(value: float) -> float:
    """Six decimals: enough to read, few enough to be the same everywhere."""
    return round(value, 6)
