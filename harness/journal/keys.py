"""The keys under which a run records what every reader of a journal looks for: plan, identity, trainings."""

from __future__ import annotations

PLAN = "plan"
"""Digest of the plan that the run was begun with."""
IDENTITY = "setting"
"""Who answers and trains, and in which words the task asks: see ``harness.preflight.identity``."""
DROPPED = "journal/dropped"
"""A note that a record was set aside: from there on, what it recorded is done again."""
TRAININGS = "train/"
"""What the keys of all trainings begin with."""


def training(name: str) -> str:
    """The key of a training, by its name."""
    return f"{TRAININGS}{name}"


def unfit(digest: str) -> str:
    """The key of what of these training rows cannot be trained on."""
    return f"unfit/{digest[:16]}"


def probe(name: str) -> str:
    """The key of the largest change of a logit that the adapter of a training makes."""
    return f"probe/{name}"
