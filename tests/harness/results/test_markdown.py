from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.api import JournalEntry, Strategy, Usage
from harness.design import plan as plans
from harness.experiment.data import ExperimentData, Lesson
from harness.results.markdown import evolution_text, fenced, journal_text, strategy_text
from tests.conftest import ToyRun


@given(st.text(alphabet="`~ab\n", max_size=60))
def test_text_cannot_close_its_own_fence(text: str) -> None:
    opening, *_, closing = fenced(text).split("\n")
    fence = opening.removesuffix("text")
    assert closing == fence
    assert fence not in text


def test_what_is_dropped_between_backticks_closes_no_fence() -> None:
    opening, *inner, closing = fenced("`\x1b`\u200b`\nout of it\n`\x07``").split("\n")
    assert (opening, closing) == ("````text", "````")
    assert inner == ["```", "out of it", "```"]


def test_only_a_simulated_teacher_makes_its_pages_say_that_no_real_model_wrote_them(finished_run: ToyRun) -> None:
    plan = plans.read(finished_run(stages=("bootstrap",)) / "plan.json")
    assert "real model" in journal_text(plan, ExperimentData())
    parts = {name: replace(choice, simulated=name == "student") for name, choice in plan.plugins.items()}
    told = journal_text(replace(plan, plugins=parts), ExperimentData())
    assert "**Simulated: student toy.**" in told
    assert "real model" not in told


def test_every_strategy_has_its_descent(finished_run: ToyRun) -> None:
    plan = plans.read(finished_run(stages=("bootstrap",)) / "plan.json")
    strategies = [Strategy("s0", "Think.", None, 0), Strategy("s1", "Look.", "s0", 4, 3, 6)]
    told = evolution_text(plan, ExperimentData(lessons=[Lesson("learned", strategies=strategies)]))
    assert "## s0: the seed\n\n```text\nThink." in told
    assert "## s1: after batch 4, from s0\n\nIts parent got 3 of 6 right.\n\n```text\nLook." in told


def test_of_several_lessons_every_section_says_which_one_it_is_of(finished_run: ToyRun) -> None:
    plan = plans.read(finished_run(stages=("bootstrap",)) / "plan.json")
    entry = JournalEntry(1, 3, 6, "s0", "so it goes", Usage())
    lessons = [
        Lesson("first", entries=[entry], strategies=[Strategy("s0", "Think.", None, 0)], learned="Think."),
        Lesson("second", 7, [entry], [Strategy("s1", "Look.", "s0", 1, 3, 6)], "Look.", "s1"),
    ]
    data = ExperimentData(lessons=lessons)
    assert [line for line in journal_text(plan, data).split("\n") if line.startswith("## ")] == [
        "## first: Batch 1: 3 of 6 right with strategy s0",
        "## second, seed 7: Batch 1: 3 of 6 right with strategy s0",
    ]
    assert [line for line in evolution_text(plan, data).split("\n") if line.startswith("## ")] == [
        "## first: s0: the seed",
        "## second, seed 7: s1: after batch 1, from s0",
    ]
    told = strategy_text(plan, data)
    assert "## first\n\nNothing went wrong, so it is the strategy before.\n\n```text\nThink." in told
    assert "## second, seed 7\n\nLearned in this run as s1; see strategy-evolution.md.\n\n```text\nLook." in told
