"""What each arm scored, as pure functions of its rows: counts, accuracies with intervals, the best trivial rule.

A result is written from these and checked by them: ``harness validate`` calls the same functions on the files. How two
arms compare is in ``contrasts``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from harness.api import Design
from harness.boundary import files
from harness.design.skills import SPLIT as SKILLS
from harness.measures.problem_sets import trivial
from harness.measures.rows import OUTCOMES, TOKENS, Row, answered, by_arm, grouped, interval, rounded
from harness.measures.statistics import balanced_accuracy, information_p, manski, matthews, paired, wilson


def arms(
    items: Sequence[Row], problems: Sequence[Row], labels: Sequence[str] | None, design: Design
) -> list[dict[str, Any]]:
    """One entry per arm, split and training seed: counts, accuracies with intervals, best trivial rule, by stratum.

    ``labels`` are the task's; None where answers are free-form, which have no statistics by class.
    """
    by_id = {row["id"]: row for row in problems}
    sizes = Counter(row["split"] for row in problems)
    return [
        _arm(key, rows, [by_id[row["problem"]] for row in rows], labels if key[1] != SKILLS else None, sizes[key[1]])
        for key, rows in by_arm(items, design).items()
    ]


def _arm(
    key: tuple[str, str, int | None],
    rows: Sequence[Row],
    problems: Sequence[Row],
    labels: Sequence[str] | None,
    planned: int,
) -> dict[str, Any]:
    arm, split, seed = key
    return {
        "arm": arm,
        "split": split,
        "training_seed": seed,
        **score(rows),
        "problems": planned,
        **_given(rows),
        **_by_class(rows, labels),
        "free_form": _free_form(rows) if labels is None else None,
        **_against_trivial(rows, problems),
        "steps": _steps(rows),
        "strata": [
            {"stratum": stratum, **score(inner), "predictions": _predictions(inner) if labels else None}
            for stratum, inner in grouped(rows, "stratum").items()
        ],
        "models": sorted({row["model"] for row in rows}),
        "prompts_sha256": _digest(rows, "prompt_sha256"),
        "wording_sha256": _digest(rows, "wording_sha256"),
        "adapters_sha256": _adapters(rows),
        **{name: sum(row["usage"][name] for row in rows) for name in TOKENS},
    }


def score(rows: Sequence[Row]) -> dict[str, Any]:
    """Problems, what became of them, and accuracy with its interval: a reply without an answer is not right."""
    kinds = Counter(row["outcome"]["kind"] for row in rows)
    correct = sum(row["correct"] for row in rows)
    return {
        "n": len(rows),
        "outcomes": {kind: kinds[kind] for kind in OUTCOMES},
        "correct": correct,
        "accuracy": interval(wilson(correct, len(rows))),
    }


def _given(rows: Sequence[Row]) -> dict[str, Any]:
    """Accuracy among the answered, and the worst and best case over those that are not."""
    correct = sum(row["correct"] for row in rows)
    given = sum(answered(row) for row in rows)
    low, high = manski(correct, len(rows), len(rows) - given)
    return {
        "accuracy_given_answered": interval(wilson(correct, given)) if given else None,
        "bounds": {"low": rounded(low), "high": rounded(high)},
    }


def _by_class(rows: Sequence[Row], labels: Sequence[str] | None) -> dict[str, Any]:
    """What needs a closed set of labels; null without one."""
    if labels is None:
        return dict.fromkeys(("predictions", "balanced_accuracy", "matthews", "information_p"))
    predictions = _predictions(rows)
    return {
        "predictions": predictions,
        "balanced_accuracy": interval(balanced_accuracy(predictions, Counter(row["truth"] for row in rows))),
        "matthews": rounded(matthews(predictions)),
        "information_p": rounded(information_p(predictions)),
    }


def _free_form(rows: Sequence[Row]) -> dict[str, int]:
    """What is told of free-form answers: how many are the most common one, and how many are the truth to the letter.

    Right answers may be more than these: a verifier may accept several.
    """
    given = [row for row in rows if answered(row)]
    counts = Counter(row["outcome"]["label"] for row in given)
    return {
        "most_common": max(counts.values(), default=0),
        "exact": sum(row["outcome"]["label"] == row["truth"] for row in given),
    }


def _predictions(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Answers by truth, then by label."""
    by_truth: dict[str, Counter[str]] = {}
    for row in rows:
        counts = by_truth.setdefault(row["truth"], Counter())
        if answered(row):
            counts[row["outcome"]["label"]] += 1
    return {truth: dict(sorted(counts.items())) for truth, counts in sorted(by_truth.items())}


def _against_trivial(rows: Sequence[Row], problems: Sequence[Row]) -> dict[str, Any]:
    """The best trivial rule, and the arm against it; null where there is none.

    Of rules of one score it is the one that the arm is least clearly above, so that no name decides anything.
    """
    scores = trivial(problems)
    best = [score for score in scores if score["correct"] == scores[0]["correct"]]
    over = [_over(rows, problems, score["rule"]) for score in best]
    nearest = min(zip(over, best, strict=True), key=lambda pair: pair[0]["difference"]["low"], default=(None, None))
    return {"best_trivial": nearest[1], "over_trivial": nearest[0]}


def _over(rows: Sequence[Row], problems: Sequence[Row], rule: str) -> dict[str, Any]:
    """The arm against a trivial rule, problem by problem."""
    pair = paired([row["correct"] for row in rows], [problem["trivial"][rule]["correct"] for problem in problems])
    return {"difference": interval(pair.difference), "p_value": rounded(pair.p_value)}


def _steps(rows: Sequence[Row]) -> dict[str, int]:
    """How many replies show steps that can be checked, and how many of these are right."""
    shown = [row["steps"] for row in rows if row["steps"] is not None]
    return {"shown": len(shown), "right": sum(step["claimed"] == step["true"] for step in shown)}


def _adapters(rows: Sequence[Row]) -> list[str]:
    """The adapters that answered; none where some row was answered without one."""
    found = {row["adapter_sha256"] for row in rows}
    return [] if None in found else sorted(found)


def _digest(rows: Sequence[Row], field: str) -> str:
    return files.digest([row[field] for row in rows])
