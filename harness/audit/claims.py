"""The claim ladder: what a result supports, step by step, and what is missing for the next step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.api import Claim, Design, Evidence, Explanation, MissingEvidenceError
from harness.audit import completeness, queries
from harness.audit.thresholds import SIGNIFICANT
from harness.boundary.text import counted
from harness.design.skills import SPLIT as SKILLS
from harness.measures import formatting
from harness.measures.luck import luck

Status = Literal["shown", "not-shown", "unknown"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition of a rung: whether it holds, and the figures."""

    shown: bool
    text: str


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder."""

    number: int
    claim: str
    needs: str
    reasons: Callable[[Evidence], Iterator[Reason]]
    rules_out: tuple[Explanation, ...] = ()
    """What controls must rule out before it can be claimed."""


def ladder(evidence: Evidence, blocked: bool, faults: Sequence[str] = (), selected: bool = False) -> dict[str, Any]:
    """The highest rung of which every rung up to it is shown; 0 while the audit blocks.

    ``faults``: what the checks find wrong on the harder split, which withholds what is claimed of it. ``selected``:
    whether the teacher's solutions seem selected for being right, which the claim then says.
    """
    steps = rungs(evidence.design)
    climbed = [_climbed(rung, evidence) for rung in steps]
    if faults:
        harder = climbed[HARDER - 1]
        harder |= {"status": "not-shown", "reasons": [*harder["reasons"], *faults]}
    reached = 0
    for rung in climbed:
        if blocked or rung["status"] != "shown":
            break
        reached = rung["rung"]
    claim = NOTHING if reached == 0 else steps[reached - 1].claim
    told = {"rung": reached, "claim": f"{claim}{SELECTED}" if reached and selected else claim, "rungs": climbed}
    own = [_own(each, evidence, reached, faults) for each in evidence.design.claims]
    return told | ({"own": own} if own else {})


def _own(claim: Claim, evidence: Evidence, reached: int, faults: Sequence[str]) -> dict[str, Any]:
    """What a design claims beside the ladder: whether it is shown, with the figures."""
    reasons, status = _judged(lambda _: _ahead(evidence, claim, reached), evidence)
    if faults and claim.split == "harder":
        reasons, status = [*reasons, *faults], "not-shown"
    lead = f"a lead over {' and '.join(claim.over)} that is more than the luck of trainings"
    return {"claim": claim.text, "needs": f"rung {claim.rung}, and {lead}", "status": status, "reasons": reasons}


def _ahead(evidence: Evidence, claim: Claim, reached: int) -> Iterator[Reason]:
    """Whether one arm leads others by more than the luck of their trainings."""
    if reached < claim.rung:
        yield Reason(False, f"rung {claim.rung} of the ladder is not reached")
    for other in claim.over:
        contrast = queries.contrast(evidence, claim.first, other, claim.split)
        yield _leads(contrast)
        yield _blank_or_not(contrast)
        yield _is_no_luck(contrast)


def _is_no_luck(contrast: Any) -> Reason:
    """Whether trainings that differ in nothing but their luck would seldom favour the first arm as much."""
    right = [(run["both"] + run["only_first"], run["both"] + run["only_second"]) for run in contrast["by_seed"]]
    first, second = ([each[place] for each in right] for place in (0, 1))
    found = luck(first, second)
    told = f"equal arms would lead as much in {formatting.percent(found.p_value)}% of cases"
    if not found.enough:
        told = "too few to tell a lead from the luck of a training"
    return Reason(found.ruled_out, f"{queries.pair(contrast)}: each trained {counted(len(first), 'time')}; {told}")


def _climbed(rung: Rung, evidence: Evidence) -> dict[str, Any]:
    texts, status = _judged(rung.reasons, evidence)
    return {"rung": rung.number, "claim": rung.claim, "needs": rung.needs, "status": status, "reasons": texts}


def _judged(look: Callable[[Evidence], Iterator[Reason]], evidence: Evidence) -> tuple[list[str], Status]:
    """The conditions of a claim in words, and whether all of them hold."""
    try:
        reasons = list(look(evidence))
    except MissingEvidenceError as error:
        return [str(error)], "unknown"
    shown: Status = "shown" if all(reason.shown for reason in reasons) else "not-shown"
    return [reason.text for reason in reasons], shown


def _beats_trivial(evidence: Evidence, split: str = "test") -> Iterator[Reason]:
    treatment = evidence.design.treatment
    found = list(queries.arms(evidence, (split,), (treatment,)))
    if not found:
        raise MissingEvidenceError(f"{treatment} was not measured on {split}")
    if not completeness.own_rules(evidence, split) and completeness.labels(evidence) is None:
        raise MissingEvidenceError("the task offers no trivial rule of its own, and its answers are free-form")
    above = [arm["over_trivial"]["difference"]["low"] > 0 for arm in found]
    most = 2 * sum(above) > len(above)  # of several trainings, one that failed does not take back the others
    for arm in found:
        best, over = arm["best_trivial"], arm["over_trivial"]["difference"]
        yield Reason(most, f"{queries.name(arm)} - {best['rule']}: {queries.points(over)} on {arm['n']} problems")


def _not_only_form(evidence: Evidence, split: str = "test") -> Iterator[Reason]:
    base = queries.named(evidence, "base")
    contrast = queries.contrast(evidence, evidence.design.treatment, base, split)
    yield _blank_or_not(contrast)


def _blank_or_not(contrast: Any) -> Reason:
    """Whether the first arm of a contrast is ahead whatever the second might have said in place of nothing."""
    worst = contrast["worst_case"]
    told = f"{queries.pair(contrast)}, though each blank reply of {contrast['second']} counts as right"
    return Reason(worst["low"] > 0, f"{told}: {queries.points(worst)}")


def _beats(evidence: Evidence, *explanations: Explanation) -> Iterator[Reason]:
    design = evidence.design
    for explanation in explanations:
        if not design.ruling_out(explanation):
            raise MissingEvidenceError(f"the design has no control that rules out {design.explained(explanation)}")
    for control in [name for explanation in explanations for name in design.ruling_out(explanation)]:
        yield _leads(queries.contrast(evidence, design.treatment, control))


def _leads(contrast: Any) -> Reason:
    """Whether the first arm of a contrast of the family is ahead."""
    difference, p_value = contrast["difference"], contrast["p_holm"]
    text = f"{queries.pair(contrast)}: {queries.points(difference)}, adjusted p {formatting.p_value(p_value)}"
    return Reason(difference["low"] > 0 and p_value < SIGNIFICANT, text)


def _generalises(evidence: Evidence) -> Iterator[Reason]:
    yield from _beats_trivial(evidence, "harder")
    yield from _not_only_form(evidence, "harder")


def _no_worse(evidence: Evidence) -> Iterator[Reason]:
    base, teacher = queries.named(evidence, "base"), queries.named(evidence, "teacher")
    for arm in queries.arms(evidence, (SKILLS,), (base,)):
        text = f"{queries.name(arm)} has {queries.right(arm)} skills; with fewer than half there is little to keep"
        yield Reason(2 * arm["correct"] >= arm["n"], text)
    for second, split in ((teacher, "test"), (base, SKILLS)):
        contrast = queries.contrast(evidence, evidence.design.treatment, second, split)
        for run in contrast["by_seed"]:
            shown = run["non_inferiority"]
            text = (
                f"{queries.pair(contrast, run)}: {100 * run['difference']['value']:+.1f} points, one-sided limit "
                f"{100 * shown['low']:+.1f}, margin {100 * shown['margin']:.1f}"
            )
            yield Reason(shown["shown"], text)


NOTHING = "numbers only"
SELECTED = ", where the teacher's solutions were selected for being right"
"""What a claim says besides where ``label-source`` finds it so."""
READ_BY_RUNGS = ("unparsed", "below-trivial", "no-information", "constant-score")
"""Checks of scores, which the rungs judge by the differences themselves."""
HARDER = 5
"""The rung that reads the harder split."""
WORK: tuple[Explanation, ...] = ("answers", "texts")
LEARNED: tuple[Explanation, ...] = ("prior",)
"""What must be ruled out before worked solutions, and what the teacher had learned, can be said to matter."""


def rungs(design: Design) -> tuple[Rung, ...]:
    """The ladder, with the controls of a design in it."""
    return (
        Rung(
            1,
            "the trained student beats the best trivial rule",
            "a paired interval above 0, in most trainings",
            _beats_trivial,
        ),
        Rung(2, "its gain is not only one of form", "a gain that no blank reply can explain", _not_only_form),
        Rung(3, "the worked solutions matter", _lead(design, WORK), lambda evidence: _beats(evidence, *WORK), WORK),
        Rung(
            4,
            "what the teacher had learned matters",
            _lead(design, LEARNED),
            lambda evidence: _beats(evidence, *LEARNED),
            LEARNED,
        ),
        Rung(5, "it generalises to harder problems", "rungs 1 and 2 on the harder split", _generalises),
        Rung(
            6,
            "it is no worse than its teacher and keeps its own skills",
            "non-inferiority on both, by the margin of the plan",
            _no_worse,
        ),
    )


def _lead(design: Design, explanations: Sequence[Explanation]) -> str:
    """What a rung needs that rests on controls."""
    absent = {each: (f"a control that rules out {design.explained(each)}",) for each in explanations}
    over = [name for each in explanations for name in design.ruling_out(each) or absent[each]]
    return f"a lead over {' and '.join(over)}"
