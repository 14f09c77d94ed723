"""That a design is checked when it is made: what could not be run, or not be read as it says, is no design."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain, combinations
from typing import Any, get_args

import pytest

from harness.api import Arm, Condition, Contrast, Design, Examine, ProblemSet, Step, Train
from harness.api.designs.checking import MOST, MOST_WINDOWS, RUNGS
from harness.design.transfer import TRANSFER
from tests.harness.api.designs import made_up
from tests.harness.api.designs.made_up import SOUND, spoiled, without

CONDITIONS: tuple[Condition, ...] = get_args(Condition)
SUBSETS = tuple(chain.from_iterable(combinations(CONDITIONS, size) for size in range(len(CONDITIONS) + 1)))
BASE = Arm("base", "student", "base", "as it comes", splits=("test", "harder"))
TRAINED = Arm("trained", "student", "treatment", "trained", recipe="worked")
LABELS = Arm("labels", "student", "control", "labels", recipe="labels", control="all", rules_out="answers")
NOTHING: Any = "nothing"
"""No value of any field."""
PAIR = Contrast("trained", "base", "training", ("adapter",))
AGAINST = Contrast("trained", "labels", "the work", ("adapter",))


CONTROLLED = tuple(
    Contrast("student-base", arm.name, "training", ("adapter",)) for arm in TRANSFER.arms if arm.role == "control"
)
"""One of each control, without which it would rule nothing out."""


@pytest.mark.parametrize("contrast", TRANSFER.contrasts, ids=lambda each: f"{each.first}-{each.second}-{each.split}")
@pytest.mark.parametrize("varies", SUBSETS, ids=lambda varies: "-".join(varies) or "nothing")
def test_two_arms_that_are_compared_differ_in_exactly_what_the_contrast_declares(
    contrast: Contrast, varies: tuple[Condition, ...]
) -> None:
    declared = (replace(contrast, varies=varies), *CONTROLLED)
    if set(varies) == set(contrast.varies):
        assert Design(TRANSFER.arms, declared).contrasts == declared
    else:
        with pytest.raises(
            ValueError, match=f"contrast {contrast.first} - {contrast.second}/{contrast.split}: declares"
        ):
            Design(TRANSFER.arms, declared)


@pytest.mark.parametrize(
    ("arms", "contrasts", "wrong"),
    [
        ((BASE,), (), "no arm is the treatment"),
        ((BASE, replace(TRAINED, recipe=NOTHING)), (), "recipe is 'nothing'; expected one of"),
        ((BASE, replace(TRAINED, role=NOTHING)), (), "role is 'nothing'; expected one of"),
        ((BASE, replace(TRAINED, summary="<b>bold</b>")), (), "as its summary"),
        ((BASE, TRAINED), (replace(PAIR, factor="two\nlines"),), "as its factor"),
        ((BASE, TRAINED, replace(TRAINED, name="again")), (), "2 arms have the role 'treatment'; expected one"),
        ((BASE, TRAINED, TRAINED), (), "arm 'trained': stands twice"),
        ((BASE, replace(TRAINED, name="A b")), (), "arm 'A b': expected a name"),
        ((BASE, replace(TRAINED, name="demonstrate")), (), "arm 'demonstrate': expected a name"),
        ((replace(BASE, strategy=True), TRAINED), (), "do not fit the role 'base'"),
        ((BASE, replace(TRAINED, recipe=None)), (), "do not fit the role 'treatment'"),
        ((BASE, replace(TRAINED, answers="teacher")), (), "do not fit the role 'treatment'"),
        ((replace(BASE, splits=("harder",)), TRAINED), (), "expected test, and others"),
        ((replace(BASE, splits=("test", "reflect")), TRAINED), (), "expected test, and others"),
        ((replace(BASE, splits=("test", "test")), TRAINED), (), "expected test, and others"),
        (
            (TRAINED, Arm("learns", "teacher", "learning", "learns", strategy=True)),
            (),
            "the teacher learns from one problem set, of which nobody is measured",
        ),
        ((BASE, TRAINED, replace(LABELS, rules_out=None)), (AGAINST,), "a control, and nothing else"),
        ((BASE, replace(TRAINED, control="all")), (), "a control, and nothing else"),
        ((BASE, TRAINED, LABELS), (PAIR,), "control 'labels': is compared with nothing"),
        ((BASE, TRAINED), (replace(PAIR, second="nobody"),), "no arm 'nobody'"),
        ((BASE, TRAINED), (replace(PAIR, split="harder"),), "trained is not measured on harder"),
        ((BASE, TRAINED), (PAIR, PAIR), "contrast trained - base/test: twice"),
        ((BASE, TRAINED), (replace(PAIR, second="trained"),), "and the arms differ in nothing"),
    ],
)
def test_what_could_not_be_run_or_read_as_it_says_is_refused(arms: Any, contrasts: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Design(arms, contrasts)


def test_a_sound_design_is_none_of_these() -> None:
    assert Design((BASE, TRAINED, LABELS), (PAIR, AGAINST)).names == ("base", "trained", "labels")


def _sets(**changes: Any) -> dict[str, Any]:
    """The sets of the sound design, the second one changed."""
    return {"sets": (made_up.DRIFTING, replace(made_up.FRESH, **changes))}


def _arms(arm: Arm, **changes: Any) -> dict[str, Any]:
    return {"arms": tuple(replace(each, **changes) if each is arm else each for each in SOUND.arms)}


def _steps(*given: Any, **changes: Any) -> dict[str, Any]:
    return {"steps": spoiled(*given, **changes)}


NAME = "expected a name of a-z, 0-9 and '-' that is no other split's"
UNLIKE = "what it is told or trained on is not what its arm declares"
TWICE = "expected a name of a-z, 0-9 and '-' that stands for nothing else"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        (_sets(of="skills"), "problem set 'fresh': of is 'skills'; expected one of test, reflect, train, harder"),
        (_sets(name="skills"), f"problem set 'skills': {NAME}"),
        (_sets(name="harder"), f"problem set 'harder': {NAME}"),
        (_sets(name="A b"), f"problem set 'A b': {NAME}"),
        (_sets(size=0), f"problem set 'fresh': size is 0; expected 1 to {MOST}, or None"),
        (_sets(size=MOST + 1), f"problem set 'fresh': size is {MOST + 1}; expected"),
        (_sets(windows=0), f"problem set 'fresh': windows is 0; expected 1 to {MOST_WINDOWS}"),
        (_sets(windows=MOST_WINDOWS + 1), f"problem set 'fresh': windows is {MOST_WINDOWS + 1}; expected"),
        (_sets(name="drifting"), "problem set 'drifting': stands twice in the design"),
        (
            _arms(made_up.SECOND, role="control", control="all", rules_out="magic"),
            "arm 'second': rules_out is 'magic'; expected one of answers, texts, prior, form, luck",
        ),
        (
            _arms(made_up.STUDY, splits=("harder",)),
            "arm 'study': the teacher learns from one problem set, of which nobody is measured",
        ),
        (_arms(made_up.STUDY, splits=("reflect", "fresh")), "arm 'study': the teacher learns from one problem set"),
        (_arms(made_up.BASE, splits=("test", "train")), "arm 'base': expected test, and others of drifting, fresh"),
        ({"explanations": {"luck": "luck does it"}}, "explanation 'luck': expected up to 100 letters"),
        ({"explanations": {"luck": "that <b>luck</b> does it"}}, "explanation 'luck': expected up to 100 letters"),
        ({"explanations": {"Good luck": "that luck does it"}}, "explanation 'Good luck': expected"),
        ({"series": ("first", "third")}, "series: no arm 'third'"),
        (_steps(made_up.LEARN, arm="nobody"), "step learn of nobody: no arm 'nobody'"),
        (_steps(made_up.LEARN, arm="first"), "expected an arm in the role 'learning' that is measured on reflect"),
        (_steps(made_up.LEARN, problems="fresh"), "expected an arm in the role 'learning' that is measured on fresh"),
        (_steps(made_up.LEARN, start="before"), "step learn of study: no strategy 'before' is made before"),
        (_steps(made_up.AMEND, start=None), "what a student got wrong amends a strategy; expected one as its start"),
        (_steps(made_up.AMEND, wrong_of="second"), "step learn of second: second is not examined on fresh before"),
        (_steps(made_up.AMEND, problems="nowhere"), "step learn of second: no problem set 'nowhere'"),
        (_steps(made_up.AMEND, strategy="learned"), f"strategy 'learned': {TWICE}"),
        (_steps(made_up.ERRORS, solutions="worked"), f"solutions 'worked': {TWICE}"),
        (_steps(made_up.WORKED, solutions="Of A"), f"solutions 'Of A': {TWICE}"),
        (_steps(made_up.FURTHER, adapter="first"), f"adapter 'first': {TWICE}"),
        (_steps(made_up.WORKED, strategy="amended"), "demonstrate of first: no strategy 'amended' is made before"),
        (_steps(made_up.WORKED, as_many_as="errors"), "demonstrate of first: no solutions 'errors' is made before"),
        (_steps(made_up.WORKED, problems="nowhere"), "step demonstrate of first: no problem set 'nowhere'"),
        (_steps(made_up.WORKED, window=2), "step demonstrate of first: train has 1 windows, so none 2"),
        (_steps(made_up.ERRORS, wrong_of="base"), "demonstrate of second: base is not examined on fresh before"),
        (_steps(made_up.TRAIN, solutions=()), "step train of first: expected an arm with a recipe, and worked"),
        (_steps(made_up.TRAIN, arm="base"), "step train of base: expected an arm with a recipe, and worked"),
        (_steps(made_up.TRAIN, solutions=("errors",)), "step train of first: no solutions 'errors' is made before"),
        (_steps(made_up.FURTHER, replay=("nothing",)), "step train of second: no solutions 'nothing' is made before"),
        (_steps(made_up.FURTHER, start="third"), "step train of second: no adapter 'third' is made before"),
        (
            _steps(made_up.FURTHER, solutions=("worked", "errors"), in_turn=True),
            "step train of second: solutions that are taken in turn are of the same problems",
        ),
        (_steps(made_up.EXAMINE, adapter="second"), "step examine of first: no adapter 'second' is made before"),
        (_steps(made_up.EXAMINE, adapter=None), f"step examine of first: {UNLIKE}"),
        (_steps(made_up.EXAMINE, strategy="learned"), f"step examine of first: {UNLIKE}"),
        (_steps(made_up.WINDOWS[0], adapter="first"), f"step examine of base: {UNLIKE}"),
        (_steps(made_up.EXAMINE, splits=()), "step examine of first: expected some of the problem sets of its arm"),
        (_steps(made_up.EXAMINE, splits=("harder",)), "expected some of the problem sets of its arm: test, fresh"),
        (
            _steps(made_up.COUNT, votes_of=("first", "vote")),
            "examine of vote: vote is not examined on test before",
        ),
        (
            _steps(made_up.COUNT, votes_of=("first", "base")),
            "examine of vote: base does not answer by one adapter; votes are of arms that do",
        ),
        (_steps(made_up.WINDOWS[1], window=3), "step examine of base: drifting has 2 windows, so none 3"),
        (_steps(made_up.WINDOWS[0], window=0), "step examine of base: drifting has 2 windows, so none 0"),
        ({"steps": without(made_up.LEARN)}, "step demonstrate of first: no strategy 'learned' is made before"),
        ({"steps": (*SOUND.steps, replace(made_up.LEARN, strategy="more"))}, "arm 'study': 2 steps in which it learns"),
        ({"steps": without(made_up.COUNT)}, "arm 'vote': is not examined on all of test"),
        ({"steps": without(made_up.WINDOWS[1])}, "arm 'base': is not examined on all of drifting"),
        ({"steps": (*SOUND.steps, Examine("base", ("drifting",)))}, "arm 'base': is not examined on all of drifting"),
        ({"steps": (*SOUND.steps, made_up.COUNT)}, "arm 'vote': is examined twice on test"),
        ({"claims": (replace(made_up.CLAIM, text="two\nlines"),)}, "expected up to 100 letters, digits, spaces and"),
        ({"claims": (replace(made_up.CLAIM, over=()),)}, "claim 'two are more than one': is ahead of nothing"),
        ({"claims": (replace(made_up.CLAIM, rung=0),)}, "claim 'two are more than one': rung is 0; expected"),
        ({"claims": (replace(made_up.CLAIM, rung=RUNGS + 1),)}, f"rung is {RUNGS + 1}; expected one of the ladder"),
        ({"claims": (replace(made_up.CLAIM, over=("base",)),)}, "no contrast vote - base/test of the family"),
        (
            {"claims": (replace(made_up.CLAIM, split="fresh"),)},
            "split is 'fresh'; expected one that no step learns from",
        ),
        (
            {"claims": (replace(made_up.CLAIM, first="first", over=("base",)),)},
            "first and base are not both trained, so the luck of trainings cannot be told",
        ),
        (
            _steps(made_up.COUNT, votes_of=("first", "first")),
            "examine of vote: expected each of its voters once",
        ),
        (_steps(made_up.COUNT, adapter="second"), "answers by votes, and so by no adapter of its own"),
        (_steps(made_up.WORKED, problems="test"), "nobody learns from test, on which arms are measured"),
        (
            {
                "arms": (*SOUND.arms, Arm("taught", "teacher", "teacher", "amended", strategy=True)),
                "steps": (*SOUND.steps, Examine("taught", ("test",), strategy="amended")),
            },
            "step examine of taught: is told what a trained student's errors amended",
        ),
        (
            {
                "arms": (*SOUND.arms, Arm("told", "student", "told", "amended", strategy=True)),
                "steps": (*SOUND.steps, Examine("told", ("test",), strategy="amended")),
            },
            "step examine of told: is told what a trained student's errors amended",
        ),
        (
            {"steps": (*SOUND.steps, replace(made_up.AMEND, strategy="again"))},
            "arm 'second': amends twice under one name",
        ),
        (
            {
                "steps": tuple(
                    made
                    for step in SOUND.steps
                    for made in (
                        [
                            replace(made_up.WORKED, solutions="fewer", as_many_as="worked"),
                            replace(step, solutions=("worked", "fewer"), in_turn=True),
                        ]
                        if step == made_up.TRAIN
                        else [step]
                    )
                )
            },
            "solutions that are taken in turn are of the same problems",
        ),
        ({"sets": (replace(made_up.DRIFTING, size=1), made_up.FRESH)}, "1 problems cannot be divided into 2 windows"),
        (
            {"contrasts": (made_up.TRAINING, replace(made_up.VOTING, family=False))},
            "claim 'two are more than one': no contrast vote - first/test of the family",
        ),
    ],
)
def test_a_design_with_steps_is_refused_for_one_thing_that_is_wrong(changes: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        replace(SOUND, **changes)


def test_a_teacher_that_never_learns_is_told_of() -> None:
    with pytest.raises(ValueError, match="arm 'study': 0 steps in which it learns; expected one"):
        replace(SOUND, steps=SOUND.steps[: SOUND.steps.index(made_up.LEARN)])


def test_a_usual_set_can_be_drawn_in_windows_by_its_own_name() -> None:
    windowed = ProblemSet("test", "test", windows=2)
    by_window = [(Examine("base", ("test",), window=each), replace(made_up.EXAMINE, window=each)) for each in (1, 2)]
    steps = [replace(step, splits=("test",)) for pair in by_window for step in pair]
    arms = (replace(BASE, splits=("test",)), made_up.STUDY, replace(made_up.FIRST, splits=("test",)))
    made = (made_up.LEARN, made_up.WORKED, made_up.TRAIN)
    assert Design(arms, (made_up.TRAINING,), (*made, *steps), (windowed,)).problem_set("test") == windowed


def test_a_vote_on_a_window_counts_answers_to_that_window() -> None:
    windowed = ProblemSet("test", "test", windows=2)
    voters = ("first", "second")
    arms = (made_up.BASE, made_up.STUDY, made_up.SECOND, made_up.VOTE, replace(made_up.FIRST, splits=("test",)))
    trained: list[Step] = [Train(name, name, ("worked",)) for name in voters]
    first = [Examine(name, ("test",), adapter=name, window=1) for name in voters]
    later = [Examine(name, ("test",), adapter=name, window=2) for name in voters]
    counts = [Examine("vote", ("test",), votes_of=voters, window=each) for each in (1, 2)]
    before: list[Step] = [made_up.BEFORE, *made_up.WINDOWS, made_up.LEARN, made_up.WORKED, *trained, *first]
    sets = (windowed, made_up.DRIFTING)
    assert Design(arms, (), (*before, counts[0], *later, counts[1]), sets)
    with pytest.raises(ValueError, match="examine of vote: first is not examined on test before"):
        Design(arms, (), (*before, *counts, *later), sets)


def test_adapters_are_those_that_answer_a_problem_set() -> None:
    again = replace(made_up.EXAMINE, splits=("test",)), Examine("first", ("fresh",), adapter="other")
    other = Train("other", "first", ("worked",), start="first")
    changed: list[Step] = [again[0], other, again[1]]
    made = [made for step in SOUND.steps for made in (changed if step == made_up.EXAMINE else [step])]
    steps = tuple(step for step in made if step.arm != "vote")
    design = replace(SOUND, steps=steps, arms=SOUND.arms[:-1], contrasts=SOUND.contrasts[:1], claims=())
    assert (design.adapters("first", "test"), design.adapters("first", "fresh")) == (("first",), ("other",))
    assert design.adapters("first") == ("first", "other")
