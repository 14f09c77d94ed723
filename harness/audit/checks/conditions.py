"""Checks of how the answers came about: replies without an answer, failed calls, coverage, and equal conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.api import Contrast, Demonstrate, Evidence, Finding, MissingEvidenceError, Severity
from harness.audit import completeness, queries
from harness.audit.thresholds import APART, BLANK, BLANK_TO_WARN, SIGNIFICANT
from harness.design.skills import SPLIT as SKILLS
from harness.measures.problem_sets import EXAMINED


def unparsed(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    for arm in queries.arms(evidence):
        outcomes = arm["outcomes"]
        kinds = {kind: outcomes[kind] for kind in ("unparsed", "refused", "truncated")}
        blank = sum(kinds.values())
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count) or "none"
        text = f"{blank} of {arm['n']} replies state no answer ({told})"
        if blank <= BLANK_TO_WARN * arm["n"]:
            yield queries.of_arm(arm, "pass", text)
        elif blank <= BLANK * arm["n"]:
            yield queries.of_arm(arm, "fail", text, "warn")
        elif queries.robust(evidence, arm):
            yield queries.of_arm(arm, "fail", f"{text}; no claim depends on what they meant", "warn")
        else:
            yield queries.of_arm(arm, "fail", text, queries.weight(arm["split"]))
    yield from _apart(evidence)


def _apart(evidence: Evidence) -> Iterator[Finding]:
    """Where the share of answered replies differs between two arms that are compared."""
    for contrast in completeness.contrasts(evidence, EXAMINED):
        for run in contrast["by_seed"]:
            given, n = run["answered"], run["n"]
            apart = abs(given["first"] - given["second"]) > APART * n and given["p_value"] < SIGNIFICANT
            text = f"{given['first']} and {given['second']} of {n} replies state an answer"
            severity = queries.weight(contrast["split"]) if queries.in_ladder(contrast) else "warn"
            if apart and contrast["worst_case"]["low"] > 0:
                text += "; the difference does not depend on it"
                severity = "warn"
            yield Finding(queries.pair(contrast, run), "fail" if apart else "pass", text, severity, contrast["split"])


def errors_present(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    for arm in queries.arms(evidence, queries.every(evidence)):
        failed = arm["outcomes"]["failed"]
        text = f"{failed} of {arm['n']} calls failed"
        yield queries.of_arm(arm, "fail" if failed else "pass", text, queries.weight(arm["split"]))
    if completeness.plan(evidence)["labels"] == "teacher":
        yield from _demonstrated(evidence)


def _demonstrated(evidence: Evidence) -> Iterator[Finding]:
    """Where a worked solution of a training problem is missing because its call failed."""
    steps = [step for step in completeness.steps(evidence) if isinstance(step, Demonstrate)]
    if not steps:
        return
    calls = failed = 0
    for account in completeness.teacher_calls(evidence):
        if account["purpose"] == "demonstrate":
            calls, failed = calls + account["calls"], failed + account["failed"]
    expected = _expected(evidence, steps)
    if calls < expected:
        raise MissingEvidenceError(f"teacher_calls: {calls} of {expected} calls for worked solutions are known")
    text = f"{failed} of {calls} calls for worked solutions failed"
    yield Finding("worked solutions", "fail" if failed else "pass", text, queries.weight("train"))


def _expected(evidence: Evidence, steps: Sequence[Demonstrate]) -> int:
    """How many worked solutions there were to be. Of those that a student's answers choose the result says it."""
    if evidence["schema"].endswith(":1.0"):
        return sum(int(completeness.problem_set(evidence, step.problems)["n"]) for step in steps)
    made = {(each["solutions"], each.maybe("training_seed")): int(each["n"]) for each in evidence["solutions"]}
    seeds = completeness.plan(evidence)["training_seeds"]
    for step in steps:
        times = sum(name == step.solutions for name, _ in made)
        if times < (seeds if evidence.design.by_seed(step) else 1):
            raise MissingEvidenceError(f"solutions: {step.solutions} are known {times} times")
    return sum(made.values())


