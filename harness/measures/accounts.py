"""The accounts of a result: teacher calls with their tokens and cost, and trainings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.api import Design
from harness.design.designs import trained_name
from harness.measures.rows import TOKENS, Row, grouped, rounded


def account(usages: Sequence[Row], costs: Iterable[float | None], failed: int) -> dict[str, Any]:
    """What calls of a teacher took: how many there were and failed, tokens, and USD; None where a cost is unknown."""
    each = list(costs)
    known = [cost for cost in each if cost is not None]
    return {
        "calls": len(usages),
        "failed": failed,
        **{name: sum(usage[name] for usage in usages) for name in TOKENS},
        "cost_usd": rounded(sum(known)) if len(known) == len(each) else None,
    }


def answer_accounts(items: Iterable[Row], design: Design) -> list[dict[str, Any]]:
    """The account of what each teacher arm took to answer, as among the teacher calls of a result."""
    return [
        {
            "stage": arm,
            "purpose": "solve",
            **account(
                [row["usage"] for row in rows],
                [row["cost_usd"] for row in rows],
                sum(row["outcome"]["kind"] == "failed" for row in rows),
            ),
        }
        for arm, rows in grouped(items, "arm").items()
        if design.arm(arm).answers == "teacher"
    ]


def trained(report: Mapping[str, Any], logit_change: float | None) -> dict[str, Any]:
    """The fields of a training in a result: the trainer's report, and by how much the adapter moves a logit.

    None where logits cannot be seen.
    """
    kept = ("steps", "supervised_tokens", "prompt_tokens", "truncated_rows", "supervised_prompt_tokens")
    return {
        **{key: report[key] for key in (*kept, "rows_without_loss")},
        "losses": [rounded(loss) for loss in report["losses"]],
        "logit_change": None if logit_change is None else rounded(logit_change),
        **({"practice": _practice(report["practice"])} if report.get("practice") else {}),
    }


def _practice(found: Mapping[str, Any]) -> dict[str, Any]:
    divergence = found["divergence"]
    return {**found, "divergence": None if divergence is None else rounded(divergence)}


def replies_changed(items: Iterable[Row], design: Design, arm: str, seed: int) -> dict[str, int] | None:
    """To how many test problems a trained arm replies in other words than the base, which has no training.

    None where one of the two answered no test problem.
    """
    base, texts, replies = design.named("base"), dict[str, str](), dict[str, str]()
    for row in items:
        if row["split"] == "test" and row["arm"] == base:
            texts[row["problem"]] = row["text_sha256"]
        elif row["split"] == "test" and (row["arm"], row["training_seed"]) == (arm, seed):
            replies[row["problem"]] = row["text_sha256"]
    both = texts.keys() & replies.keys()
    return {"n": len(both), "changed": sum(texts[each] != replies[each] for each in both)} if both else None


def training_name(result: Row, training: Mapping[str, Any]) -> str:
    """What the adapter and the examples of one of a result's trainings are called."""
    named: str | None = training.get("name")  # a result of schema 1 has none: there an arm is trained once by a seed
    return named or answering_name(result, training)


def answering_name(result: Row, row: Row) -> str:
    """Under which name a trained arm answers, by its row."""
    return trained_name(row["arm"], row["training_seed"], min(row["training_seed"] for row in result["training"]))
