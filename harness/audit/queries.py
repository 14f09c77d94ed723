"""Ways into a result that several checks take: its arms, problem sets and contrasts, and how they are called."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from harness.api import ArmRole, Evidence, Finding, MissingEvidenceError, Severity, Status
from harness.audit import completeness
from harness.measures import formatting


def arms(
    evidence: Evidence, splits: Collection[str] = ("test", "harder"), names: Collection[str] = ()
) -> Iterator[Any]:
    """The measured arms on these splits; only those named, if names are given.

    Raises MissingEvidenceError, after those there are, where one that was planned is missing.
    """
    for arm in completeness.arms(evidence):
        if arm["split"] in splits and (not names or arm["arm"] in names):
            yield arm
    completeness.require_arms(evidence)


def every(evidence: Evidence) -> set[str]:
    """All splits that the arms of a design are measured on."""
    return {split for arm in evidence.design.arms for split in arm.splits}


def named(evidence: Evidence, role: ArmRole) -> str:
    """The arm of a role. Raises MissingEvidenceError where the design has none: then nothing rests on it."""
    found = evidence.design.named(role)
    if found is None:
        raise MissingEvidenceError(f"the design has no arm in the role {role!r}")
    return found


def role(arm: Evidence) -> ArmRole:
    """What an arm is for."""
    return arm.design.arm(arm["arm"]).role


def in_claims(arm: Evidence) -> bool:
    """Whether an arm is one of a contrast that a claim can rest on."""
    return any(each.family and arm["arm"] in (each.first, each.second) for each in arm.design.contrasts)


def in_ladder(entry: Evidence) -> bool:
    """Whether a contrast is of the family, and not there for a claim of the design's own, which judges it by itself."""
    pair = entry["first"], entry["second"], entry["split"]
    own = {(claim.first, other, claim.split) for claim in entry.design.claims for other in claim.over}
    return bool(entry["family"]) and pair not in own


def is_control(arm: Evidence) -> bool:
    """Whether an arm is there to be compared with, so that it may well have learned nothing."""
    return role(arm) == "control"


def stages(evidence: Evidence) -> list[str]:
    """The stages of the plan."""
    return list(completeness.plan(evidence)["stages"])


def contrast(evidence: Evidence, first: str, second: str, split: str = "test") -> Any:
    """One contrast. Raises MissingEvidenceError if the result has none."""
    for entry in list(completeness.contrasts(evidence, (split,))):
        if (entry["first"], entry["second"]) == (first, second):
            return entry
    raise MissingEvidenceError(f"contrasts: none of {first} and {second} on {split}")


def name(arm: Evidence) -> str:
    """How an arm is called in a finding: ``student-lora/test``, or with its training ``student-lora/test/seed 999``."""
    seed = arm.maybe("training_seed")
    return f"{arm['arm']}/{arm['split']}{'' if seed is None else f'/seed {seed}'}"


def of_arm(arm: Evidence, status: Status, text: str, severity: Severity | None = None) -> Finding:
    """A finding on an arm."""
    return Finding(name(arm), status, text, severity, arm["split"])


def pair(entry: Evidence, run: Evidence | None = None) -> str:
    """How a contrast is called in a finding, or with ``run`` one of its trainings, where it has any."""
    trained = any(entry.design.arm(entry[side]).recipe for side in ("first", "second"))
    seed = f"/seed {run['training_seed']}" if run is not None and trained else ""
    return f"{entry['first']} - {entry['second']}/{entry['split']}{seed}"


def weight(split: str, severity: Severity = "block") -> Severity:
    """What a finding weighs: off the test split it withholds a rung of the claims, and forbids nothing else."""
    return severity if split == "test" else "warn"


def right(arm: Evidence) -> str:
    """``129 of 150``."""
    return f"{arm['correct']} of {arm['n']}"


def robust(evidence: Evidence, arm: Evidence) -> bool:
    """Whether no claim depends on what this arm's replies without an answer might have said.

    True where in every contrast of the family against it the other arm stays ahead though each such reply counts as
    right, and for an arm that is in none of them.
    """
    if role(arm) in ("treatment", "teacher"):  # a claim rests on their score
        return False
    if not in_claims(arm):
        return True
    compared = completeness.contrasts(evidence, (arm["split"],))
    against = [entry for entry in compared if entry["family"] and entry["second"] == arm["arm"]]
    return bool(against) and all(entry["worst_case"]["low"] > 0 for entry in against)


def is_base(arm: Evidence) -> bool:
    """Whether an arm is the student as it comes."""
    return role(arm) == "base"


def points(interval: Any) -> str:
    """A difference with its limits, in percentage points."""
    return f"{formatting.signed(interval['value'])} points {formatting.limits(interval)}"


def status(holds: bool) -> Status:
    """``pass`` or ``fail``."""
    return "pass" if holds else "fail"
