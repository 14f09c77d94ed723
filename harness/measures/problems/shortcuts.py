"""The shortcuts that every task has, whatever its own trivial rules are: what they answer, from the rows alone.

They need the text, the stratum and the truth of each problem, and no plugin: so no task can leave them out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from harness.design.skills import SPLIT as SKILLS
from harness.measures import kept
from harness.measures.kept import ProblemRow
from harness.measures.rows import Row, grouped

MAJORITY = "stratum-majority"
"""The rule that gives the commonest truth among the other problems of a problem's stratum and split."""
IN_TEXT = "label-in-text"
"""The rule that gives the label which stands in a problem's text more often than every other label."""


def automatic(closed: bool) -> tuple[str, ...]:
    """The names of the rules that every problem set has: of a task whose labels are closed, or of a free-form one."""
    return (IN_TEXT, MAJORITY) if closed else (MAJORITY,)


def ruled(problems: Sequence[Row], labels: Sequence[str] | None) -> list[ProblemRow]:
    """The rows, kept, with the automatic rules among their trivial ones, in place of any of the same name.

    ``labels`` are the task's, None where answers are free-form. The student's own skills have no rules.
    """
    made: list[ProblemRow] = []
    known: dict[Any, Mapping[str, Mapping[str, Any]]] = {}
    for split, rows in grouped(kept.problems(problems), "split").items():
        answers = {MAJORITY: _majority(rows)}
        if labels is not None:
            answers[IN_TEXT] = _in_text(rows, labels)
        for place, row in enumerate(rows):
            said = {name: given[place] for name, given in answers.items()}
            key = split == SKILLS, id(row.trivial), row.truth, *said.values()
            if key not in known:
                judged = {name: {"label": label, "correct": label == row.truth} for name, label in said.items()}
                known[key] = {} if split == SKILLS else {**row.trivial, **judged}
            made.append(replace(row, trivial=known[key]))
    return made


def _majority(rows: Sequence[ProblemRow]) -> list[str | None]:
    """For each problem the commonest truth of the others of its stratum; None where there is not one that is.

    The problem itself is left out, so that a stratum of few problems is not its own oracle. No tie is broken: then what
    labels are called would decide.
    """
    counts = {stratum: Counter(row.truth for row in inner) for stratum, inner in grouped(rows, "stratum").items()}
    others = {
        (stratum, truth): _commonest(all_of - Counter([truth]))
        for stratum, all_of in counts.items()
        for truth in all_of
    }
    return [others[row.stratum, row.truth] for row in rows]


def predictable(labels: Mapping[str, int]) -> int:
    """How many problems of a stratum ``stratum-majority`` gets right, by its counts of labels alone."""
    counts = Counter(labels)
    return sum(n for label, n in counts.items() if n and _commonest(counts - Counter([label])) == label)


def _commonest(counts: Counter[str]) -> str | None:
    """What is counted most often, if one thing is."""
    first = counts.most_common(2)
    return first[0][0] if first and (len(first) == 1 or first[0][1] > first[1][1]) else None


def _in_text(rows: Sequence[ProblemRow], labels: Sequence[str]) -> list[str | None]:
    """For each problem the label that stands in its text most often, as a whole word; None where there is not one.

    In the label's own letters; where that singles none out, in capital or small ones. Lines that all problems of the
    split have are those of a template, and tell nothing.
    """
    folded = tuple(label.casefold() for label in labels)
    exact, loose = words(tuple(labels)), words(folded)
    named = dict(zip(folded, labels, strict=True))
    template = _template([row.text for row in rows])
    found: list[str | None] = []
    for row in rows:
        text = row.text
        small = text.casefold()
        if not any(label and label in small for label in folded):
            found.append(None)
            continue
        text = "\n".join(line for line in text.split("\n") if line not in template)
        label = _commonest(Counter(exact.findall(text)))
        found.append(label or named.get(_commonest(Counter(loose.findall(text.casefold()))) or ""))
    return found


def _template(texts: Sequence[str]) -> set[str]:
    """The lines that all of several texts have."""
    if len(texts) <= 1:
        return set()
    lines = set(texts[0].split("\n"))
    for text in texts:
        lines.intersection_update(text.split("\n"))
        if not lines:
            break
    return lines


@lru_cache(maxsize=1024)
def words(labels: tuple[str, ...]) -> re.Pattern[str]:
    """What finds these labels as whole words in a text, of two that begin at one place the longer."""
    longest = sorted(filter(None, labels), key=lambda label: (-len(label), label))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest)) or '(?!)'})(?!\w)")
