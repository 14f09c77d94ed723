"""What the simulated teacher writes and reads back: journal entries, the evidence in them, strategies.

An entry is prose with two kinds of lines in a fixed form, ``Evidence: RULE 7 of 10; ...`` and ``Mistakes of RULE: NO
for YES 3; ...``. Distillation knows nothing but these lines: an entry without them teaches nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.protocols import Rule
from harness.records import Answered, Attempt

EVIDENCE = "Evidence: "
MISTAKES = "Mistakes of {}: "
SHOWN = 3
"""Wrong answers that an entry explains one by one."""

_COUNT = re.compile(r"(.+) ([0-9]{1,9}) of ([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Support:
    """On how many of so many problems a rule gives the right answer."""

    right: int
    of: int


Evidence = Mapping[str, Support]
"""One evidence line: support by the name of the rule."""


def entry(rules: Sequence[Rule], held: Rule, attempts: Sequence[Attempt], min_evidence: int) -> str:
    """A journal entry on one batch, solved with the rule ``held``."""
    gives = {rule.name: [rule.work(attempt.problem).label for attempt in attempts] for rule in rules}
    truths = [attempt.truth.label for attempt in attempts]
    evidence = {
        name: Support(sum(label == truth for label, truth in zip(labels, truths, strict=True)), len(truths))
        for name, labels in gives.items()
    }
    faults = Counter(pair for pair in zip(gives[held.name], truths, strict=True) if pair[0] != pair[1])
    lines = [
        f'I carried out the rule "{held.name}" on {_count(len(attempts), "problem")} '
        f"and had {sum(attempt.correct for attempt in attempts)} right.",
        *_wrong_answers(attempts, gives[held.name]),
        *_lesson(rules, held, evidence, min(min_evidence, len(attempts))),
        EVIDENCE + "; ".join(f"{name} {support.right} of {support.of}" for name, support in evidence.items()),
    ]
    if faults:
        lines.append(MISTAKES.format(held.name) + "; ".join(_counted(faults, "{} for {} {}")))
    return "\n".join(lines)


def read_evidence(entries: Sequence[str]) -> list[Evidence]:
    """Every evidence line of some entries; what is not in the fixed form is passed over."""
    found = []
    for line in _lines(entries, EVIDENCE):
        counts = [match.groups() for item in line.split("; ") if (match := _COUNT.fullmatch(item))]
        found.append({name: Support(int(right), int(of)) for name, right, of in counts if int(right) <= int(of)})
    return found


def best_rule(rules: Sequence[Rule], held: Rule, evidence: Sequence[Evidence], min_evidence: int) -> Rule:
    """The rule that the evidence speaks for: the held one unless another is right strictly more often.

    Two rules are compared on the lines that count both over the same number of problems, ``min_evidence`` in all at
    least; anything else would weigh easy problems against hard ones.
    """
    # The held rule wins a tie, as there is no reason to change. Among better ones a rule wins over a shortcut, and a
    # later one over an earlier: shortcuts fit a small sample by accident, and a task lists its rules from crude to right.
    best, best_rank = held, (0.0, False, -1)
    for place, rule in enumerate(rules):
        mine, theirs = _compared(evidence, rule.name, held.name)
        if mine.of >= min_evidence and mine.right > theirs.right:
            best_rank, best = max((best_rank, best), ((mine.right / mine.of, not rule.trivial, place), rule), key=_rank)
    return best


def strategy_text(chosen: Rule, held: Rule, entries: Sequence[str]) -> str:
    """A strategy that states the chosen rule word for word, and which mistake of the one held before it avoids."""
    if chosen is held:
        return chosen.text
    mine, theirs = _compared(read_evidence(entries), chosen.name, held.name)
    faults = _read_faults(entries, held)
    sentences = [f'This replaces the rule "{held.name}".']
    if faults:
        sentences.append(f"The mistake to avoid is {_listed(_counted(faults, 'saying {} where {} is right ({} times)'))}.")
    if mine.of:
        sentences.append(
            f"On {_count(mine.of, 'problem')} this rule gives the right answer {mine.right} times, "
            f"the one before {theirs.right} times."
        )
    return chosen.text + "\n\n" + " ".join(sentences)


def _wrong_answers(attempts: Sequence[Attempt], gives: Sequence[str]) -> list[str]:
    wrong = [(attempt, label) for attempt, label in zip(attempts, gives, strict=True) if not attempt.correct]
    if not wrong:
        return ["Nothing went wrong."]
    lines = ["Wrong: " + ", ".join(_one_line(attempt.problem.id) for attempt, _ in wrong) + "."]
    said = [(a.outcome.label, a.truth.label) for a, _ in wrong if isinstance(a.outcome, Answered)]
    if said:
        lines.append(f"I said {_listed(_counted(Counter(said), '{} where {} is right ({} times)'))}.")
    if len(said) < len(wrong):
        lines.append(f"{len(wrong) - len(said)} of them stated no answer.")
    for attempt, _ in wrong[:SHOWN]:
        lines.append(f"In {_one_line(attempt.problem.id)}: {_one_line(attempt.truth.reason)}")
    slips = sum(label == attempt.truth.label for attempt, label in wrong)
    if slips:
        lines.append(f"In {slips} of {len(wrong)} the rule gives the right answer and my last line did not state it.")
    if slips < len(wrong):
        lines.append(f"In {len(wrong) - slips} of {len(wrong)} the rule itself leads to the wrong answer.")
    return lines


def _lesson(rules: Sequence[Rule], held: Rule, evidence: Evidence, min_evidence: int) -> list[str]:
    better = best_rule(rules, held, [evidence], min_evidence)
    if better is held:
        return [f'No other rule explains this batch better than "{held.name}".']
    mine, theirs = evidence[better.name], evidence[held.name]
    return [
        f'The pattern: "{better.name}" would have given {mine.right} of {mine.of}, where my rule gives {theirs.right}. '
        f"It says: {_one_line(better.text)}"
    ]


def _compared(evidence: Sequence[Evidence], name: str, other: str) -> tuple[Support, Support]:
    """The support of two rules, summed over the lines that count both over the same number of problems."""
    pairs = [(line[name], line[other]) for line in evidence if name in line and other in line]
    pairs = [(mine, theirs) for mine, theirs in pairs if mine.of == theirs.of]
    of = sum(mine.of for mine, _ in pairs)
    return Support(sum(mine.right for mine, _ in pairs), of), Support(sum(theirs.right for _, theirs in pairs), of)


def _read_faults(entries: Sequence[str], held: Rule) -> Counter[tuple[str, str]]:
    faults: Counter[tuple[str, str]] = Counter()
    for line in _lines(entries, MISTAKES.format(held.name)):
        for match in re.finditer(r"(?:^|; )([^;]+?) for ([^;]+?) ([0-9]{1,9})(?=;|$)", line):
            faults[match[1], match[2]] += int(match[3])
    return faults


def _lines(entries: Sequence[str], start: str) -> list[str]:
    """What follows ``start`` on each line that begins with it."""
    lines = (line for text in entries for line in text.split("\n"))
    return [line.removeprefix(start) for line in lines if line.startswith(start)]
