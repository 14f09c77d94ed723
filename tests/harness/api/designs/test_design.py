"""What is asked of a design: roles, steps and what they rest on, what is done by seed, what arms differ in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.api import EXPLANATIONS, Contrast, Demonstrate, Design, Examine, Learn, ProblemSet, Train
from harness.design.transfer import TRANSFER
from tests.harness.api.designs import made_up
from tests.harness.api.designs.made_up import SOUND

WITHOUT_TEACHER = Design(arms=(made_up.BASE, made_up.FIRST), contrasts=(made_up.TRAINING,), sets=SOUND.sets)


def test_a_role_is_looked_up_and_one_that_nobody_has_is_none() -> None:
    assert (SOUND.named("base"), SOUND.treatment, SOUND.named("teacher")) == ("base", "first", None)


def test_every_explanation_has_its_words_and_its_control_in_the_design_of_the_harness() -> None:
    assert all(TRANSFER.ruling_out(each) for each in EXPLANATIONS)


def test_an_explanation_is_told_in_the_words_of_the_design_or_in_the_usual_ones() -> None:
    assert SOUND.explained("luck") == "that luck does it"
    assert SOUND.explained("texts") == EXPLANATIONS["texts"]
    with pytest.raises(KeyError):
        SOUND.explained("magic")


def test_sets_of_controls_grow() -> None:
    none, standard, every = (set(TRANSFER.controls(chosen)) for chosen in ("none", "standard", "all"))
    assert none < standard < every
    assert every == set(TRANSFER.names) - set(TRANSFER.standard)


def test_a_problem_set_that_the_design_does_not_declare_is_the_usual_one() -> None:
    assert SOUND.problem_set("drifting") == made_up.DRIFTING
    assert SOUND.problem_set("test") == ProblemSet("test", "test")


def test_steps_that_are_not_stated_follow_from_the_arms() -> None:
    demonstrated = [step for step in TRANSFER.walk if isinstance(step, Demonstrate)]
    assert [(step.solutions, step.strategy) for step in demonstrated] == [("learned", "learned"), ("naive", None)]
    trained = [step for step in TRANSFER.walk if isinstance(step, Train)]
    recipes = {arm.name: arm.recipe for arm in TRANSFER.arms if arm.recipe}
    assert [step.arm for step in trained] == list(recipes)
    assert all(step.solutions == ("naive" if recipes[step.arm] == "naive" else "learned",) for step in trained)
    examined = [step for step in TRANSFER.walk if isinstance(step, Examine)]
    assert [step.arm for step in examined] == [arm.name for arm in TRANSFER.arms if arm.role != "learning"]
    first = TRANSFER.walk.index(trained[0])
    assert all(TRANSFER.walk.index(step) < first for step in demonstrated)


def test_only_the_stages_that_are_chosen_have_steps() -> None:
    learning, base = TRANSFER.named("learning"), TRANSFER.named("base")
    walked = TRANSFER.chosen({str(learning), str(base)})
    assert {step.arm for step in walked} == {learning, base}
    assert not any(isinstance(step, Train | Demonstrate) for step in walked)


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ({"base"}, {*SOUND.steps[:3]}),
        ({"study"}, {made_up.LEARN}),
        ({"first"}, {made_up.LEARN, made_up.WORKED, made_up.TRAIN, made_up.EXAMINE}),
        ({"vote"}, {*SOUND.steps[3:]}),
    ],
)
def test_a_stage_brings_the_steps_that_it_rests_on_and_no_others(stages: set[str], expected: set[object]) -> None:
    walked = SOUND.chosen(stages)
    assert set(walked) == expected
    assert list(walked) == [step for step in SOUND.steps if step in expected]


def test_a_strategy_that_is_given_stands_in_for_what_is_learned_from_nothing_alone() -> None:
    left = SOUND.chosen({"second"}, given=True)
    assert [step.strategy for step in left if isinstance(step, Learn)] == ["amended"]
    assert set(SOUND.chosen({"second"})) - {*left} == {made_up.LEARN}


def test_an_arm_needs_those_who_learn_for_it_and_those_whose_answers_it_takes() -> None:
    required = {name: SOUND.required(name) for name in SOUND.names}
    assert required == {
        "base": (),
        "study": (),
        "first": ("study",),
        "second": ("study", "first"),
        "vote": ("study", "first", "second"),
    }
    assert SOUND.required("second", given=True) == ("first",)


def test_a_strategy_that_no_step_learns_must_be_given() -> None:
    assert [name for name in WITHOUT_TEACHER.names if WITHOUT_TEACHER.unlearned(name)] == ["first"]
    assert not any(map(SOUND.unlearned, SOUND.names))


def test_what_depends_on_a_trained_student_is_done_for_each_training_seed() -> None:
    assert [step for step in SOUND.walk if SOUND.by_seed(step)] == [
        made_up.TRAIN,
        made_up.EXAMINE,
        *SOUND.steps[SOUND.steps.index(made_up.AMEND) :],
    ]


def test_the_strategies_that_start_from_the_task_s_own_are_those_that_can_be_given() -> None:
    assert (SOUND.first_learned, SOUND.strategy) == (("learned",), "learned")
    more = replace(made_up.LEARN, strategy="other", arm="again", order=1)
    again = replace(made_up.STUDY, name="again")
    two = replace(SOUND, arms=(*SOUND.arms, again), steps=(*SOUND.steps, more))
    assert (two.first_learned, two.strategy) == (("learned", "other"), "learned")
    assert WITHOUT_TEACHER.first_learned == ()


def test_an_arm_that_votes_answers_by_the_adapters_of_its_voters() -> None:
    assert (SOUND.voters("vote"), SOUND.voters("first")) == (("first", "second"), ())
    assert (SOUND.adapters("vote"), SOUND.adapters("second"), SOUND.adapters("base")) == (
        ("first", "second"),
        ("second",),
        (),
    )


def test_arms_of_one_recipe_differ_by_how_they_were_trained() -> None:
    assert SOUND.differing("first", "second") == ("adapter",)
    alike = replace(made_up.FURTHER, solutions=("worked",), replay=(), start=None)
    same = made_up.spoiled(made_up.FURTHER, **{name: getattr(alike, name) for name in ("solutions", "replay", "start")})
    pair = Contrast("vote", "base", "voting", ("adapter",), family=True)
    design = replace(SOUND, steps=same, contrasts=(made_up.TRAINING, pair), claims=())
    assert design.differing("first", "second") == ()


def test_what_is_told_another_strategy_differs_in_it_though_both_are_told_one() -> None:
    told = replace(made_up.SECOND, strategy=True)
    steps = made_up.spoiled(made_up.EXAMINE_AGAIN, strategy="amended")
    design = replace(SOUND, arms=(*SOUND.arms[:3], told, made_up.VOTE), steps=steps)
    assert design.differing("second", "first") == ("strategy", "adapter")
