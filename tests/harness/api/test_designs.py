"""That a design is checked when it is made: what could not be run, or not be read as it says, is no design."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations
from typing import Any, get_args

import pytest

from harness.api import EXPLANATIONS, Arm, Condition, Contrast, Design
from harness.design.transfer import TRANSFER

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


def test_a_role_is_looked_up_and_one_that_nobody_has_is_none() -> None:
    design = Design((BASE, TRAINED), (PAIR,))
    assert (design.named("base"), design.treatment, design.named("teacher")) == ("base", "trained", None)


def test_every_explanation_has_its_words_and_its_control_in_the_design_of_the_harness() -> None:
    assert all(TRANSFER.ruling_out(each) for each in EXPLANATIONS)


def test_sets_of_controls_grow() -> None:
    none, standard, every = (set(TRANSFER.controls(chosen)) for chosen in ("none", "standard", "all"))
    assert none < standard < every
    assert every == set(TRANSFER.names) - set(TRANSFER.standard)
