"""Design ``ensemble``: several strategies for one task.

The teacher learns some strategies, each from problems of its own or from the same ones in another order, and writes
worked solutions with each. One student is trained on a mixture, a strategy for each problem in turn; one for each
strategy alone, and these vote. The first of them has as many rows as the mixture, and is the control of both.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Arm, Claim, Contrast, Demonstrate, Design, Examine, Learn, ProblemSet, Step, Train
from harness_designs import common

ONE = "one-strategy"


class Options(BaseModel):
    """Options of the design ``ensemble``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategies: int = Field(3, ge=2, le=9, description="strategies that the teacher learns")
    by: Literal["problems", "orders"] = Field(
        "problems",
        description="what tells them apart: problems that none of the others is learned from, or the same problems in "
        "other orders",
    )


def design(options: Options) -> Design:
    """The mixture and the vote, with one strategy alone as their control."""
    numbers = range(1, options.strategies + 1)
    voters = (ONE, *(f"voter-{number}" for number in numbers[1:]))
    own = options.by == "problems"
    return Design(
        arms=(
            common.BASE,
            common.UNTAUGHT,
            *(_learning(number, own) for number in numbers),
            common.TAUGHT,
            Arm(
                "mixture",
                "student",
                "treatment",
                "trained on a mixture, each problem solved with another strategy in turn",
                recipe="worked",
                splits=("test", "skills"),
            ),
            Arm(
                ONE,
                "student",
                "control",
                "trained on as many worked solutions with the first strategy alone",
                recipe="worked",
                control="standard",
                rules_out="one",
            ),
            *(
                Arm(f"voter-{number}", "student", "variant", f"trained with strategy {number} alone", recipe="worked")
                for number in numbers[1:]
            ),
            Arm("vote", "student", "variant", "what most students of one strategy answer", recipe="worked"),
            *common.CONTROLS,
        ),
        contrasts=(
            *common.contrasts("mixture"),
            Contrast("mixture", ONE, "several strategies in place of one", ("adapter",), family=True),
            Contrast("vote", ONE, "several students in place of one", ("adapter",), family=True),
        ),
        steps=tuple(_steps(options, voters)),
        sets=tuple(ProblemSet(f"reflect-{number}", "reflect") for number in numbers) if own else (),
        claims=(
            Claim("a mixture of strategies does more than one of them", "mixture", (ONE,)),
            Claim("a vote of students does more than one of them", "vote", (ONE,)),
        ),
        explanations={"one": "that one strategy with as many rows does it"},
    )


def _learning(number: int, own: bool) -> Arm:
    splits = (f"reflect-{number}",) if own else ("reflect",)
    summary = f"the teacher while it learns strategy {number}"
    return Arm(f"bootstrap-{number}", "teacher", "learning", summary, strategy=True, splits=splits)


def _steps(options: Options, voters: tuple[str, ...]) -> list[Step]:
    own = options.by == "problems"
    numbers = range(1, len(voters) + 1)
    solutions = tuple(f"strategy-{number}" for number in numbers)
    arms = ("mixture", *voters[1:])  # under which the calls for each set of worked solutions are counted
    return [
        Examine(common.BASE.name, common.BASE.splits),
        Examine(common.UNTAUGHT.name, common.UNTAUGHT.splits),
        *(
            Learn(f"strategy-{number}", arm.name, arm.splits[0], order=None if own else number)
            for number in numbers
            for arm in [_learning(number, own)]
        ),
        Examine(common.TAUGHT.name, common.TAUGHT.splits, strategy="strategy-1"),
        *(Demonstrate(name, arm, "train", name) for name, arm in zip(solutions, arms, strict=True)),
        Demonstrate("naive", common.NAIVE.name, "train", None),
        Train("mixture", "mixture", solutions, in_turn=True),
        Examine("mixture", ("test", "skills"), adapter="mixture"),
        *(
            step
            for name, arm in zip(solutions, voters, strict=True)
            for step in (Train(arm, arm, (name,)), Examine(arm, ("test",), adapter=arm))
        ),
        Examine("vote", ("test",), votes_of=voters),
        *common.controls(solutions, ["naive"], in_turn=True),
    ]
