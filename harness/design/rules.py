"""The rules that the harness knows of every task, and how votes are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def constant(label: str) -> str:
    """The name of the trivial rule that always gives a label."""
    return f"always-{label.lower()}"


def majority(labels: Iterable[str | None]) -> str | None:
    """The label that is given most often, the first of equals; None where none is given."""
    counts = Counter(label for label in labels if label is not None)
    return max(counts, key=counts.__getitem__, default=None)
