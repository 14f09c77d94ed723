"""Two results to compare, made up from who got which problem right: small, quick, and every setting can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness import measures
from harness.compare import Side

LABELS = ("EVEN", "ODD")
OTHER = {"EVEN": "ODD", "ODD": "EVEN"}
Answers = Sequence[bool | None]
"""By problem: whether it is answered rightly; None for a reply without an answer."""


def row(arm: str, split: str, seed: int | None, index: int, right: bool | None) -> dict[str, Any]:
    """A row of items.jsonl."""
    truth = LABELS[index % 2]
    outcome = {"kind": "unparsed"} if right is None else {"kind": "answered", "label": truth if right else OTHER[truth]}
    return {
        "arm": arm,
        "split": split,
        "training_seed": seed,
        "problem": f"{split}/{index:04d}",
        "stratum": "ALL",
        "truth": truth,
        "outcome": outcome,
        "correct": right is True,
        "steps": None,
        "model": "toy",
        "usage": dict.fromkeys(measures.TOKENS, 1) | {"batched": False},
        "cost_usd": None,
        "adapter_sha256": None,
        "prompt_sha256": f"{index:064x}",
        "wording_sha256": f"{index:064x}",
        "text_sha256": f"{[None, False, True].index(right):064x}",
    }


def _problem(split: str, index: int) -> dict[str, Any]:
    truth = LABELS[index % 2]
    constant = {f"always-{label.lower()}": {"label": label, "correct": label == truth} for label in LABELS}
    identity = f"{split}/{index:04d}"
    data = {"number": index}
    return {
        "id": identity,
        "split": split,
        "stratum": "ALL",
        "data": data,
        "text": f"the text of {identity}",
        "canonical": identity,
        "truth": truth,
        "trivial": constant,
    }


def _choice(name: str, **options: Any) -> dict[str, Any]:
    return {
        "name": name,
        "distribution": "harness-toys",
        "version": "1.0",
        "target": "toys",
        "simulated": False,
        "options": options,
    }


def result(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the comparison reads of a result with these rows."""
    sizes: dict[str, int] = {}
    for item in rows:
        sizes[item["split"]] = max(sizes.get(item["split"], 0), int(item["problem"].rpartition("/")[2]) + 1)
    problems = [_problem(split, index) for split, size in sorted(sizes.items()) for index in range(size)]
    identity = {"provider": "toy", "model": "toy-1", "max_tokens": 9, "temperature": None, "batch_size": 4}
    kinds = ("task", "verifier", "teacher", "student", "reflection", "trainer")
    return {
        "schema": "urn:transfer-harness:schema:result:1.0",
        "harness": "0.1.0",
        "simulated": [],
        "plan": {"seed": 0, "plugins": {kind: _choice("toy") for kind in kinds}},
        "identities": {"teacher": dict(identity), "student": dict(identity), "trainer": {"epochs": 1}},
        "labels": list(LABELS),
        "problems": measures.problem_sets(problems),
        "arms": measures.arms(rows, problems, LABELS),
        "learning": {"learned": "Look."},
    }


def side(answers: Mapping[tuple[str, str, int | None], Answers], paired: bool = True) -> Side:
    """A result in which each arm, on a split and with a training seed, answers so."""
    rows = [row(*key, index, right) for key, inner in answers.items() for index, right in enumerate(inner)]
    audited: dict[str, Any] = {"verdict": "clean", "blocking": [], "warnings": [], "claims": {"rung": 0}}
    return Side(result(rows), audited, measures.by_arm(rows) if paired else None)
