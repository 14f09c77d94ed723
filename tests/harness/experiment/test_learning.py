from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.api import HarnessError, JournalEntry, Problem, Strategy, Usage
from harness.experiment.data import Lesson
from harness.experiment.learning import RunEnvironment, Solve
from tests.conftest import ToyRun
from tests.toys import ToyReflection

ENTRY = JournalEntry(1, 3, 5, "s0", "so it goes", Usage())
STRATEGY = Strategy("s1", "Look.", "s0", 1, 3, 5)


def _environment(lesson: Lesson, solves: bool = True) -> RunEnvironment:
    solve: Solve | None = (lambda *_: []) if solves else None
    return RunEnvironment(solve, lambda *_: pytest.fail("nothing is asked"), lesson, lambda *_, **__: None)


def test_what_a_reflection_records_is_found_again_in_its_order() -> None:
    lesson = Lesson("learned")
    environment = _environment(lesson)
    for number in (1, 2):
        environment.entry(replace(ENTRY, batch=number))
        environment.strategy(replace(STRATEGY, id=f"s{number}"))
    assert [entry.batch for entry in lesson.entries] == [1, 2]
    assert [strategy.id for strategy in lesson.strategies] == ["s1", "s2"]


def test_a_problem_is_tried_once_in_all() -> None:
    problem = Problem("reflect/0001", "reflect", "few", {}, "1")
    environment = _environment(Lesson("learned"))
    with pytest.raises(HarnessError, match=f"the reflection breaks its contract: it tries {problem.id} a second time"):
        environment.attempt("batch-01", [problem, problem], "Look.")


def test_nothing_is_tried_while_a_strategy_is_amended_by_what_others_tried() -> None:
    environment = _environment(Lesson("amended"), solves=False)
    with pytest.raises(HarnessError, match="breaks its contract: it tries problems while it amends a strategy"):
        environment.attempt("batch-01", [], "Look.")


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"correct": 6}, {"correct": -1}, {"correct": 0, "n": 0}])
def test_an_entry_with_counts_that_none_can_have_is_refused(wrong: dict[str, int]) -> None:
    lesson = Lesson("learned")
    with pytest.raises(HarnessError, match="the reflection breaks its contract: it gave"):
        _environment(lesson).entry(replace(ENTRY, **wrong))  # type: ignore[arg-type]
    assert lesson.entries == []


@pytest.mark.parametrize("wrong", [{"after_batch": -1}, {"correct": 6}, {"correct": -1}])
def test_a_strategy_with_counts_that_none_can_have_is_refused(wrong: dict[str, int]) -> None:
    lesson = Lesson("learned")
    with pytest.raises(HarnessError, match="the reflection breaks its contract: it gave"):
        _environment(lesson).strategy(replace(STRATEGY, **wrong))  # type: ignore[arg-type]
    assert lesson.strategies == []


def test_strategy_md_names_the_strategy_that_was_learned_though_another_was_recorded_last(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = ToyReflection.learn

    def and_one_more(self: ToyReflection, *given: object) -> Strategy:
        learned = learn(self, *given)  # type: ignore[arg-type]
        given[2].strategy(Strategy("s2", "Worse.", "s1", 1))  # type: ignore[attr-defined]
        return learned

    monkeypatch.setattr(ToyReflection, "learn", and_one_more)
    run_dir: Path = toy_run(stages=("bootstrap",))
    assert "Learned in this run as s1;" in (run_dir / "strategy.md").read_text()
