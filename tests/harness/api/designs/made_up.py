"""A sound design with a step of every kind, to be spoiled: it learns, amends, trains further, replays and votes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.api import Arm, Claim, Contrast, Demonstrate, Design, Examine, Learn, ProblemSet, Step, Train

BASE = Arm("base", "student", "base", "as it comes", splits=("test", "drifting"))
STUDY = Arm("study", "teacher", "learning", "while it learns", strategy=True, splits=("reflect",))
FIRST = Arm("first", "student", "treatment", "trained", recipe="worked", splits=("test", "fresh"))
SECOND = Arm("second", "student", "variant", "trained further", recipe="worked")
VOTE = Arm("vote", "student", "variant", "both vote", recipe="worked")

DRIFTING, FRESH = ProblemSet("drifting", "test", 20, windows=2), ProblemSet("fresh", "train", 10)

WINDOWS = tuple(Examine("base", ("drifting",), window=window) for window in (1, 2))
LEARN = Learn("learned", "study", "reflect")
WORKED = Demonstrate("worked", "first", "train", "learned")
TRAIN = Train("first", "first", ("worked",))
EXAMINE = Examine("first", ("test", "fresh"), adapter="first")
AMEND = Learn("amended", "second", "fresh", start="learned", wrong_of="first")
ERRORS = Demonstrate("errors", "second", "fresh", "amended", wrong_of="first")
FURTHER = Train("second", "second", ("errors",), replay=("worked",), start="first")
EXAMINE_AGAIN = Examine("second", ("test",), adapter="second")
COUNT = Examine("vote", ("test",), votes_of=("first", "second"))
BEFORE = Examine("base", ("test",))
STEPS: tuple[Step, ...] = (
    BEFORE,
    *WINDOWS,
    LEARN,
    WORKED,
    TRAIN,
    EXAMINE,
    AMEND,
    ERRORS,
    FURTHER,
    EXAMINE_AGAIN,
    COUNT,
)

TRAINING = Contrast("first", "base", "training", ("adapter",), family=True)
VOTING = Contrast("vote", "first", "the vote", ("adapter",), family=True)
CLAIM = Claim("two are more than one", "vote", ("first",))

SOUND = Design(
    arms=(BASE, STUDY, FIRST, SECOND, VOTE),
    contrasts=(TRAINING, VOTING),
    steps=STEPS,
    sets=(DRIFTING, FRESH),
    claims=(CLAIM,),
    explanations={"luck": "that luck does it"},
    series=("first", "second"),
)


def spoiled(step: Step, **changes: Any) -> tuple[Step, ...]:
    """The steps with one of them changed."""
    return tuple(replace(each, **changes) if each == step else each for each in STEPS)


def without(*gone: Step) -> tuple[Step, ...]:
    """The steps without some of them."""
    return tuple(each for each in STEPS if each not in gone)
