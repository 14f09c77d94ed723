"""What a set of problems amounts to: labels, trivial rules, what sets share, and what of them was quoted.

Pure functions of the rows of problems.jsonl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from harness.boundary import filenames, files
from harness.design.skills import SPLIT as SKILLS
from harness.measures.problems.shortcuts import words
from harness.measures.rows import Row, grouped, rounded

EXAMINED = ("test", "harder")
"""Splits on which arms are measured, and of which no problem may be met before."""
SEEN = ("reflect", "train")
"""Splits that teacher or student learn from."""
WRITTEN = (filenames.JOURNAL_MD, filenames.EVOLUTION_MD)
"""The files that hold what the teacher wrote while it learned."""
LONG_ENOUGH = 12
"""Characters of a problem's text from which on finding it in a strategy is no coincidence."""
MEMBERS, LINES = "members", "lines"
"""The forms that leave order out: the data with every list as a bag of its members, the text as a bag of its lines."""
ORDERLY = 0.05
"""Share of the pairs that differ in order alone, and have different truths, from which on order decides in a task."""


def problem_sets(problems: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry per split: size, digest, labels in all and by stratum, every trivial rule's score."""
    kept = ordered(problems)
    return [
        {
            "split": split,
            "n": len(rows),
            "sha256": files.digest([[row["id"], row["data"]] for row in rows]),
            "labels": _counts(row["truth"] for row in rows),
            "distinct": min(len(set(forms)) for forms in _forms(rows, kept)),
            "truth_in_text": sum(bool(words([row["truth"]]).search(row["text"])) for row in rows),
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
    kept = ordered(problems)
    forms = {split: _forms(rows, kept) for split, rows in grouped(problems, "split").items()}
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


def _forms(rows: Sequence[Row], kept: Set[str]) -> list[list[str]]:
    """What tells problems apart, each as a list over the rows: canonical form, data, text, and the last two as bags.

    Problems are the same if they agree in one of these: the canonical form is the task's word alone, and may miss it.
    Where data or text is empty, the canonical form stands for it. Bags are of no use where order decides, as in the
    forms ``kept``; elsewhere the truth belongs to them.
    """
    data = [files.canonical(row["data"]) if row["data"] else row["canonical"] for row in rows]
    plain = [[row["canonical"] for row in rows], data, [row["text"] or row["canonical"] for row in rows]]
    bags = [[f"{bag(row)} {row['truth']}" for row in rows] for form, bag in BAGS.items() if form not in kept]
    return [*plain, *bags]


def ordered(problems: Sequence[Row]) -> set[str]:
    """The forms of BAGS that tell nothing in this task, since order decides.

    Of the pairs of problems of which one is the other in another order, more than ORDERLY have different truths.
    """
    asked = {
        (row["canonical"], _members(row), _lines(row), row["truth"]): row for row in problems if row["split"] != SKILLS
    }
    return {form for form, bag in BAGS.items() if _decides([(bag(row), row["truth"]) for row in asked.values()])}


def _decides(bags: Sequence[tuple[str, str]]) -> bool:
    alike, agreeing = Counter(bag for bag, _ in bags), Counter(bags)
    pairs, same = (sum(n * (n - 1) // 2 for n in counts.values()) for counts in (alike, agreeing))
    return pairs - same > ORDERLY * pairs


def _members(row: Row) -> str:
    return files.canonical(_bag(row["data"])) if row["data"] else str(row["canonical"])


def _bag(value: Any) -> Any:
    """A value with every list in it, at any depth, in one order."""
    if isinstance(value, Mapping):
        return {key: _bag(inner) for key, inner in value.items()}
    return sorted(map(_bag, value), key=files.canonical) if isinstance(value, list | tuple) else value


def _lines(row: Row) -> str:
    return "\n".join(sorted(row["text"].split("\n"))) if row["text"] else str(row["canonical"])


BAGS: Mapping[str, Callable[[Row], str]] = {MEMBERS: _members, LINES: _lines}
"""How a problem is written where order is left out."""


def quoted(problems: Sequence[Row], texts: Iterable[str]) -> int | None:
    """How many problems that arms are measured on stand in these texts, whatever their line breaks and capitals.

    None, which is not known, where none does, but the text of one is too short to tell a quotation from coincidence.
    """
    written = _even("\n".join(texts))
    asked = [row["text"] for row in problems if row["split"] in EXAMINED]
    found = sum(len(text.strip()) >= LONG_ENOUGH and _even(text) in written for text in asked)
    return None if not found and any(len(text.strip()) < LONG_ENOUGH for text in asked) else found


def _even(text: str) -> str:
    return " ".join(text.casefold().split())


def _shared(forms: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> int:
    known = [set(other) for other in others]
    return sum(any(form in other for form, other in zip(row, known, strict=True)) for row in zip(*forms, strict=True))


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
