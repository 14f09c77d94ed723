"""What the chosen stages of a design need where it has several strategies, or students that depend on others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.api import Arm, Contrast, Design, UsageError
from harness.design.config import RunSettings, stages
from tests.harness.api.designs import made_up
from tests.harness.api.designs.made_up import SOUND

AGAIN = replace(made_up.STUDY, name="again")
TOLD = Arm("told", "student", "told", "told the other strategy", strategy=True)
TWO = replace(
    SOUND,
    arms=(*SOUND.arms, AGAIN, TOLD),
    steps=(
        *SOUND.steps,
        replace(made_up.LEARN, strategy="other", arm="again", order=1),
        replace(made_up.BEFORE, arm="told", strategy="other"),
    ),
)
"""With a second strategy, which one arm is told."""
NOBODY_LEARNS = Design(
    arms=(made_up.BASE, replace(made_up.FIRST, splits=("test",))),
    contrasts=(Contrast("first", "base", "training", ("adapter",), family=True),),
    sets=(made_up.DRIFTING,),
)


def _chosen(design: Design, *names: str, strategy: str | None = None) -> tuple[str, ...]:
    return stages(RunSettings(stages=names or None), design, strategy)


@pytest.mark.parametrize(
    ("design", "names", "told"),
    [
        (SOUND, ("first",), "first needs a learned strategy; add the stage study or give --strategy-file"),
        (SOUND, ("study", "second"), "second needs the answers of first; add it, or leave second out"),
        (SOUND, ("study", "vote"), "vote needs the answers of first, second; add them, or leave vote out"),
        (TWO, ("told",), "told needs a learned strategy; add the stage again"),
        (TWO, ("first",), "first needs a learned strategy; add the stage study"),
        (TWO, ("first", "told"), "first, told need a learned strategy; add the stages study, again"),
        (NOBODY_LEARNS, ("base", "first"), "first needs a learned strategy; give --strategy-file"),
    ],
)
def test_what_stages_lack_is_told_and_nothing_that_they_do_not_need(design: Design, names: Any, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        _chosen(design, *names)
    assert str(caught.value) == f"--stages: {told}"


@pytest.mark.parametrize(
    ("design", "names"),
    [
        (SOUND, ("study", "first")),
        (SOUND, ("study", "first", "second", "vote")),
        (TWO, ("again", "told")),
        (TWO, ("study", "first", "again")),
    ],
)
def test_stages_that_have_what_they_need_can_be_chosen(design: Design, names: tuple[str, ...]) -> None:
    assert set(_chosen(design, *names)) == set(names)


def test_a_strategy_that_is_given_stands_in_for_the_stage_that_learns_the_first() -> None:
    assert _chosen(SOUND, "first", strategy="Look.") == ("first",)
    assert "study" not in _chosen(SOUND, strategy="Look.")
    with pytest.raises(UsageError, match="--strategy-file takes the place of the stage study; leave one of them out"):
        _chosen(SOUND, "study", "first", strategy="Look.")


def test_a_strategy_that_is_given_stands_in_for_no_answers() -> None:
    with pytest.raises(UsageError, match="second needs the answers of first; add it"):
        _chosen(SOUND, "second", strategy="Look.")


@pytest.mark.parametrize("names", [(), ("base",), ("told",)])
def test_where_several_strategies_are_learned_none_is_given(names: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        _chosen(TWO, *names, strategy="Look.")
    assert str(caught.value) == "--strategy-file: in this design 2 strategies are learned, learned, other; leave it out"
