"""What a set of problems amounts to: labels, trivial rules, what sets share, and what of them was quoted.

Pure functions of the rows of problems.jsonl."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from typing import Any

from harness.boundary import filenames, files
from harness.design.skills import SPLIT as SKILLS
from harness.measures import kept
from harness.measures.kept import ProblemRow
from harness.measures.problems.shortcuts import words
from harness.measures.rows import Row, grouped, rounded

EXAMINED = ("test", "harder")
"""Splits on which arms are measured, and of which no problem may be met before."""
WRITTEN = (filenames.JOURNAL_MD, filenames.EVOLUTION_MD)
"""The files that hold what the teacher wrote while it learned."""
LONG_ENOUGH = 12
"""Characters of a problem's text from which on finding it in a strategy is no coincidence."""
BAGS = MEMBERS, LINES = "members", "lines"
"""The forms that leave order out: the data with every list as a bag of its members, the text as a bag of its lines."""
ORDERLY = 0.05
"""Share of the pairs that differ in order alone, and have different truths, from which on order decides in a task."""


def problem_sets(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry per split: size, digest, labels in all and by stratum, every trivial rule's score."""
    rows = kept.problems(problems)
    order = ordered(rows)
    return [
        {
            "split": split,
            "n": len(inner),
            "sha256": _digest(inner),
            "labels": _counts(inner),
            "distinct": min(len(set(forms)) for forms in _forms(inner, order)),
            "truth_in_text": sum(bool(words((row.truth,)).search(row.text)) for row in inner),
            "strata": [
                {"stratum": stratum, "n": len(each), "labels": _counts(each), "trivial": trivial(each)}
                for stratum, each in grouped(inner, "stratum").items()
            ],
            "trivial": trivial(inner),
        }
        for split, inner in grouped(rows, "split").items()
    ]


def _digest(rows: Sequence[ProblemRow]) -> str:
    """SHA-256 of the ids and the data of problems as canonical JSON."""
    sha256 = hashlib.sha256()
    for place, row in enumerate(rows):
        sha256.update(f"{',' if place else '['}[{files.canonical(row.id)},{row.data or '{}'}]".encode())
    sha256.update(b"]")
    return sha256.hexdigest()


def trivial(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """The score of each trivial rule on these problems, best first; by name where scores are equal."""
    scores: Counter[str] = Counter()
    same = Counter(id(row["trivial"]) for row in problems)  # kept rows share what they have in common
    for answers in {id(row["trivial"]): row["trivial"] for row in problems}.values():
        for rule, answer in answers.items():
            scores[rule] += answer["correct"] * same[id(answers)]
    return [
        {"rule": rule, "correct": correct, "accuracy": rounded(correct / len(problems))}
        for rule, correct in sorted(scores.items(), key=lambda score: (-score[1], score[0]))
    ]


def overlaps(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """How many problems of each examined split occur in a split that is learned from: in any form, see ``_forms``."""
    rows = kept.problems(problems)
    order = ordered(rows)
    forms = {split: _forms(inner, order) for split, inner in grouped(rows, "split").items()}
    return [
        {
            "split": split,
            "source": source,
            "n": len(forms[split][0]),
            "shared": _shared(forms[split], forms[source]),
        }
        for split in EXAMINED
        for source in (*_seen(forms), *(["test"] if split == "harder" else []))
        if split in forms and source in forms
    ]


def _seen(splits: Iterable[str]) -> list[str]:
    """The splits that teacher or student learn from."""
    return [split for split in splits if split not in (*EXAMINED, SKILLS)]


def _forms(rows: Sequence[ProblemRow], order: Set[str]) -> list[list[Any]]:
    """What tells problems apart, each as a list over the rows: canonical form, data, text, and the last two as bags.

    Problems are the same if they agree in one of these: the canonical form is the task's word alone, and may miss it.
    Where data or text is empty, the canonical form stands for it. Bags are of no use where order decides, as in the
    forms of ``order``; elsewhere the truth belongs to them.
    """
    plain: list[list[Any]] = [
        [row.canonical for row in rows],
        [row.data or row.canonical for row in rows],
        [row.text or row.canonical for row in rows],
    ]
    return [*plain, *([(row[form], row.truth) for row in rows] for form in BAGS if form not in order)]


def ordered(problems: Sequence[Row]) -> set[str]:
    """The forms of BAGS that tell nothing in this task, since order decides.

    Of the pairs of problems of which one is the other in another order, more than ORDERLY have different truths.
    """
    asked = {
        (row.canonical, row.members, row.lines, row.truth) for row in kept.problems(problems) if row.split != SKILLS
    }
    bags = {
        MEMBERS: [(members, truth) for _, members, _, truth in asked],
        LINES: [(lines, truth) for _, _, lines, truth in asked],
    }
    return {form for form in BAGS if _decides(bags[form])}


def _decides(bags: Sequence[tuple[bytes, str]]) -> bool:
    alike, agreeing = Counter(bag for bag, _ in bags), Counter(bags)
    pairs, same = (sum(n * (n - 1) // 2 for n in counts.values()) for counts in (alike, agreeing))
    return pairs - same > ORDERLY * pairs


def quoted(problems: Sequence[Row], texts: Iterable[str]) -> int | None:
    """How many problems that arms are measured on stand in these texts, whatever their line breaks and capitals.

    None, which is not known, where none does, but the text of one is too short to tell a quotation from coincidence.
    """
    written = _even("\n".join(texts))
    asked = [row["text"] for row in problems if row["split"] in EXAMINED]
    found = 0
    if len(written) >= LONG_ENOUGH:
        found = sum(len(text.strip()) >= LONG_ENOUGH and _even(text) in written for text in asked)
    return None if not found and any(len(text.strip()) < LONG_ENOUGH for text in asked) else found


def _even(text: str) -> str:
    return " ".join(text.casefold().split())


def _shared(forms: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> int:
    known = [set(other) for other in others]
    return sum(any(form in other for form, other in zip(row, known, strict=True)) for row in zip(*forms, strict=True))


def _counts(rows: Iterable[ProblemRow]) -> dict[str, int]:
    """How many problems have each truth."""
    return dict(sorted(Counter(row.truth for row in rows).items()))
