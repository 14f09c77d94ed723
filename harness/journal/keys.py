"""The keys under which a run records what every reader of a journal looks for: plan, identity, trainings, result."""

from __future__ import annotations

PLAN = "plan"
"""Digest of the plan that the run was begun with."""
IDENTITY = "setting"
"""Who answers and trains, and in which words the task asks: see ``harness.preflight.identity``."""
DROPPED = "journal/dropped"
"""A note that a record was set aside: from there on, what it recorded is done again."""
TRAININGS = "train/"
"""What the keys of all trainings begin with."""
PROBES = "probe/"
"""What the keys of all probes of an adapter begin with."""
PRACTICE = "practice/"
"""What the keys of all that a teacher was asked while the student practised begin with."""
UNFIT = "unfit/"
"""What the keys of all records of rows that cannot be trained on begin with."""
RESULTS = "result/"
"""What the keys under which a result is noted begin with."""
LEDGER = "ledger/"
"""What the keys of all notes of the ledger begin with."""
SENDING, FAILED, NOTE = f"{LEDGER}sending", f"{LEDGER}failed", f"{LEDGER}note"
"""Notes of the ledger: see ``harness.journal.ledger``."""


def training(name: str) -> str:
    """The key of a training, by its name."""
    return f"{TRAININGS}{name}"


def practice(name: str, key: str) -> str:
    """The key of the teacher's reply to what was asked in a training of this name."""
    return f"{PRACTICE}{name}/{key}"


def unfit(digest: str) -> str:
    """The key of what of these training rows cannot be trained on."""
    return f"{UNFIT}{digest[:16]}"


def probe(name: str) -> str:
    """The key of the largest change of a logit that the adapter of a training makes."""
    return f"{PROBES}{name}"


def result(sha256: str) -> str:
    """The key that says that a result was written: by the digest of its value as canonical JSON."""
    return f"{RESULTS}{sha256}"
