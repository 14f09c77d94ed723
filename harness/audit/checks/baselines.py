"""Checks of a score against what no skill can explain: constants, shortcuts, chance, and a lopsided problem set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from harness.api import Evidence, Finding, MissingEvidenceError, Severity, Status
from harness.audit import completeness, queries
from harness.audit.thresholds import (
    CONSTANT,
    FEWEST,
    FREE_FORM,
    MAJORITY,
    MAJORITY_IN_STRATUM,
    MINORITY,
    SIGNIFICANT,
    SMALL_STRATUM,
)
from harness.measures import formatting
from harness.measures.problems.shortcuts import predictable
from harness.measures.statistics import paired_bounds, wilson


def constant_score(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    labels = completeness.labels(evidence)
    for arm in queries.arms(evidence):
        constant, known = _constant(evidence, arm, labels)
        severity = _constant_weight(arm)
        if constant is not None:
            if severity == "block" and _mostly(
                evidence, arm, lambda other: _constant(evidence, other, labels)[0] is None
            ):
                severity = "warn"
            text = f"{constant}: {_by_stratum(arm)}; {_constants(evidence, arm['split'], labels)}"
            yield queries.of_arm(arm, "fail", text, severity)
        elif known:
            yield queries.of_arm(arm, "pass", "answers differ from every constant", severity)
        else:
            yield queries.of_arm(arm, "unknown", "neither answers nor scores by stratum are known", severity)


def _constant_weight(arm: Evidence) -> Severity:
    """It blocks for the arms that claims are made of; a control may well have learned to say one thing."""
    if queries.is_control(arm):
        return "note"
    return queries.weight(arm["split"]) if queries.in_claims(arm) else "warn"


def _constant(evidence: Evidence, arm: Evidence, labels: list[str] | None) -> tuple[str | None, bool]:
    """In what an arm is constant, if it is, and whether that can be told: by its answers, else by its scores."""
    if labels is None:
        most, given = arm["free_form"]["most_common"], arm["outcomes"]["answered"]
        return (f"{most} of {given} answers are the same" if _is_constant(most, given) else None), True
    predictions = arm.maybe("predictions")
    if predictions is not None:
        answers: Counter[str] = Counter()
        for truth in predictions:
            for label in predictions[truth]:
                answers[label] += predictions[truth][label]
        [(label, most)] = answers.most_common(1) or [("", 0)]
        given = answers.total()
        if given != arm["outcomes"]["answered"]:
            raise MissingEvidenceError(f"some predictions of {queries.name(arm)} are not known")
        return (f"{most} of {given} answers are {label}" if _is_constant(most, given) else None), True
    if evidence["source"] != "table":
        raise MissingEvidenceError(f"predictions of {queries.name(arm)} are not known")
    whole = completeness.problem_set(evidence, arm["split"])
    strata = {stratum["stratum"]: stratum for stratum in whole["strata"]}
    shown = [(stratum["correct"], strata.get(stratum["stratum"]), stratum["n"]) for stratum in arm["strata"]]
    entire = len(shown) == len(strata) and all(known and known["n"] == n for _, known, n in shown)
    for label in labels:
        if entire and all(correct == _count(known, label) for correct, known, _ in shown):
            return f"scores exactly as {_rule(label)}", True
    possible = [label for label in labels if arm["n"] != whole["n"] or arm["correct"] == _count(whole, label)]
    return None, entire or not possible


def _is_constant(most: int, given: int) -> bool:
    return given >= FEWEST and most >= CONSTANT * given


def _count(problems: Any, label: str) -> int:
    return int(problems["labels"][label]) if label in list(problems["labels"]) else 0


def _by_stratum(arm: Evidence) -> str:
    scores = [f"{stratum['stratum']} {stratum['correct']} of {stratum['n']}" for stratum in arm["strata"]]
    return f"{', '.join(scores)}; {queries.right(arm)} in all"


def _rule(label: str) -> str:
    return f"always-{label}"


def _constants(evidence: Evidence, split: str, labels: list[str] | None) -> str:
    """What every constant answerer scores: ``always-NO 18 of 150, always-YES 132 of 150``."""
    whole = completeness.problem_set(evidence, split)
    if labels is None:
        return f"the most common truth is that of {_most_common(whole)} of {whole['n']}"
    return ", ".join(f"{_rule(label)} {_count(whole, label)} of {whole['n']}" for label in labels)


def _most_common(problems: Any) -> int:
    return max(int(problems["labels"][label]) for label in problems["labels"])


def no_information(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    labels = completeness.labels(evidence)
    for arm in queries.arms(evidence):
        status, text = _informed(evidence, arm, labels)
        severity = _weight(arm)
        if status == "unknown" and severity == "block":
            severity = "warn"  # rung 1 then needs a trivial rule of the task's own
        if (
            status == "fail"
            and severity == "block"
            and _mostly(evidence, arm, lambda other: _informed(evidence, other, labels)[0] == "pass")
        ):
            severity = "warn"
        yield queries.of_arm(arm, status, text, severity)


def _informed(evidence: Evidence, arm: Evidence, labels: list[str] | None) -> tuple[Status, str]:
    """Whether an arm is shown to know anything."""
    if labels is None:
        return _informed_freely(evidence, arm)
    chance, balanced, p_value = 1 / len(labels), arm["balanced_accuracy"], arm["information_p"]
    above = "lies above chance" if balanced["low"] > chance else "does not lie above chance"
    text = (
        f"{arm['n']} problems; test that answers are independent of the truth: p {formatting.p_value(p_value)}; "
        f"the interval of balanced accuracy {above}"
    )
    return queries.status(p_value < SIGNIFICANT and balanced["low"] > chance), text


def _informed_freely(evidence: Evidence, arm: Evidence) -> tuple[Status, str]:
    """The same where answers are free-form: against the constant that gives the most common truth.

    Where answers can be right in several ways a constant may get more than that: who is not above it fails all the
    same, and of who is above it nothing is known.
    """
    whole = completeness.problem_set(evidence, arm["split"])
    others = [other for other in queries.arms(evidence) if other["split"] == arm["split"]]
    several = any(other["free_form"]["exact"] != other["correct"] for other in others)
    above = arm["accuracy"]["low"] > _most_common(whole) / whole["n"]
    if above and several:
        return "unknown", "answers can be right in several ways, so what a constant answer gets is not known"
    lies = "lies above" if above else "does not lie above"
    least = f"{_most_common(whole)}{' or more' if several else ''}"
    return queries.status(
        above
    ), f"{queries.right(arm)}; its interval {lies} what always the most common truth gets, {least}"


def _weight(arm: Evidence) -> Severity:
    """The treatment must show something; a teacher should; all others may well show nothing."""
    if queries.role(arm) == "treatment":
        return queries.weight(arm["split"])
    return "warn" if queries.role(arm) == "teacher" else "note"


def below_trivial(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    labels = completeness.labels(evidence)
    for arm in queries.arms(evidence):
        if queries.is_control(arm) or queries.is_base(arm):
            continue
        status, compared = _against(evidence, arm, arm["best_trivial"])
        best = arm["best_trivial"]
        text = f"{queries.right(arm)}; {best['rule']} gets {_best(evidence, arm)}; {compared}"
        if labels is not None:
            text += f" ({_constants(evidence, arm['split'], labels)})"
        severity = _weight(arm)
        if severity == "block" and status == "fail" and _mostly(evidence, arm, lambda other: _above(evidence, other)):
            severity, text = "warn", f"{text}; most trainings of the arm lie above"
        if status == "pass" and labels is None and not completeness.own_rules(evidence, arm["split"]):
            status, severity, text = "unknown", "warn", f"{text}; the task offers no trivial rule of its own to beat"
        yield queries.of_arm(arm, status, text, severity)
    for split in completeness.examined(evidence):
        completeness.own_rules(evidence, split)
    if labels is None:
        yield from _told(evidence)


def _told(evidence: Evidence) -> Iterator[Finding]:
    """How often a free-form answer stands in the problem's own text: to find it there may be all the skill it takes."""
    for split in completeness.examined(evidence):
        whole = completeness.problem_set(evidence, split)
        told = whole["truth_in_text"]
        text = f"the truth stands word for word in the text of {told} of {whole['n']} problems"
        yield Finding(f"problems/{split}", "fail" if told else "pass", text, "note", split)


