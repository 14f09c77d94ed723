"""Whether a result holds all that belongs to it: what was taken out is missing evidence, as much as what is null.

That something was measured too little, or wrongly, is for the checks to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from harness.api import Demonstrate, Evidence, Learn, MissingEvidenceError, Step
from harness.boundary import filenames
from harness.design import designs
from harness.design.designs import trained_name
from harness.design.rules import constant
from harness.design.skills import SPLIT as SKILLS
from harness.measures.problem_sets import EXAMINED
from harness.measures.problems import shortcuts


def plan(evidence: Evidence) -> Any:
    """The plan. Raises MissingEvidenceError unless it is the one whose digest the result names."""
    found = evidence["plan"]
    if found.digest() != evidence["plan_sha256"]:
        raise MissingEvidenceError("plan: is not the one that plan_sha256 names, so what was planned is not known")
    return found


def steps(evidence: Evidence) -> tuple[Step, ...]:
    """What was to be done."""
    given = plan(evidence)
    return evidence.design.chosen(list(given["stages"]), given=given.maybe("strategy") is not None)


def size(evidence: Evidence, split: str) -> int:
    """How many problems of a split the plan asks for."""
    given = plan(evidence)
    sizes = {name: int(given["sizes"][name]) for name in given["sizes"]}
    return designs.count(evidence.design, sizes, given.maybe("limit"), split)


def labels(evidence: Evidence) -> list[str] | None:
    """The labels of a closed task, None where answers are free-form.

    Raises MissingEvidenceError where the problems say otherwise: a closed task has its constants among its rules.
    """
    given = evidence.maybe("labels")
    if given is None:
        for entry in problem_sets(evidence):
            rules = {rule["rule"] for rule in entry["trivial"]}
            if {constant(label) for label in entry["labels"]} <= rules:
                raise MissingEvidenceError("labels is not known, though the answers are closed")
        return None
    known = list(given)
    for entry in problem_sets(evidence):
        if entry["split"] != SKILLS and not set(entry["labels"]) <= set(known):
            raise MissingEvidenceError(f"labels: some of those of the {entry['split']} problems are missing")
    return known


def learned_from(evidence: Evidence) -> list[str]:
    """The splits that teacher or student learned from."""
    learned = [step.problems for step in steps(evidence) if isinstance(step, Learn | Demonstrate)]
    return list(dict.fromkeys(learned))


def problem_sets(evidence: Evidence) -> list[Any]:
    """All problem sets. Raises MissingEvidenceError where there should be one more.

    A student may have no skills of its own: then no arm was measured on them.
    """
    found = list(evidence["problems"])
    for split in sorted({*used(evidence), SKILLS} - {entry["split"] for entry in found}):
        if split != SKILLS or any(arm["split"] == SKILLS for arm in evidence["arms"]):
            raise MissingEvidenceError(f"problems: no set {split}")
    return found


def used(evidence: Evidence) -> list[str]:
    """The splits that were to be learned from or answered, without the student's own skills."""
    splits = [*learned_from(evidence), *(split for _, split in _answered(evidence))]
    return [split for split in dict.fromkeys(splits) if split != SKILLS]


def _answered(evidence: Evidence) -> list[tuple[str, str]]:
    """The stages with the splits that they were to answer. Published tables are of the test problems."""
    table = evidence["source"] == "table"
    return [
        (stage, split)
        for stage in plan(evidence)["stages"]
        for split in evidence.design.arm(stage).splits
        if (split == "test" if table else size(evidence, split))
    ]


def problem_set(evidence: Evidence, split: str) -> Any:
    """The problem set of a split. Raises MissingEvidenceError if the result has none, or a part of it is missing."""
    for entry in problem_sets(evidence):
        if entry["split"] == split:
            strata = list(entry["strata"])
            if any(sum(each["labels"][label] for label in each["labels"]) != each["n"] for each in (entry, *strata)):
                raise MissingEvidenceError(f"problems: the labels of the set {split} are not all there")
            if sum(stratum["n"] for stratum in strata) != entry["n"]:
                raise MissingEvidenceError(f"problems: the strata of the set {split} are not all there")
            return entry
    raise MissingEvidenceError(f"problems: no set {split}")


