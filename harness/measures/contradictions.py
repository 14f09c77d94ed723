"""Where the rows of a result contradict each other, or the labels of the task: no number can be made of such rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from harness.api import Design
from harness.boundary import filenames
from harness.boundary.text import shortened
from harness.design.rules import constant, majority
from harness.design.skills import SPLIT as SKILLS
from harness.measures.kept import ItemRow, Kept, ProblemRow

LONGEST = 200
"""Characters of a value that are told."""


def contradictions(rows: Kept, labels: Sequence[str] | None, design: Design) -> Iterator[str]:
    """Where rows contradict each other, or the labels of the task."""
    problems = {row.id: row for row in rows.problems}
    if len(problems) != len(rows.problems):
        yield f"{filenames.PROBLEMS}: an id occurs twice"
    yield from _misruled(rows.problems, labels)
    seen: set[tuple[str, int | None, str]] = set()
    for number, row in enumerate(rows.items, 1):
        wrong = [
            *_misplaced(row, problems.get(row.problem), design),
            *_mistrained(row, design),
            *_misjudged(row, labels),
        ]
        key = row.arm, row.training_seed, row.problem
        if key in seen:
            wrong.append(f"arm {row.arm} has problem {row.problem} twice")
        seen.add(key)
        yield from (f"{filenames.ITEMS}: line {number}: {what}" for what in wrong)
    yield from _miscounted(rows.items, design)


def _miscounted(items: Sequence[ItemRow], design: Design) -> Iterator[str]:
    """Where an arm that votes does not answer what most of its voters do."""
    voting = {name: voters for name in design.names if (voters := design.voters(name))}
    if not voting:
        return
    given = {(row.arm, row.training_seed, row.problem): row.outcome.get("label") for row in items}
    for number, row in enumerate(items, 1):
        ballots = [given.get((name, row.training_seed, row.problem)) for name in voting.get(row.arm, ())]
        if ballots and row.outcome.get("label") != (label := majority(ballots)):
            said = shortened(repr(row.outcome.get("label")), LONGEST)
            yield f"{filenames.ITEMS}: line {number}: says {said}, most of its voters {shortened(repr(label), LONGEST)}"


def _misplaced(row: ItemRow, problem: ProblemRow | None, design: Design) -> Iterator[str]:
    """Where an item is of no arm, or not of the problem that it names."""
    if row.arm not in design.names:
        yield f"no arm {row.arm!r}; arms: {', '.join(design.names)}"
    if problem is None:
        yield f"problem {row.problem!r} is not in {filenames.PROBLEMS}"
    elif row.truth != problem.truth:
        yield f"truth {row.truth!r}, {filenames.PROBLEMS} says {problem.truth!r}"
    elif (row.split, row.stratum) != (problem.split, problem.stratum):
        yield "split and stratum are not those of its problem"


def _misruled(problems: Sequence[ProblemRow], labels: Sequence[str] | None) -> Iterator[str]:
    """Where the trivial rules of a problem are not those of its split, lack a constant answer, or are misjudged."""
    rules: dict[str, Set[str]] = {}
    found: dict[tuple[int, str, str], list[str]] = {}
    for number, row in enumerate(problems, 1):
        names = rules.setdefault(row.split, row.trivial.keys())
        key = id(row.trivial), row.split, row.truth  # what rows have in common is judged once
        if key not in found:
            found[key] = list(_wrong_rules(row, names, labels))
        yield from (f"{filenames.PROBLEMS}: line {number}: {what}" for what in found[key])


def _wrong_rules(row: ProblemRow, names: Set[str], labels: Sequence[str] | None) -> Iterator[str]:
    trivial = row.trivial
    if trivial.keys() != names:
        yield "has other rules than the first problem of its split"
    elif row.split != SKILLS:
        for label in labels or ():
            if constant(label) not in trivial or trivial[constant(label)]["label"] != label:
                yield f"has no rule {constant(label)!r} that says {label!r}"
    for rule, answer in trivial.items():
        if _is_misjudged(answer["label"], row.truth, answer["correct"], closed=labels is not None):
            yield f"rule {rule!r} says {answer['label']!r}, truth {row.truth!r}, and correct is {answer['correct']}"


def _mistrained(row: ItemRow, design: Design) -> Iterator[str]:
    """Where an item of an arm that is trained names no training, or one of an arm that is not names one."""
    if row.arm not in design.names:
        return
    trained = design.arm(row.arm).recipe is not None
    for key in ("training_seed", "adapter_sha256"):
        if (row[key] is not None) != trained:
            said = shortened(repr(row[key]), LONGEST)
            yield f"{key} is {said}, but arm {row.arm} is {'' if trained else 'not '}trained"


def _is_misjudged(label: str, truth: str, correct: bool, closed: bool) -> bool:
    """Whether a judgement cannot be: the truth itself is right, and nothing else is where labels are closed."""
    return correct != (label == truth) if closed else label == truth and not correct


def _misjudged(row: ItemRow, labels: Sequence[str] | None) -> Iterator[str]:
    """Where an item's judgement does not follow from its outcome.

    Free-form answers can be right in several ways; the one right reply of a skill cannot.
    """
    outcome = row["outcome"]
    if outcome["kind"] != "answered":
        if row["correct"]:
            yield "correct without an answer"
        return
    closed = labels is not None and row["split"] != SKILLS
    if closed and outcome["label"] not in (labels or ()):
        yield f"label {outcome['label']!r} is none of the task's"
    if _is_misjudged(outcome["label"], row["truth"], row["correct"], closed or row["split"] == SKILLS):
        yield f"label {outcome['label']!r}, truth {row['truth']!r}, and correct is {row['correct']}"
