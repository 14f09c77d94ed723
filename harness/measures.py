"""The numbers of a result, as pure functions of its rows.

A result is written from these and checked by them: ``harness validate`` calls the same functions on the files.
Rows are plain JSON, as in items.jsonl and problems.jsonl.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness import files
from harness.arms import CONTRASTS, NAMES
from harness.statistics import LEVEL, Interval, paired, wilson

Row = Mapping[str, Any]
TOKENS = ("input_tokens", "output_tokens", "thinking_tokens", "cache_read_tokens", "cache_write_tokens")
OUTCOMES = ("answered", "unparsed", "refused", "truncated", "failed")


def problem_sets(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry per split: size, digest, labels in all and by stratum, every trivial rule's score."""
    return [
        {
            "split": split,
            "n": len(rows),
            "sha256": files.digest([[row["id"], row["data"]] for row in rows]),
            "labels": _counts(row["truth"] for row in rows),
            "strata": [
                {"stratum": stratum, "n": len(inner), "labels": _counts(row["truth"] for row in inner)}
                for stratum, inner in _grouped(rows, "stratum").items()
            ],
            "trivial": trivial(rows),
        }
        for split, rows in _grouped(problems, "split").items()
    ]


def trivial(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """The score of each trivial rule on these problems, best first; by name where scores are equal."""
    scores: Counter[str] = Counter()
    for row in problems:
        for rule, answer in row["trivial"].items():
            scores[rule] += answer["correct"]
    return [
        {"rule": rule, "correct": correct, "accuracy": _round(correct / len(problems))}
        for rule, correct in sorted(scores.items(), key=lambda score: (-score[1], score[0]))
    ]


def arms(items: Sequence[Row], problems: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry per arm and split: counts of outcomes, accuracy with interval, best trivial rule, by stratum."""
    by_id = {row["id"]: row for row in problems}
    measured = []
    for (arm, split), rows in _by_arm(items).items():
        best = trivial([by_id[row["problem"]] for row in rows])
        measured.append(
            {
                "arm": arm,
                "split": split,
                **_score(rows),
                "best_trivial": best[0] if best else None,
                "steps": _steps(rows),
                "strata": [
                    {"stratum": stratum, **_score(inner)} for stratum, inner in _grouped(rows, "stratum").items()
                ],
                "models": sorted({row["model"] for row in rows}),
                "prompts_sha256": files.digest([row["prompt_sha256"] for row in _in_order(rows)]),
                **{name: sum(row["usage"][name] for row in rows) for name in TOKENS},
            }
        )
    return measured


def contrasts(items: Sequence[Row]) -> list[dict[str, Any]]:
    """The paired comparisons of all declared contrasts whose two arms answered the same problems."""
    correct = {key: {row["problem"]: row["correct"] for row in rows} for key, rows in _by_arm(items).items()}
    compared = []
    for contrast in CONTRASTS:
        first, second = correct.get((contrast.first, contrast.split)), correct.get((contrast.second, contrast.split))
        if first is None or second is None or first.keys() != second.keys():
            continue
        pair = paired([first[problem] for problem in first], [second[problem] for problem in first])
        compared.append(
            {
                "first": contrast.first,
                "second": contrast.second,
                "split": contrast.split,
                "factor": contrast.factor,
                "n": pair.n,
                "both": pair.both,
                "only_first": pair.only_first,
                "only_second": pair.only_second,
                "neither": pair.neither,
                "difference": interval(pair.difference),
                "p_value": _round(pair.p_value),
            }
        )
    return compared


def interval(estimate: Interval) -> dict[str, float]:
    """An estimate with its limits, rounded as in result files."""
    return {
        "value": _round(estimate.value),
        "low": _round(estimate.low),
        "high": _round(estimate.high),
        "level": LEVEL,
    }


def _score(rows: Sequence[Row]) -> dict[str, Any]:
    kinds = Counter(row["outcome"]["kind"] for row in rows)
    correct = sum(row["correct"] for row in rows)
    return {
        "n": len(rows),
        "outcomes": {kind: kinds[kind] for kind in OUTCOMES},
        "correct": correct,
        "accuracy": interval(wilson(correct, len(rows))),
    }


def _steps(rows: Sequence[Row]) -> dict[str, int]:
    """How many replies show steps that can be checked, and how many of these are right."""
    shown = [row["steps"] for row in rows if row["steps"] is not None]
    return {"shown": len(shown), "right": sum(step["claimed"] == step["true"] for step in shown)}


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["problem"]))


def _by_arm(items: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in items:
        groups.setdefault((row["arm"], row["split"]), []).append(row)
    return dict(sorted(groups.items(), key=lambda group: (NAMES.index(group[0][0]), group[0][1] != "test")))


def _grouped(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return dict(sorted(groups.items()))


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _round(value: float) -> float:
    """Six decimals: enough to read, few enough to be the same everywhere."""
    return round(value, 6)
