"""What the harness calls the rules that it knows of every task."""

from __future__ import annotations


def constant(label: str) -> str:
    """The name of the trivial rule that always gives a label."""
    return f"always-{label.lower()}"
