"""Two results to compare, made up from who got which problem right: small, quick, and every setting can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.design.transfer import TRANSFER
from harness.measures import problem_sets, scores
from harness.measures.rows import by_arm
from harness.output.comparison.compare import Side
from harness.results.result import SCHEMA
from tests.harness import rows

LABELS = ("EVEN", "ODD")
OTHER = {"EVEN": "ODD", "ODD": "EVEN"}
Answers = Sequence[bool | None]
"""By problem: whether it is answered rightly; None for a reply without an answer."""


def row(arm: str, split: str, seed: int | None, index: int, right: bool | None) -> dict[str, Any]:
    """A row of items.jsonl."""
    truth = LABELS[index % 2]
    said = None if right is None else truth if right else OTHER[truth]
    return rows.item(_problem(split, index), arm, said, seed, steps=None, adapter_sha256=None)


def _problem(split: str, index: int) -> dict[str, Any]:
    return rows.problem(index, LABELS[index % 2], split, **{f"always-{label.lower()}": label for label in LABELS})


def _choice(name: str, **options: Any) -> dict[str, Any]:
    return {
        "name": name,
        "distribution": "harness-toys",
        "version": "1.0",
        "target": "toys",
        "simulated": False,
        "options": options,
    }


def result(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the comparison reads of a result with these rows."""
    sizes: dict[str, int] = {}
    for item in items:
        sizes[item["split"]] = max(sizes.get(item["split"], 0), int(item["problem"].rpartition("/")[2]) + 1)
    problems = [_problem(split, index) for split, size in sorted(sizes.items()) for index in range(size)]
    identity = {"provider": "toy", "model": "toy-1", "max_tokens": 9, "temperature": None, "batch_size": 4}
    kinds = ("task", "verifier", "teacher", "student", "reflection", "trainer")
    return {
        "schema": SCHEMA,
        "harness": "0.1.0",
        "simulated": [],
        "plan": {"seed": 0, "plugins": {kind: _choice("toy") for kind in kinds}},
        "identities": {"teacher": dict(identity), "student": dict(identity), "trainer": {"epochs": 1}},
        "labels": list(LABELS),
        "problems": problem_sets.problem_sets(problems),
        "arms": scores.arms(items, problems, LABELS, TRANSFER),
        "learning": {"learned": "Look."},
    }


def side(answers: Mapping[tuple[str, str, int | None], Answers], paired: bool = True) -> Side:
    """A result in which each arm, on a split and with a training seed, answers so."""
    items = [row(*key, index, right) for key, inner in answers.items() for index, right in enumerate(inner)]
    audited: dict[str, Any] = {"verdict": "clean", "blocking": [], "warnings": [], "claims": {"rung": 0}}
    return Side(result(items), audited, by_arm(items, TRANSFER) if paired else None)
