"""A design, as ``harness plugin show design NAME`` tells it: arms, steps, contrasts, claims, controls, calls."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import EXPLANATIONS, Arm, Contrast, Design
from harness.audit.claims import Rung, rungs
from harness.design.config import Sizes
from harness.design.designs import Step, steps
from harness.output.terminal import filled


def text(design: Design) -> str:
    """All that a design declares, and what it takes with every arm and as many problems as by default."""
    walked, sizes = list(steps(design)), Sizes.model_validate({}).model_dump()
    asked = {
        who: sum(sizes[split] for step in walked if step.by == who for split in step.splits)
        for who in ("teacher", "student")
    }
    trainings = sum(step.kind == "train" for step in walked)
    controls = [arm for arm in design.arms if arm.role == "control"]
    problems = ", ".join(f"{size} {split}" for split, size in sizes.items())
    sections = {
        "arms:": [line for arm in design.arms for line in _arm(arm)],
        "steps:": [_step(step) for step in walked],
        "contrasts (* a claim can rest on it):": [filled(_contrast(each), "  ", "      ") for each in design.contrasts],
        "claims, and what they need:": [filled(_claim(rung, design), "  ", "      ") for rung in rungs(design)],
        "controls:": [filled(_control(arm), "  ", "      ") for arm in controls] or ["  none"],
        "calls and trainings, with the default sizes and one training seed:": [
            filled(f"problems: {problems}", "  ", "      "),
            f"  teacher: {asked['teacher']} calls, and what its reflection asks besides",
            f"  student: {asked['student']} calls, {trainings} trainings",
        ],
    }
    return "\n\n".join("\n".join([head, *lines]) for head, lines in sections.items())


def _arm(arm: Arm) -> Iterator[str]:
    role = f"control, {arm.control}" if arm.role == "control" else arm.role
    yield f"  {arm.name:<18}{arm.answers:<9}{role:<19}{', '.join(arm.splits)}"
    yield filled(arm.summary, " " * 6, " " * 6)


def _step(step: Step) -> str:
    about = {
        "learn": f"from {', '.join(step.splits)}",
        "demonstrate": f"the {step.solutions} worked solutions of {', '.join(step.splits)}",
        "train": f"on {step.arm.recipe}",
        "examine": f"on {', '.join(step.splits)}",
    }[step.kind]
    return f"  {step.kind:<12}{step.arm.name:<18}{about}"


def _contrast(each: Contrast) -> str:
    mark, asked = "* " if each.family else "", "; asked whether it is no worse" if each.non_inferiority else ""
    varies = " and ".join(each.varies)
    return f"{mark}{each.first} - {each.second}/{each.split}: {each.factor} (varies {varies}{asked})"


def _claim(rung: Rung, design: Design) -> str:
    missing = [EXPLANATIONS[each] for each in rung.rules_out if not design.ruling_out(each)]
    withheld = f"; withheld, since no control of the design rules out {' or '.join(missing)}" if missing else ""
    return f"{rung.number} {rung.claim}: {rung.needs}{withheld}"


def _control(arm: Arm) -> str:
    explanation = EXPLANATIONS[arm.rules_out] if arm.rules_out else "nothing"
    return f"{arm.name} rules out {explanation}"