def coverage(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    measured: dict[tuple[str, str], list[Any]] = {}
    for arm in completeness.arms(evidence):
        measured.setdefault((arm["arm"], arm["split"]), []).append(arm)
    splits = {"test"} if evidence["source"] == "table" else queries.every(evidence)
    due = set()
    for stage in queries.stages(evidence):
        for split in (split for split in evidence.design.arm(stage).splits if split in splits):
            planned = _planned(evidence, split)
            if planned:
                due.add((stage, split))
                yield from _covered(evidence, stage, split, planned, measured.get((stage, split), []))
    for name, split in sorted(set(measured) - due):
        yield Finding(f"{name}/{split}", "fail", "measured, but not planned", "block", split)
    yield from _compared(evidence, set(measured))
    yield from _sized(evidence)


def _planned(evidence: Evidence, split: str) -> int:
    """How many problems each arm should have answered. A student may have fewer skills than were asked for."""
    planned = completeness.size(evidence, split)
    if split == SKILLS and planned:
        return sum(entry["n"] for entry in completeness.problem_sets(evidence) if entry["split"] == SKILLS)
    return planned


def _sized(evidence: Evidence) -> Iterator[Finding]:
    """Whether each problem set is as large as planned: on a smaller one every arm may have been measured in full."""
    for split in completeness.used(evidence):
        planned = completeness.size(evidence, split)
        n = sum(entry["n"] for entry in completeness.problem_sets(evidence) if entry["split"] == split)
        text = f"{n} problems of {planned} planned"
        yield Finding(f"problems/{split}", queries.status(n == planned), text, "block", split)


def _covered(evidence: Evidence, stage: str, split: str, planned: int, found: list[Any]) -> Iterator[Finding]:
    expected = completeness.plan(evidence)["training_seeds"] if evidence.design.arm(stage).recipe else 1
    weight = queries.weight(split)
    if len(found) != expected:
        text = f"planned {expected} times, and measured {len(found)} times"
        yield Finding(f"{stage}/{split}", "fail", text, weight, split)
    for arm in found:
        yield queries.of_arm(arm, queries.status(arm["n"] == planned), f"{arm['n']} of {planned} problems", weight)


def _compared(evidence: Evidence, measured: set[tuple[str, str]]) -> Iterator[Finding]:
    """Where two arms that belong together were not measured on the same problems."""
    present = {(entry["first"], entry["second"], entry["split"]) for entry in evidence["contrasts"]}
    for contrast in evidence.design.contrasts:
        arms = {(contrast.first, contrast.split), (contrast.second, contrast.split)}
        if arms <= measured and (contrast.first, contrast.second, contrast.split) not in present:
            subject = f"{contrast.first} - {contrast.second}/{contrast.split}"
            unpaired = evidence["source"] == "table"
            text = "known by their totals alone" if unpaired else "measured on different problems"
            yield Finding(
                subject, "unknown" if unpaired else "fail", text, queries.weight(contrast.split), contrast.split
            )


def prompt_mismatch(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    if completeness.plan(evidence)["prompts"] == "separate":
        yield Finding(
            "run", "fail", "by its plan each stage is asked in words of its own: no two of them can be compared"
        )
        return
    identities = evidence["identities"]
    for answers in dict.fromkeys(evidence.design.arm(name).answers for name in queries.stages(evidence)):
        yield from _identified(identities[answers], answers)
    yield from _reached(evidence)
    arms = {(arm["arm"], arm["split"], arm.maybe("training_seed")): arm for arm in queries.arms(evidence)}
    for contrast in evidence.design.contrasts:
        if contrast.split == SKILLS:
            continue
        pairs = [
            (first, second)
            for (name, split, seed), first in arms.items()
            for (other, its_split, its_seed), second in arms.items()
            if (name, other) == (contrast.first, contrast.second)
            and split == its_split == contrast.split
            and (seed == its_seed or None in (seed, its_seed))
        ]
        for first, second in pairs:
            yield _alike(contrast, first, second)


def _identified(identity: Any, answers: str) -> Iterator[Finding]:
    """One identity holds for every arm of a run: the journal refuses another. It must be known all the same."""
    if len(identity):
        yield Finding(answers, "pass", "one model and one way of decoding in all its arms")
    else:
        yield Finding(answers, "unknown", "its model and decoding are not known")


def _reached(evidence: Evidence) -> Iterator[Finding]:
    """Whether the arms that are told a strategy have it in their prompts: without it they are as those that are not."""
    for arm in queries.arms(evidence, queries.every(evidence) - {SKILLS}):
        if evidence.design.arm(arm["arm"]).strategy:
            reached = arm["prompts_sha256"] != arm["wording_sha256"]
            text = "the strategy is in the prompts" if reached else "the strategy never reached the prompts"
            yield queries.of_arm(arm, queries.status(reached), text, queries.weight(arm["split"]))


def _alike(contrast: Contrast, first: Any, second: Any) -> Finding:
    differ = []
    if first["wording_sha256"] != second["wording_sha256"]:
        differ.append("the wording of the prompt")
    if "strategy" not in contrast.varies and first["prompts_sha256"] != second["prompts_sha256"]:
        differ.append("the prompt")
    if "answerer" not in contrast.varies and list(first["models"]) != list(second["models"]):
        differ.append("the model that answered")
    subject = f"{queries.name(first)} - {queries.name(second)}"
    text = f"differ in {' and '.join(differ)}" if differ else f"differ in {contrast.factor} alone"
    return Finding(subject, "fail" if differ else "pass", text, queries.weight(contrast.split), contrast.split)


def model_drift(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    by_answerer: dict[str, set[str]] = {}
    for arm in queries.arms(evidence, queries.every(evidence)):
        returned = list(arm["models"])
        severity: Severity = "warn" if queries.role(arm) == "learning" else queries.weight(arm["split"])
        status = queries.status(len(returned) == 1)
        yield queries.of_arm(arm, status, f"{len(returned)} model ids came back", severity)
        by_answerer.setdefault(evidence.design.arm(arm["arm"]).answers, set()).update(returned)
    for answerer, models in sorted(by_answerer.items()):
        text = f"{len(models)} model ids came back over all arms"
        yield Finding(answerer, queries.status(len(models) == 1), text)
