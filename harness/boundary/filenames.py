"""What the files and folders of a run directory are called. What is in them is for those to say who write them."""

from __future__ import annotations

PLAN = "plan.json"
RUN_META = "run_meta.json"
JOURNAL = "journal.jsonl"
LOCK = "lock"
"""Says which process works in the directory, if one does."""
FORKED_JOURNAL = "forked.jsonl"
"""In a forked run: the journal of the run that it takes answers over from."""
RESULT = "result.json"
AUDIT = "audit.json"
REPORT = "report.html"

PROBLEMS = "problems.jsonl"
ITEMS = "items.jsonl"
THOUGHTS = "thoughts.jsonl"

JOURNAL_MD = "journal.md"
STRATEGY_TXT = "strategy.txt"
STRATEGY_MD = "strategy.md"
EVOLUTION_MD = "strategy-evolution.md"

ADAPTERS = "adapters"
"""The folder with a folder for each training."""
UNFINISHED = ".unfinished-"
"""Stands in the name of an adapter's folder until it is whole, before what makes the name one of its own."""


EXAMPLES = "examples"
"""The folder with a file for each training."""


def examples(training: str) -> str:
    """The file of the rows that an adapter was trained on, by the name of its training."""
    return f"{EXAMPLES}/{training}.jsonl"
