"""What a set of problems amounts to: labels, trivial rules, what sets share, and what of them was quoted.

Pure functions of the rows of problems.jsonl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from harness.boundary import filenames, files
from harness.measures.rows import Row, grouped, rounded

EXAMINED = ("test", "harder")
"""Splits on which arms are measured, and of which no problem may be met before."""
SEEN = ("reflect", "train")
"""Splits that teacher or student learn from."""
WRITTEN = (filenames.JOURNAL_MD, filenames.EVOLUTION_MD)
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


def _shared(forms: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> int:
    known = [set(other) for other in others]
    return sum(any(form in other for form, other in zip(row, known, strict=True)) for row in zip(*forms, strict=True))


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
