"""What the simulated teacher writes and reads back: journal entries, the evidence in them, strategies.

An entry is prose with two kinds of lines in a fixed form, ``Evidence: RULE 7 of 10; ...`` and ``Mistakes of RULE: NO
for YES 3; ...``. Distillation knows nothing but these lines: an entry without them teaches nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.api import Answered, Attempt, Rule

EVIDENCE = "Evidence: "
MISTAKES = "Mistakes of {}: "
SHOWN = 3
"""How many wrong answers, or kinds of them, are spelt out one by one."""

_NUMBER = re.compile(r"[0-9]{1,9}")
_COUNT = re.compile(r"(.+) ([0-9]{1,9}) of ([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Support:
    """On how many of so many problems a rule gives the right answer."""

    right: int
    of: int


Evidence = Mapping[str, Support]
"""One evidence line: support by the name of the rule."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What an entry says of the one who answered."""

    carried_out: str
    said: str
    slipped: str
    rule: str


_WORDS: Mapping[Literal["teacher", "student"], _Words] = {
    "teacher": _Words(
        'I carried out the rule "{}" on {} and had {} right.',
        "What I said",
        "the rule is right and my last line did not say so: a slip",
        "my rule",
    ),
    "student": _Words(
        'A student that was taught the rule "{}" answered {} and had {} right.',
        "What it said",
        "the rule is right and the student did not say so: it did not carry the rule out",
        "the rule that it was taught",
    ),
}


def entry(
    rules: Sequence[Rule], held: Rule, attempts: Sequence[Attempt], by: Literal["teacher", "student"] = "teacher"
) -> str:
    """A journal entry on one batch: solved with the rule ``held``, or by a student that was taught it."""
    words = _WORDS[by]
    gives = {rule.name: [rule.work(attempt.problem).label for attempt in attempts] for rule in rules}
    truths = [attempt.truth.label for attempt in attempts]
    evidence = {
        name: Support(sum(label == truth for label, truth in zip(labels, truths, strict=True)), len(truths))
        for name, labels in gives.items()
    }
    lines = [
        words.carried_out.format(
            held.name, _count(len(attempts), "problem"), sum(attempt.correct for attempt in attempts)
        ),
        *_wrong_answers(attempts, gives[held.name], words),
        _lesson(rules, held, evidence, words),
        EVIDENCE + "; ".join(f"{name} {support.right} of {support.of}" for name, support in evidence.items()),
    ]
    faults = _faults(gives[held.name], truths)
    if faults:
        lines.append(MISTAKES.format(held.name) + "; ".join(f"{said} for {true} {n}" for said, true, n in faults))
    return "\n".join(lines)


def read_evidence(entries: Sequence[str]) -> list[Evidence]:
    """Every evidence line of some entries; what is not in the fixed form is passed over."""
    found: list[Evidence] = []
    for line in _lines(entries, EVIDENCE):
        counts = [match.groups() for item in line.split("; ") if (match := _COUNT.fullmatch(item))]
        found.append({name: Support(int(right), int(of)) for name, right, of in counts if int(right) <= int(of)})
    return found


def best_rule(rules: Sequence[Rule], held: Rule, evidence: Sequence[Evidence], min_evidence: int) -> Rule:
    """The rule that the evidence speaks for: the held one unless another is right strictly more often.

    Two rules are compared on the lines that count both over the same number of problems, ``min_evidence`` in all at
    least; anything else would weigh easy problems against hard ones.
    """
    better = []
    for place, rule in enumerate(rules):
        mine, theirs = _compared(evidence, rule.name, held.name)
        if mine.of >= min_evidence and mine.right > theirs.right:
            # At a tie a rule goes before a shortcut and a later one before an earlier: a shortcut fits a small sample
            # by accident, and a task lists its rules from crude to careful.
            better.append((mine.right / mine.of, not rule.trivial, place))
    return rules[max(better)[-1]] if better else held


