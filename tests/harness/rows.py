"""Rows of problems and items as a run writes them, made by hand: what measures, comparisons and audits read.

Whole results made of such rows are in ``tests.sides`` and ``tests.harness.audit.results``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from harness.measures.rows import TOKENS

Row = dict[str, Any]


def problem(index: int, truth: str, split: str = "test", **trivial: str) -> Row:
    """A problem, odd ones EASY, even ones HARD. ``trivial``: what each trivial rule answers; the constants if none."""
    rules = trivial or {"always-no": "NO", "always-yes": "YES"}
    return {
        "id": f"{split}/{index:04d}",
        "split": split,
        "stratum": "EASY" if index % 2 else "HARD",
        "data": {"split": split, "n": index},
        "text": f"{split}: is {index} enough?",
        "canonical": f"{split} {index}",
        "truth": truth,
        "witness": {},
        "reason": "made up",
        "trivial": {name: {"label": label, "correct": label == truth} for name, label in rules.items()},
    }


def item(problem: Row, arm: str, said: str | None, seed: int | None = None, **others: Any) -> Row:
    """One reply of an arm; ``said`` None for one that states no answer, ``seed`` of the arm's training.

    ``others`` are values of other columns than these decide.
    """
    return {
        "arm": arm,
        "split": problem["split"],
        "training_seed": seed,
        "problem": problem["id"],
        "stratum": problem["stratum"],
        "truth": problem["truth"],
        "outcome": {"kind": "unparsed"} if said is None else {"kind": "answered", "label": said},
        "correct": said == problem["truth"],
        "steps": None if said is None else {"claimed": said, "true": problem["truth"]},
        "model": "m",
        "usage": dict.fromkeys(TOKENS, 2) | {"batched": False},
        "cost_usd": None,
        "prompt_sha256": sha256(problem["id"]),
        "wording_sha256": sha256(problem["id"]),
        "text_sha256": sha256(said or ""),
        "adapter_sha256": None if seed is None else f"{seed:064x}",
        **others,
    }


def problems(truths: str, split: str = "test") -> list[Row]:
    """A problem for each letter, Y or N, of ``truths``."""
    return [problem(index, _label(letter) or "", split) for index, letter in enumerate(truths)]


def items(asked: Sequence[Row], arm: str, said: str, seed: int | None = None) -> list[Row]:
    """An arm's reply to each problem: Y, N, or - for one that states no answer."""
    return [item(row, arm, _label(letter), seed) for row, letter in zip(asked, said, strict=True)]


def sha256(text: str) -> str:
    """Digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _label(letter: str) -> str | None:
    return {"Y": "YES", "N": "NO", "-": None}[letter]
