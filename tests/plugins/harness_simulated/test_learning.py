"""The simulated teacher under reflection `lrl`: from the beginner's rule to the right one, by evidence alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import (
    Amending,
    Answered,
    Attempt,
    Completion,
    JournalEntry,
    Problem,
    Request,
    Solve,
    Strategy,
    Task,
    Teacher,
    Truth,
    Unparsed,
    Verifier,
)
from harness_lrl import Options as LrlOptions
from harness_lrl import harness_reflections
from harness_scheduling import harness_tasks, harness_verifiers
from harness_simulated import Options, harness_teachers
from tests.toys import NoLedger


class Memory:
    """A learning environment that asks a teacher and keeps everything in memory."""

    def __init__(self, task: Task, verifier: Verifier, teacher: Teacher) -> None:
        self.task, self.verifier, self.teacher = task, verifier, teacher
        self.entries: list[JournalEntry] = []
        self.strategies: list[Strategy] = []

    def attempt(self, name: str, problems: Sequence[Problem], strategy: str) -> list[Attempt]:
        requests = [
            Request(f"{name}/{problem.id}", self.task.prompt(problem, strategy), Solve(problem, strategy))
            for problem in problems
        ]
        return [
            self._judged(problem, done)
            for problem, done in zip(problems, self.teacher.complete(requests, NoLedger()), strict=True)
        ]

    def _judged(self, problem: Problem, done: Completion) -> Attempt:
        label = self.task.parse(done.text)
        outcome = Unparsed() if label is None else Answered(label)
        right = label is not None and self.verifier.check(problem, label)
        return Attempt(problem, done.text, outcome, self.verifier.truth(problem), right)

    def ask(self, request: Request) -> Completion:
        return next(iter(self.teacher.complete([request], NoLedger())))

    def entry(self, entry: JournalEntry) -> None:
        self.entries.append(entry)

    def strategy(self, strategy: Strategy) -> None:
        self.strategies.append(strategy)


class Mute(Memory):
    """A learning environment whose journal loses the evidence lines."""

    def ask(self, request: Request) -> Completion:
        done = super().ask(request)
        kept = [line for line in done.text.split("\n") if not line.startswith("Evidence:")]
        return replace(done, text="\n".join(kept))


def learn(
    task: Task, verifier: Verifier, seed: int = 0, count: int = 100, environment: type[Memory] = Memory, **options: Any
) -> Memory:
    (teacher_spec,) = harness_teachers()
    (reflection_spec,) = harness_reflections()
    memory = environment(task, verifier, teacher_spec.create(Options(**options), task, seed))
    reflection = reflection_spec.create(LrlOptions(), task)
    assert reflection.learn(task.problems("reflect", count), task.seed_strategy, memory) == memory.strategies[-1]
    return memory


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_it_learns_the_right_rule_whatever_the_seed(task: Task, verifier: Verifier, seed: int) -> None:
    memory = learn(task, verifier, seed, slip=0.1)
    assert task.rules[-1].text in memory.strategies[-1].text
    before, after = memory.entries[:5], memory.entries[5:]
    assert all("beyond" in entry.text and entry.strategy == "s0" for entry in before)
    assert all(entry.strategy == "s1" for entry in after)
    assert memory.strategies[1].text == memory.strategies[2].text


def test_it_scores_better_after_than_before(task: Task, verifier: Verifier) -> None:
    first, last = learn(task, verifier, slip=0).strategies[1:]
    assert first.correct < 50
    assert last.correct == last.n == 50


def test_two_runs_write_the_same_journal(task: Task, verifier: Verifier) -> None:
    one, two = learn(task, verifier, seed=3), learn(task, verifier, seed=3)
    assert (one.entries, one.strategies) == (two.entries, two.strategies)
    assert learn(task, verifier, seed=4, slip=0.3).entries != learn(task, verifier, seed=3, slip=0.3).entries


def test_without_evidence_in_the_journal_it_learns_nothing(task: Task, verifier: Verifier) -> None:
    memory = learn(task, verifier, environment=Mute)
    assert {strategy.text for strategy in memory.strategies} == {task.seed_strategy}


def amend(task: Task, verifier: Verifier, held: str, carried_out: str, count: int = 50) -> Memory:
    """By the wrong answers of a student that was taught one rule and carried out another."""
    rules = {rule.name: rule for rule in task.rules}
    (teacher_spec,) = harness_teachers()
    (reflection_spec,) = harness_reflections()
    memory = Memory(task, verifier, teacher_spec.create(Options(), task, 0))
    reflection = reflection_spec.create(LrlOptions(), task)
    assert isinstance(reflection, Amending)
    worked = [(problem, rules[carried_out].work(problem)) for problem in task.problems("test", count)]
    attempts = [
        Attempt(problem, done.text, Answered(done.label), verifier.truth(problem), right)
        for problem, done in worked
        if not (right := verifier.check(problem, done.label))
    ]
    reflection.amend(attempts, Strategy("s2", rules[held].text, "s1", 10), memory)
    return memory


def test_what_a_student_got_wrong_amends_a_wrong_strategy(task: Task, verifier: Verifier) -> None:
    memory = amend(task, verifier, "even", "even")
    assert task.rules[-1].text in memory.strategies[-1].text
    assert all(entry.text.startswith('A student that was taught the rule "even"') for entry in memory.entries)


def test_what_a_student_did_not_carry_out_leaves_a_right_strategy(task: Task, verifier: Verifier) -> None:
    memory = amend(task, verifier, "threshold", "even")
    assert memory.strategies[-1].text == task.rules[-1].text


def test_too_few_problems_teach_nothing(task: Task, verifier: Verifier) -> None:
    assert learn(task, verifier, count=9).strategies[-1].text == task.seed_strategy


def test_a_prescribed_wrong_rule_stays_to_the_end(task: Task, verifier: Verifier) -> None:
    memory = learn(task, verifier, final_rule="even")
    assert all("halved" in strategy.text for strategy in memory.strategies[1:])


@dataclass(frozen=True)
class Relabelled:
    """A verifier that tells another truth."""

    verifier: Verifier
    label: Callable[[Problem], str]

    def truth(self, problem: Problem) -> Truth:
        return replace(self.verifier.truth(problem), label=self.label(problem))

    def check(self, problem: Problem, label: str) -> bool:
        return label == self.label(problem)

    def steps(self, problem: Problem, reply: str) -> None: ...


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_learns_what_the_truths_say_even_if_they_are_another_rules(
    task: Task, verifier: Verifier, seed: int
) -> None:
    (even,) = (rule for rule in task.rules if rule.name == "even")
    contrary = Relabelled(verifier, lambda problem: even.work(problem).label)
    assert even.text in learn(task, contrary, seed).strategies[-1].text


def test_answers_are_the_same_whichever_verifier_judges_them(task: Task, verifier: Verifier) -> None:
    opposite = Relabelled(verifier, lambda problem: {"YES": "NO", "NO": "YES"}[verifier.truth(problem).label])
    (spec,) = harness_teachers()
    teacher = spec.create(Options(), task, 0)
    problems = task.problems("test", 50)
    one = Memory(task, verifier, teacher).attempt("x", problems, "")
    two = Memory(task, opposite, teacher).attempt("x", problems, "")
    assert [attempt.reply for attempt in one] == [attempt.reply for attempt in two]
    assert all(first.correct != second.correct for first, second in zip(one, two, strict=True))


@pytest.mark.parametrize("drawn", [{}, {"distribution": "published"}])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_scheduling_it_goes_from_touching_meetings_to_the_sweep_line(drawn: dict[str, Any], seed: int) -> None:
    (task_spec,) = harness_tasks()
    (verifier_spec,) = harness_verifiers()
    task = task_spec.create(task_spec.options(**drawn), seed)
    memory = learn(task, verifier_spec.create(verifier_spec.options(), task), seed)
    by_name = {rule.name: rule for rule in task.rules}
    assert all('the rule "touching"' in entry.text for entry in memory.entries[:5])
    assert all('the rule "sweep-line"' in entry.text for entry in memory.entries[5:])
    assert memory.strategies[-1].text.startswith(by_name["sweep-line"].text)
    assert "NO where YES is right" in memory.strategies[-1].text
    assert memory.strategies[2].correct > memory.strategies[1].correct