def strategy_text(chosen: Rule, held: Rule, entries: Sequence[str]) -> str:
    """A strategy that states the chosen rule word for word, and which mistake of the one held before it avoids."""
    if chosen is held:
        return chosen.text
    mine, theirs = _compared(read_evidence(entries), chosen.name, held.name)
    sentences = [f'This replaces the rule "{held.name}".']
    faults = _read_faults(entries, held)
    if faults:
        sentences.append(f"The mistake to avoid: {_directions(faults)}.")
    if mine.of:
        sentences.append(
            f"On {_count(mine.of, 'problem')} this rule gives {_count(mine.right, 'right answer')}, "
            f"the one before gives {theirs.right}."
        )
    return chosen.text + "\n\n" + " ".join(sentences)


def _wrong_answers(attempts: Sequence[Attempt], gives: Sequence[str], words: _Words) -> list[str]:
    """What went wrong, in which direction, and whether the rule or a slip is to blame."""
    wrong = [(attempt, label) for attempt, label in zip(attempts, gives, strict=True) if not attempt.correct]
    if not wrong:
        return ["Nothing went wrong."]
    lines = ["Wrong: " + ", ".join(one_line(attempt.problem.id) for attempt, _ in wrong) + "."]
    said = [(a.outcome.label, a.truth.label) for a, _ in wrong if isinstance(a.outcome, Answered)]
    if said:
        lines.append(f"{words.said}: {_directions(_faults(*zip(*said, strict=True)))}.")
    if len(said) < len(wrong):
        lines.append(f"No answer came of {len(wrong) - len(said)} of them.")
    for attempt, _ in wrong[:SHOWN]:
        lines.append(f"In {one_line(attempt.problem.id)}: {one_line(attempt.truth.reason)}")
    slips = sum(label == attempt.truth.label for attempt, label in wrong)
    if slips < len(wrong):
        lines.append(f"In {len(wrong) - slips} of {len(wrong)} the rule itself leads to the wrong answer.")
    if slips:
        lines.append(f"In {slips} of {len(wrong)} {words.slipped}.")
    return lines


def _lesson(rules: Sequence[Rule], held: Rule, evidence: Evidence, words: _Words) -> str:
    better = best_rule(rules, held, [evidence], min_evidence=1)
    if better is held:
        return f'The pattern: no other rule fits this batch better than "{held.name}".'
    mine, theirs = evidence[better.name], evidence[held.name]
    return (
        f'The pattern: "{better.name}" gives {mine.right} of {mine.of} right where {words.rule} gives {theirs.right}. '
        f"It says: {one_line(better.text)}"
    )


def _compared(evidence: Sequence[Evidence], name: str, other: str) -> tuple[Support, Support]:
    """The support of two rules, summed over the lines that count both over the same number of problems."""
    pairs = [(line[name], line[other]) for line in evidence if name in line and other in line]
    pairs = [(mine, theirs) for mine, theirs in pairs if mine.of == theirs.of]
    of = sum(mine.of for mine, _ in pairs)
    return Support(sum(mine.right for mine, _ in pairs), of), Support(sum(theirs.right for _, theirs in pairs), of)


Fault = tuple[str, str, int]
"""The label given, the right one, and how often."""


def _faults(given: Sequence[str], truths: Sequence[str]) -> list[Fault]:
    pairs = zip(map(one_line, given), map(one_line, truths), strict=True)
    return [(said, true, n) for (said, true), n in Counter(pairs).most_common() if said != true]


def _read_faults(entries: Sequence[str], held: Rule) -> list[Fault]:
    """The mistakes of a rule, summed over the entries; what is not in the fixed form is passed over."""
    faults: Counter[tuple[str, str]] = Counter()
    for line in _lines(entries, MISTAKES.format(held.name)):
        for item in line.split("; "):
            pair, _, n = item.rpartition(" ")
            said, between, true = pair.partition(" for ")
            if between and _NUMBER.fullmatch(n):
                faults[said, true] += int(n)
    return [(said, true, n) for (said, true), n in faults.most_common()]


def _directions(faults: Sequence[Fault]) -> str:
    return ", ".join(f"{said} where {true} is right ({_count(n, 'time')})" for said, true, n in faults[:SHOWN])


def _lines(entries: Sequence[str], start: str) -> list[str]:
    """What follows ``start`` on each line that begins with it."""
    lines = (line for text in entries for line in text.split("\n"))
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def one_line(text: str) -> str:
    """Text from elsewhere on one line, so that it cannot pass for a line in the fixed form."""
    return " ".join(text.split())