def own_rules(evidence: Evidence, split: str) -> list[str]:
    """The trivial rules of a problem set that are the task's own.

    Raises MissingEvidenceError unless the automatic ones are there too, and every stratum has the rules of its set.
    """
    whole = problem_set(evidence, split)
    names, *by_stratum = (sorted(rule["rule"] for rule in each["trivial"]) for each in (whole, *whole["strata"]))
    automatic = shortcuts.automatic(closed=labels(evidence) is not None)
    missing = [name for name in automatic if name not in names]
    if missing or any(inner != names for inner in by_stratum):
        what = missing[0] if missing else "a rule of a stratum"
        raise MissingEvidenceError(f"problems: {what} of the set {split} is missing among the trivial rules")
    return [name for name in names if name not in automatic]


def arms(evidence: Evidence) -> Iterator[Any]:
    """The measured arms. Raises MissingEvidenceError where a trained one has no seed."""
    for arm in evidence["arms"]:
        if evidence.design.arm(arm["arm"]).recipe and evidence["source"] != "table":
            arm["training_seed"]
        yield arm


def require_files(evidence: Evidence, names: Iterable[str]) -> None:
    """Raises MissingEvidenceError where the result names no digest of a file that a check rests on.

    What a result does not name, nobody can hold it to: neither ``recompute`` nor ``harness validate``.
    """
    if evidence["source"] == "table":
        return
    named = evidence["files"]
    for name in names:
        named[name]


def examples(evidence: Evidence) -> list[str]:
    """The files of the rows that each adapter was trained on."""
    return [filenames.examples(name) for name in training_names(evidence)]


def training_names(evidence: Evidence) -> list[str]:
    """What each training is called. A result of schema 1 has the name of its arm for it."""
    made = list(evidence["training"])
    first = min((each["training_seed"] for each in made), default=0)
    return [
        each["name"] if "name" in list(each) else trained_name(each["arm"], each["training_seed"], first)
        for each in made
    ]


def teacher_calls(evidence: Evidence) -> list[Any]:
    """The accounts of the teacher's calls. Raises MissingEvidenceError where a stage in which it answers has none."""
    found = list(evidence["teacher_calls"])
    known = {account["stage"] for account in found if account["purpose"] == "solve"}
    for stage, _ in planned(evidence):
        if evidence.design.arm(stage).answers == "teacher" and stage not in known:
            raise MissingEvidenceError(f"teacher_calls: none of {stage}")
    return found


def require_arms(evidence: Evidence) -> None:
    """Raises MissingEvidenceError where an arm that was planned is not there."""
    found = Counter((arm["arm"], arm["split"]) for arm in arms(evidence))
    seeds = 1 if evidence["source"] == "table" else plan(evidence)["training_seeds"]
    for stage, split in planned(evidence):
        times = seeds if evidence.design.arm(stage).recipe else 1
        if found[stage, split] < times:
            raise MissingEvidenceError(f"arms: {found[stage, split]} of {times} of {stage}/{split} are there")


def planned(evidence: Evidence) -> list[tuple[str, str]]:
    """The stages of the plan with each split that they are measured on. A student may have no skills of its own."""
    splits = {entry["split"] for entry in problem_sets(evidence)}
    return [(stage, split) for stage, split in _answered(evidence) if split != SKILLS or split in splits]


def examined(evidence: Evidence) -> list[str]:
    """The splits whose scores are judged."""
    return list(dict.fromkeys(split for _, split in _answered(evidence) if split in EXAMINED))


def contrasts(evidence: Evidence, splits: Collection[str]) -> Iterator[Any]:
    """The contrasts on these splits. Raises MissingEvidenceError, after those there are, where one is missing."""
    found = set()
    seeds = plan(evidence)["training_seeds"]
    for entry in evidence["contrasts"]:
        first, second, split = entry["first"], entry["second"], entry["split"]
        found.add((first, second, split))
        if split in splits:
            trained = any(evidence.design.arm(name).recipe for name in (first, second))
            if len(entry["by_seed"]) < (seeds if trained else 1):
                raise MissingEvidenceError(f"contrasts: a training seed of {first} - {second}/{split} is missing")
            for run in entry["by_seed"] if trained else ():
                run["training_seed"]
            yield entry
    if evidence["source"] == "table":
        return
    measured = set(planned(evidence))
    for each in evidence.design.contrasts:
        arms_of_it = {(each.first, each.split), (each.second, each.split)}
        if arms_of_it <= measured and (each.first, each.second, each.split) not in found:
            raise MissingEvidenceError(f"contrasts: none of {each.first} - {each.second}/{each.split}")
