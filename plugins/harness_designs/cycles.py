"""Design ``cycles``: recursive improvement.

After each round the student answers fresh problems. The teacher sees what it got wrong, amends its strategy, and writes
worked solutions of these problems; the student is trained further. The control ``more-data`` gets as many new worked
solutions, of problems that were drawn without looking and with the strategy as it was: what the loop does beyond more
rows is its lead over this control.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Arm, Claim, Contrast, Demonstrate, Design, Examine, Learn, ProblemSet, Step, Train
from harness_designs import common

FIRST = "learned"
"""The strategy, and the worked solutions, of the first round."""


class Options(BaseModel):
    """Options of the design ``cycles``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = Field(3, ge=2, le=9, description="trainings of the student that follow each other")
    fresh: int = Field(100, ge=2, description="fresh problems that the student answers after each round but the last")
    further: Literal["base", "adapter"] = Field(
        "base", description="what each round trains: the base on all rows so far, or the last adapter on the new ones"
    )


def design(options: Options) -> Design:
    """The rounds with their controls."""
    last = options.rounds
    rounds = range(1, last + 1)
    treatment = f"round-{last}"
    return Design(
        arms=(
            common.BASE,
            common.UNTAUGHT,
            common.LEARNING,
            common.TAUGHT,
            *(_round(number, last) for number in rounds),
            Arm(
                "more-data",
                "student",
                "control",
                "trained on as many new worked solutions of problems drawn without looking",
                recipe="worked",
                control="standard",
                rules_out="rows",
            ),
            *common.CONTROLS,
        ),
        contrasts=(
            *common.contrasts(treatment),
            Contrast(treatment, "round-1", "the rounds after the first", ("adapter",), family=True),
            Contrast(treatment, "more-data", "what the student got wrong", ("adapter",), family=True),
        ),
        steps=tuple(_steps(options)),
        sets=tuple(ProblemSet(f"fresh-{number}", "train", options.fresh) for number in rounds[:-1]),
        claims=(
            Claim("the loop does more than one round, and than as many more rows", treatment, ("round-1", "more-data")),
        ),
        explanations={"rows": "that as many more rows do it", "once": "that the first round does it already"},
        series=tuple(f"round-{number}" for number in rounds),
    )


def _round(number: int, last: int) -> Arm:
    fresh = () if number == last else (f"fresh-{number}",)
    splits = ("test", "skills", *fresh)
    name, summary = f"round-{number}", f"the student after round {number}"
    if number == last:
        return Arm(name, "student", "treatment", summary, recipe="worked", splits=splits)
    if number == 1:
        return Arm(
            name, "student", "control", summary, recipe="worked", splits=splits, control="standard", rules_out="once"
        )
    return Arm(name, "student", "variant", summary, recipe="worked", splits=splits)


def _steps(options: Options) -> list[Step]:
    first = Demonstrate(FIRST, "round-1", "train", FIRST)
    naive = [common.untaught(first)]
    steps: list[Step] = [
        *common.opening(FIRST),
        first,
        *naive,
        Train("round-1", "round-1", (FIRST,)),
        Examine("round-1", _round(1, options.rounds).splits, adapter="round-1"),
    ]
    amended, errors, unseen = FIRST, [first], [FIRST]
    for number in range(2, options.rounds + 1):
        arm, fresh, before = f"round-{number}", f"fresh-{number - 1}", f"round-{number - 1}"
        wrong = Demonstrate(f"errors-{number}", arm, fresh, f"amended-{number}", wrong_of=before)
        more = Demonstrate(f"more-{number}", "more-data", fresh, FIRST, as_many_as=wrong.solutions)
        errors, unseen, naive = [*errors, wrong], [*unseen, more.solutions], [*naive, common.untaught(wrong)]
        anew = options.further == "base"
        rows = tuple(each.solutions for each in errors) if anew else (wrong.solutions,)
        steps += [
            Learn(f"amended-{number}", arm, fresh, amended, wrong_of=before),
            wrong,
            naive[-1],
            more,
            Train(arm, arm, rows, start=None if anew else before),
            Examine(arm, _round(number, options.rounds).splits, adapter=arm),
        ]
        amended = f"amended-{number}"
    controls = common.controls([each.solutions for each in errors], [each.solutions for each in naive])
    return [*steps, *_more_data(options, unseen), *controls]


def _more_data(options: Options, unseen: list[str]) -> list[Step]:
    """The control that is trained as often, and on as many rows, as the student of the last round."""
    if options.further == "base":
        return [Train("more-data", "more-data", tuple(unseen)), Examine("more-data", ("test",), adapter="more-data")]
    steps: list[Step] = []
    start = "round-1"
    for number, name in enumerate(unseen[1:], 2):
        adapter = "more-data" if name == unseen[-1] else f"more-data-{number}"
        steps.append(Train(adapter, "more-data", (name,), start=start))
        start = adapter
    return [*steps, Examine("more-data", ("test",), adapter="more-data")]
