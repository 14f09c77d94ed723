"""The numbers of a result, as pure functions of its rows: problem sets, arms, and what data shares with what.

A result is written from these and checked by them: ``harness validate`` calls the same functions on the files. Rows are
plain JSON, as in items.jsonl and problems.jsonl. How two arms compare is in ``harness.comparisons``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness import files, layout
from harness.arms import NAMES, by_name, trained_name
from harness.skills import SPLIT as SKILLS
from harness.statistics import (
    LEVEL,
    Interval,
    balanced_accuracy,
    information_p,
    manski,
    matthews,
    paired,
    wilson,
)

Row = Mapping[str, Any]
TOKENS = ("input_tokens", "output_tokens", "thinking_tokens", "cache_read_tokens", "cache_write_tokens")
OUTCOMES = ("answered", "unparsed", "refused", "truncated", "failed")
EXAMINED = ("test", "harder")
"""Splits on which arms are measured, and of which no problem may be met before."""
SEEN = ("reflect", "train")
"""Splits that teacher or student learn from."""
WRITTEN = (layout.NOTES, layout.EVOLUTION)
"""The files that hold what the teacher wrote while it learned."""
LONG_ENOUGH = 12
"""Characters of a problem's text from which on finding it in a strategy is no coincidence."""


def problem_sets(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry per split: size, digest, labels in all and by stratum, every trivial rule's score."""
    return [
        {
            "split": split,
            "n": len(rows),
            "sha256": files.digest([[row["id"], row["data"]] for row in rows]),
            "labels": _counts(row["truth"] for row in rows),
            "distinct": min(len(set(forms)) for forms in _forms(rows)),
            "strata": [
                {
                    "stratum": stratum,
                    "n": len(inner),
                    "labels": _counts(row["truth"] for row in inner),
                    "trivial": trivial(inner),
                }
                for stratum, inner in grouped(rows, "stratum").items()
            ],
            "trivial": trivial(rows),
        }
        for split, rows in grouped(problems, "split").items()
    ]


def trivial(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """The score of each trivial rule on these problems, best first; by name where scores are equal."""
    scores: Counter[str] = Counter()
    for row in problems:
        for rule, answer in row["trivial"].items():
            scores[rule] += answer["correct"]
    return [
        {"rule": rule, "correct": correct, "accuracy": rounded(correct / len(problems))}
        for rule, correct in sorted(scores.items(), key=lambda score: (-score[1], score[0]))
    ]


def overlaps(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """How many problems of each examined split occur in a split that is learned from: in any form, see ``_forms``."""
    forms = {split: _forms(rows) for split, rows in grouped(problems, "split").items()}
    return [
        {
            "split": split,
            "source": source,
            "n": len(forms[split][0]),
            "shared": _shared(forms[split], forms[source]),
        }
        for split in EXAMINED
        for source in (*SEEN, *(["test"] if split == "harder" else []))
        if split in forms and source in forms
    ]


def _forms(rows: Sequence[Row]) -> list[list[str]]:
    """What tells problems apart, each as a list over the rows: canonical form, data, and text.

    Problems are the same if they agree in one of these: the canonical form is the task's word alone, and may miss it.
    Where data or text is empty, the canonical form stands for it.
    """
    data = [files.canonical(row["data"]) if row["data"] else row["canonical"] for row in rows]
    return [[row["canonical"] for row in rows], data, [row["text"] or row["canonical"] for row in rows]]


def quoted(problems: Sequence[Row], texts: Iterable[str]) -> int | None:
    """How many problems that arms are measured on stand word for word in these texts.

    None, which is not known, where none does, but the text of one is too short to tell a quotation from coincidence.
    """
    written = "\n".join(texts)
    asked = [row["text"] for row in problems if row["split"] in EXAMINED]
    found = sum(len(text) >= LONG_ENOUGH and text in written for text in asked)
    return None if not found and any(len(text) < LONG_ENOUGH for text in asked) else found


def arms(items: Sequence[Row], problems: Sequence[Row], labels: Sequence[str] | None) -> list[dict[str, Any]]:
    """One entry per arm, split and training seed: counts, accuracies with intervals, best trivial rule, by stratum.

    ``labels`` are the task's; None where answers are free-form, which have no statistics by class.
    """
    by_id = {row["id"]: row for row in problems}
    sizes = Counter(row["split"] for row in problems)
    return [
        _arm(key, rows, [by_id[row["problem"]] for row in rows], labels if key[1] != SKILLS else None, sizes[key[1]])
        for key, rows in by_arm(items).items()
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


def answer_accounts(items: Iterable[Row]) -> list[dict[str, Any]]:
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
        if by_name(arm).answers == "teacher"
    ]


def trained(report: Row, logit_change: float) -> dict[str, Any]:
    """What a training is told by: the trainer's report, and by how much the adapter moves a logit."""
    kept = ("steps", "supervised_tokens", "prompt_tokens", "truncated_rows", "supervised_prompt_tokens")
    return {
        **{key: report[key] for key in (*kept, "rows_without_loss")},
        "losses": [rounded(loss) for loss in report["losses"]],
        "logit_change": rounded(logit_change),
    }


def training_name(result: Row, training: Row) -> str:
    """What the adapter and the examples of one of a result's trainings are called."""
    return trained_name(
        training["arm"], training["training_seed"], min(row["training_seed"] for row in result["training"])
    )


def by_arm(items: Iterable[Row]) -> dict[tuple[str, str, int | None], list[Row]]:
    """Rows by arm, split and training seed, in the order of the experiment; each in the order of its problems."""
    groups: dict[tuple[str, str, int | None], list[Row]] = {}
    for row in items:
        groups.setdefault((row["arm"], row["split"], row["training_seed"]), []).append(row)
    ordered = sorted(groups, key=lambda key: (NAMES.index(key[0]), key[1] != "test", key[1], key[2] or 0))
    return {key: sorted(groups[key], key=lambda row: str(row["problem"])) for key in ordered}


def grouped(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    """Rows by the value of one field, in its order."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return dict(sorted(groups.items()))


def answered(row: Row) -> bool:
    """Whether a reply states an answer."""
    return bool(row["outcome"]["kind"] == "answered")


def blanks(entry: Row) -> int:
    """How many replies of an arm, or of one of its strata, state no answer."""
    return int(entry["n"]) - int(entry["outcomes"]["answered"])


def interval(estimate: Interval) -> dict[str, float]:
    """An estimate with its limits, rounded as in result files."""
    return {
        "value": rounded(estimate.value),
        "low": rounded(estimate.low),
        "high": rounded(estimate.high),
        "level": LEVEL,
    }


def rounded(value: float) -> float:
    """Six decimals: enough to read, few enough to be the same everywhere."""
    return round(value, 6)


def _digest(rows: Sequence[Row], field: str) -> str:
    return files.digest([row[field] for row in rows])


def _shared(forms: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> int:
    known = [set(other) for other in others]
    return sum(any(form in other for form, other in zip(row, known, strict=True)) for row in zip(*forms, strict=True))


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
