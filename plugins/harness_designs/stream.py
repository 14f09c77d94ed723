"""Design ``stream``: continuous adaptation.

The test problems come in windows, and their distribution drifts from one to the next as the task has it. The student is
measured on a window before it has seen any problem of it; then the teacher writes worked solutions of a few more such
problems, within a budget of calls, and the student is trained further. One student stays as its first training left it,
one adapts, one adapts and replays some of what it learned before. In the end both that adapt are measured on all
windows again: what they lost of the earlier ones is what they have forgotten. Two controls tell these from longer
training: one gets as many more rows of the first window, one goes through the new rows twice in place of a replay.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Arm, Claim, Contrast, Demonstrate, Design, Examine, ProblemSet, Step, Train
from harness_designs import common

FIRST = "learned"


class Options(BaseModel):
    """Options of the design ``stream``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: int = Field(4, ge=2, le=20, description="windows that the test problems come in")
    budget: int = Field(40, ge=2, description="teacher calls for worked solutions of each window")


def design(options: Options) -> Design:
    """Adapting with and without replay, with a student that stays as it is."""
    return Design(
        arms=(
            common.BASE,
            common.UNTAUGHT,
            common.LEARNING,
            common.TAUGHT,
            Arm(
                "frozen",
                "student",
                "control",
                "trained once, before the first window",
                recipe="worked",
                splits=("test", "skills"),
                control="standard",
                rules_out="once",
            ),
            Arm(
                "more-data",
                "student",
                "control",
                "trained further on as many more worked solutions of problems that do not drift",
                recipe="worked",
                control="standard",
                rules_out="rows",
            ),
            Arm("adapting", "student", "treatment", "on each window before it adapts to it", recipe="worked"),
            Arm("replaying", "student", "variant", "the same with replay of earlier windows", recipe="worked"),
            Arm(
                "repeating",
                "student",
                "control",
                "as adapting, and goes through the rows of each window twice",
                recipe="worked",
                control="standard",
                rules_out="steps",
            ),
            Arm("adapted", "student", "variant", "after the last window", recipe="worked", splits=("test", "skills")),
            Arm(
                "replayed",
                "student",
                "variant",
                "the same with replay of earlier windows",
                recipe="worked",
                splits=("test", "skills"),
            ),
            *common.CONTROLS,
        ),
        contrasts=(
            *common.contrasts("adapting", trained="adapted"),
            Contrast("adapting", "frozen", "adapting to earlier windows", ("adapter",), family=True),
            Contrast("adapting", "more-data", "that the rows are those of the windows", ("adapter",), family=True),
            Contrast("replaying", "adapting", "replay of what was learned before", ("adapter",), family=True),
            Contrast("replaying", "repeating", "what is gone through beside the new rows", ("adapter",), family=True),
            Contrast("adapted", "frozen", "adapting to all windows", ("adapter",)),
            Contrast("replayed", "adapted", "replay of what was learned before", ("adapter",)),
        ),
        steps=tuple(_steps(options)),
        sets=(
            ProblemSet("test", "test", windows=options.windows),
            ProblemSet("adapt", "train", options.windows * options.budget, windows=options.windows),
            ProblemSet("more", "train", options.windows * options.budget),
        ),
        claims=(
            Claim(
                "adapting does more than what was learned once, and than more rows", "adapting", ("frozen", "more-data")
            ),
            Claim(
                "replay does more than adapting alone, and than longer training", "replaying", ("adapting", "repeating")
            ),
        ),
        explanations={
            "once": "that what was learned once does it",
            "rows": "that as many more rows do it, though they are of no window",
            "steps": "that going through the new rows for longer does it",
        },
    )


def _steps(options: Options) -> list[Step]:
    first = Demonstrate(FIRST, "frozen", "train", FIRST)
    steps: list[Step] = [
        *common.opening(FIRST),
        first,
        common.untaught(first),
        Train("frozen", "frozen", (FIRST,)),
        Examine("frozen", ("test", "skills"), adapter="frozen"),
        Demonstrate("more", "more-data", "more", FIRST),
        Train("more-data", "more-data", ("more",), start="frozen"),
        Examine("more-data", ("test",), adapter="more-data"),
    ]
    now = dict.fromkeys(("adapting", "replaying", "repeating"), "frozen")
    seen = [first]
    for window in range(1, options.windows + 1):
        steps += [Examine(arm, ("test",), adapter=adapter, window=window) for arm, adapter in now.items()]
        new = Demonstrate(f"window-{window}", "adapting", "adapt", FIRST, window)
        steps += [new, common.untaught(new)]
        before = tuple(each.solutions for each in seen)
        for arm, replay in (("adapting", ()), ("replaying", before), ("repeating", (new.solutions,))):
            adapter = f"{arm}-{window}"
            steps.append(Train(adapter, arm, (new.solutions,), replay=replay, start=now[arm]))
            now[arm] = adapter
        seen.append(new)
    for arm, adapting in (("adapted", "adapting"), ("replayed", "replaying")):
        steps.append(Examine(arm, ("test", "skills"), adapter=now[adapting]))
    naive = [common.untaught(each) for each in seen]
    return [*steps, *common.controls([each.solutions for each in seen], [each.solutions for each in naive])]
