"""A design, as ``harness plugin show design NAME`` tells it: arms, steps, contrasts, claims, controls, calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.api import Arm, Claim, Contrast, Demonstrate, Design, Examine, Learn, ProblemSet, Step, Train
from harness.audit.claims import Rung, rungs
from harness.design import designs
from harness.design.config import Sizes
from harness.output.terminal import filled


def text(design: Design, brought: Mapping[str, int]) -> str:
    """All that a design declares, and what it takes with every arm and as many problems as by default.

    ``brought``: the sizes that come with it.
    """
    sizes = Sizes.model_validate(brought).model_dump()
    teacher, student = (sum(_asked(design, step, sizes, who) for step in design.walk) for who in ("teacher", "student"))
    trainings = sum(isinstance(step, Train) for step in design.walk)
    controls = [arm for arm in design.arms if arm.role == "control"]
    usual = ", ".join(f"{size} {split}" for split, size in sizes.items())
    at_most = "at most " if any(_is_chosen(step) for step in design.walk) else ""
    sections = {
        "problem sets of its own:": [filled(_set(each), "  ", "      ") for each in design.sets],
        "arms:": [line for arm in design.arms for line in _arm(arm)],
        "steps (* once for each training seed):": [_step(step, design.by_seed(step)) for step in design.walk],
        "contrasts (* a claim can rest on it):": [filled(_contrast(each), "  ", "      ") for each in design.contrasts],
        "claims, and what they need:": [
            *(filled(_rung(rung, design), "  ", "      ") for rung in rungs(design)),
            *(filled(_claim(claim), "  ", "      ") for claim in design.claims),
        ],
        "controls:": [filled(_control(arm, design), "  ", "      ") for arm in controls] or ["  none"],
        "calls and trainings, with the default sizes and one training seed:": [
            filled(f"problems: {usual}", "  ", "      "),
            f"  teacher: {at_most}{teacher} calls, and what its reflection asks besides",
            f"  student: {student} calls, {trainings} trainings",
        ],
    }
    return "\n\n".join("\n".join([head, *lines]) for head, lines in sections.items() if lines)


def _asked(design: Design, step: Step, sizes: dict[str, int], who: str) -> int:
    """How many calls of teacher or student a step takes, at most: one for each problem."""
    match step:
        case Learn() | Demonstrate():
            asks = "teacher" if isinstance(step, Demonstrate) or step.wrong_of is None else ""
            splits: tuple[str, ...] = (step.problems,)
        case Examine() if not step.votes_of:
            asks, splits = design.arm(step.arm).answers, step.splits
        case _:
            return 0
    window = None if isinstance(step, Learn) else step.window
    counts = [
        designs.size(design, sizes, split) // (1 if window is None else design.problem_set(split).windows)
        for split in splits
    ]
    return sum(counts) if asks == who else 0


def _is_chosen(step: Step) -> bool:
    """Whether a student's answers choose what it is about."""
    return isinstance(step, Demonstrate) and (step.wrong_of is not None or step.as_many_as is not None)


def _set(each: ProblemSet) -> str:
    size = "as many as the plan has of it" if each.size is None else str(each.size)
    windows = f", in {each.windows} windows" if each.windows > 1 else ""
    return f"{each.name}: from the split {each.of}, {size}{windows}"


def _arm(arm: Arm) -> Iterator[str]:
    role = f"control, {arm.control}" if arm.role == "control" else arm.role
    yield f"  {arm.name:<18}{arm.answers:<9}{role:<19}{', '.join(arm.splits)}"
    yield filled(arm.summary, " " * 6, " " * 6)


def _step(step: Step, by_seed: bool) -> str:
    mark = "* " if by_seed else ""
    window = f", window {step.window}" if isinstance(step, Demonstrate | Examine) and step.window is not None else ""
    match step:
        case Learn():
            start = f", from {step.start}" if step.start else ""
            source = f"what {step.wrong_of} got wrong of {step.problems}" if step.wrong_of else step.problems
            told = f"{step.strategy}: from {source}{start}"
        case Demonstrate():
            told = (
                f"{step.solutions}: {_chosen(step)}{window}, {f'told {step.strategy}' if step.strategy else 'untold'}"
            )
        case Train():
            how = " in turn" if step.in_turn else ""
            replay = f", replaying {', '.join(step.replay)}" if step.replay else ""
            start = f", from the adapter {step.start}" if step.start else ""
            told = f"{step.adapter}: on {', '.join(step.solutions)}{how}{replay}{start}"
        case Examine():
            votes = f", by the votes of {', '.join(step.votes_of)}" if step.votes_of else ""
            adapter = f", adapter {step.adapter}" if step.adapter and step.adapter != step.arm else ""
            told = f"on {', '.join(step.splits)}{window}{adapter}{votes}"
    return filled(f"{mark}{step.kind:<12}{step.arm:<18}{told}", "  ", " " * 32)


def _chosen(step: Demonstrate) -> str:
    """Of which problems there are to be worked solutions."""
    if step.wrong_of:
        return f"of what {step.wrong_of} got wrong of {step.problems}"
    return f"of {step.problems}{f', as many as {step.as_many_as}' if step.as_many_as else ''}"


def _contrast(each: Contrast) -> str:
    mark, asked = "* " if each.family else "", "; asked whether it is no worse" if each.non_inferiority else ""
    varies = " and ".join(each.varies)
    return f"{mark}{each.first} - {each.second}/{each.split}: {each.factor} (varies {varies}{asked})"


def _rung(rung: Rung, design: Design) -> str:
    missing = [design.explained(each) for each in rung.rules_out if not design.ruling_out(each)]
    withheld = f"; withheld, since no control of the design rules out {' or '.join(missing)}" if missing else ""
    return f"{rung.number} {rung.claim}: {rung.needs}{withheld}"


def _claim(claim: Claim) -> str:
    return f"- {claim.text}: rung {claim.rung}, and a lead of {claim.first} over {' and '.join(claim.over)}"


def _control(arm: Arm, design: Design) -> str:
    return f"{arm.name} rules out {design.explained(arm.rules_out) if arm.rules_out else 'nothing'}"