def _mostly(evidence: Evidence, arm: Evidence, holds: Callable[[Any], bool]) -> bool:
    """Whether something holds for more than half of the trainings of an arm: then one that failed only warns."""
    key = arm["arm"], arm["split"]
    trained = [other for other in completeness.arms(evidence) if (other["arm"], other["split"]) == key]
    return 2 * sum(map(holds, trained)) > len(trained)


def _above(evidence: Evidence, arm: Evidence) -> bool:
    return _against(evidence, arm, arm["best_trivial"])[0] == "pass"


def _best(evidence: Evidence, arm: Evidence) -> str:
    planned = completeness.problem_set(evidence, arm["split"])["n"]
    return f"{arm['best_trivial']['correct']} of {planned}"


def _against(evidence: Evidence, arm: Evidence, best: Evidence) -> tuple[Status, str]:
    """Whether the arm is above its best trivial rule, and by how much."""
    if evidence["source"] != "table":
        over = arm["over_trivial"]["difference"]
        return queries.status(over["low"] > 0), f"difference {queries.points(over)}"
    planned = completeness.problem_set(evidence, arm["split"])["n"]
    if arm["n"] != planned:
        above = arm["accuracy"]["low"] > best["accuracy"]
        return ("unknown" if above else "fail"), f"measured on {arm['n']} of the {planned} problems, so not paired"
    kind, unkind = paired_bounds(arm["correct"], best["correct"], arm["n"])
    status: Status = "pass" if unkind.difference.low > 0 else "fail" if kind.difference.low <= 0 else "unknown"
    most, least = (queries.points(bound.difference._asdict()) for bound in (kind, unkind))
    text = {
        "pass": f"difference {least}, even if they were right on as different problems as can be",
        "fail": f"difference {most}, even if they were right on the same problems as far as can be",
        "unknown": f"difference between {least} and {most}, by which problems each got right",
    }
    return status, text[status]


def imbalance(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    labels = completeness.labels(evidence)
    for split in completeness.examined(evidence):
        whole = completeness.problem_set(evidence, split)
        if labels is None:
            text = f"{whole['n']} problems with free-form answers; {FREE_FORM} or more tell skill from luck"
            yield Finding(
                f"problems/{split}", queries.status(whole["n"] >= FREE_FORM), text, queries.weight(split), split
            )
            continue
        wrong = _lopsided(whole, labels, MAJORITY)
        rarest = min(labels, key=lambda label: _count(whole, label))
        if _count(whole, rarest) < MINORITY:
            wrong.append(f"under {MINORITY} of {rarest} are too few to tell skill from luck")
        strata = list(whole["strata"])
        for stratum in strata:
            if stratum["n"] >= SMALL_STRATUM:
                wrong += [f"{stratum['stratum']}: {what}" for what in _lopsided(stratum, labels, MAJORITY_IN_STRATUM)]
        wrong += _lopsided_together(strata, labels)
        counts = ", ".join(f"{_count(whole, label)} {label}" for label in labels)
        text = "; ".join([f"{counts} of {whole['n']}", *wrong])
        yield Finding(f"problems/{split}", "fail" if wrong else "pass", text, queries.weight(split), split)


def _lopsided_together(strata: list[Any], labels: list[str]) -> list[str]:
    """What is wrong with the strata that are too small to be judged by themselves, taken together.

    Where they have too few problems even so, the next larger strata are taken with them.
    """
    small = [stratum for stratum in strata if stratum["n"] < SMALL_STRATUM]
    for stratum in sorted((each for each in strata if each["n"] >= SMALL_STRATUM), key=lambda each: int(each["n"])):
        if small and sum(each["n"] for each in small) < SMALL_STRATUM:
            small.append(stratum)
    if not small:
        return []
    n = sum(each["n"] for each in small)
    together = {"n": n, "labels": {label: sum(_count(each, label) for each in small) for label in labels}}
    wrong = _lopsided(together, labels, MAJORITY_IN_STRATUM)
    right = sum(predictable({label: _count(each, label) for label in labels}) for each in small)
    if wilson(right, n).low > MAJORITY and right > MAJORITY_IN_STRATUM * n:
        wrong.append(f"{right} of {n} have the label of most others of their stratum")
    names = ", ".join(str(each["stratum"]) for each in small)
    return [f"{names} together: {what}" for what in wrong]


def _lopsided(problems: Any, labels: list[str], most: float) -> list[str]:
    counts = {label: _count(problems, label) for label in labels}
    majority = max(counts, key=lambda label: counts[label])
    if counts[majority] == problems["n"]:
        return [f"all {majority}"]
    if counts[majority] > most * problems["n"]:
        return [f"{counts[majority]} of {problems['n']} {majority}"]
    return []
