"""What the teacher does: it learns, amends its strategy, writes worked solutions, answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from harness.api import (
    Amending,
    Answered,
    Attempt,
    Completion,
    Demonstrate,
    Examine,
    Learn,
    PluginError,
    Problem,
    Request,
    Solve,
    Strategy,
)
from harness.boundary.text import harmless
from harness.experiment import returned
from harness.experiment.asking import OnDone, Phase, accept_failures, ask_teacher
from harness.experiment.context import RunContext, named
from harness.experiment.data import Call, Lesson
from harness.experiment.judging import Item, judge
from harness.experiment.learning import RunEnvironment
from harness.experiment.training import examples
from harness.experiment.training.examples import Demonstration


class Teaching:
    """The steps of the teacher. ``accept_unreadable``: it is asked on though none of its first answers can be read."""

    def __init__(self, run: RunContext, accept_unreadable: bool = False) -> None:
        self._run = run
        self._phases: dict[str, Phase] | None = {} if run.journal.live and not accept_unreadable else None

    def _ask(
        self, stage: str, phase: str, requests: Sequence[Request], on_done: OnDone, needed: bool = False
    ) -> list[Completion]:
        """Asks the teacher. ``needed``: later effects depend on the replies, so what failed must stay as it is.

        ``phase`` names the answers that are read alike, in a message.
        """
        completions = ask_teacher(
            self._run.journal,
            self._run.ledger,
            self._run.components.teacher,
            requests,
            on_done,
            named=self._run.components.named["teacher"],
            phase=self._phase(phase),
        )
        if needed:
            accept_failures(self._run.journal, self._run.components.teacher, requests, completions)
        for request, completion in zip(requests, completions, strict=True):
            self._run.data.calls.append(Call(stage, request.context.purpose, completion))
        return completions

    def _phase(self, name: str) -> Phase | None:
        """What was read of a phase so far; None where nobody is to be stopped by it."""
        if self._phases is None:
            return None
        task = self._run.components.task
        return self._phases.setdefault(name, Phase(name, lambda reply: isinstance(judge(task, reply), Answered)))

    def _ask_whole(self, stage: str, request: Request, on_done: OnDone) -> Completion:
        """One request of a reflection. A reply that is not whole is of no use, and tried again by a resume."""
        keyed = replace(request, key=f"{stage}/{request.key}")
        (completion,) = ask_teacher(
            self._run.journal,
            self._run.ledger,
            self._run.components.teacher,
            [keyed],
            on_done,
            final=("end",),
            named=self._run.components.named["teacher"],
        )
        self._run.data.calls.append(Call(stage, request.context.purpose, completion))
        return completion

    def _solve(
        self, stage: str, problems: Sequence[Problem], strategy: str | None, on_done: OnDone, needed: bool = False
    ) -> list[Item]:
        """Has the teacher answer problems, and records the items under the stage's name. ``needed``: see ``_ask``."""
        requests = [
            Request(f"{stage}/{problem.id}", self._run.prompt(stage, problem, strategy), Solve(problem, strategy))
            for problem in problems
        ]
        completions = self._ask(stage, f"stage {stage}", requests, on_done, needed=needed)
        return self._run.record(stage, problems, requests, completions)

    def examine(self, step: Examine) -> None:
        """Has the teacher answer."""
        strategy = self._run.strategy(step.strategy, None)
        for split, asked in self._run.splits(step):
            with self._run.activity(step.arm, f"answers {named(split)}", len(asked)) as advance:
                self._solve(step.arm, asked, strategy, advance)

    def learn(self, step: Learn, seed: int | None) -> None:
        """Has the teacher learn a strategy, from its own attempts or from what a student got wrong."""
        lesson = Lesson(step.strategy, seed)
        self._run.data.lessons.append(lesson)
        named = self._run.components.named["reflection"]
        if step.wrong_of is None:
            learned = self._learn_by_trying(step, lesson)
        else:
            start = self._run.data.lesson(step.start or "", seed)
            wrong = self._run.wrong(step.wrong_of, step.problems, seed)
            if start is None or not wrong:
                lesson.learned, lesson.learned_as = self._run.strategy(step.start, seed) or "", None
                return
            learned = self._amend(step, lesson, start, wrong)
        given = returned.strategy(named, learned)
        if given not in lesson.strategies:
            raise PluginError(f"{named} breaks its contract: it ended with a strategy that it had not recorded")
        # what is handed on is what people read in strategy.txt, and what --strategy-file gives again from it
        lesson.learned, lesson.learned_as = harmless(given.text), given.id

    def _learn_by_trying(self, step: Learn, lesson: Lesson) -> Strategy:
        reflection, tried = self._run.components.reflection, self._ordered(step)
        solve = partial(self._solve, step.arm, needed=True)
        calls = sum(reflection.calls(len(tried)).values())
        start = self._run.strategy(step.start, None)
        with self._run.activity(step.arm, "teacher learns, calls", calls) as advance:
            environment = RunEnvironment(
                solve, partial(self._ask_whole, step.arm), lesson, advance, self._run.components.named["reflection"]
            )
            seed_strategy = self._run.components.task.seed_strategy if start is None else start
            return reflection.learn(tried, seed_strategy, environment)

    def _ordered(self, step: Learn) -> list[Problem]:
        """The problems that are learned from, in the order of the step."""
        given = self._run.problems(step.problems)
        if step.order is None:
            return given
        return random.Random(f"order {step.order}").sample(given, len(given))

    def _amend(self, step: Learn, lesson: Lesson, start: Lesson, wrong: Sequence[Item]) -> Strategy:
        """Has the teacher amend a strategy by what a student got wrong with it."""
        reflection, named = self._run.components.reflection, self._run.components.named["reflection"]
        if not isinstance(reflection, Amending):
            raise PluginError(f"{named} cannot amend a strategy; choose a reflection that can, such as lrl")
        stage = self._run.name(step.arm, lesson.seed)
        attempts = [
            Attempt(item.problem, item.completion.text, item.outcome, item.truth, item.correct) for item in wrong
        ]
        before = next((each for each in start.strategies if each.id == start.learned_as), None)
        given = before or Strategy(step.start or "", start.learned, None, 0)
        calls = sum(reflection.amending_calls(len(attempts)).values())
        with self._run.activity(step.arm, "teacher amends its strategy, calls", calls, lesson.seed) as advance:
            environment = RunEnvironment(None, partial(self._ask_whole, stage), lesson, advance, named)
            return reflection.amend(attempts, given, environment)

    def demonstrate(self, step: Demonstrate, seed: int | None) -> None:
        """The teacher's worked solutions, made once for all trainings that use them."""
        known, name = self._run.data.demonstrations, self._run.name(step.solutions, seed)
        strategy, task = self._run.strategy(step.strategy, seed), self._run.components.task
        chosen = self._to_demonstrate(step, seed)
        if self._run.plan.labels == "verifier":
            said = task.seed_strategy if strategy is None else strategy
            truths = self._run.data.truths
            known[name] = [examples.solved(task, problem, truths[problem.id].label, said) for problem in chosen]
            return
        requests = [
            Request(
                f"demonstrate/{name}/{problem.id}",
                task.demonstration(problem, strategy),
                Solve(problem, strategy, "demonstrate"),
            )
            for problem in chosen
        ]
        with self._run.activity(step.arm, "teacher writes worked solutions", len(requests), seed) as advance:
            completions = self._ask(
                self._run.name(step.arm, seed), f"the {name} worked solutions", requests, advance, needed=True
            )
        known[name] = [
            Demonstration(problem, completion.text, judge(task, completion))
            for problem, completion in zip(chosen, completions, strict=True)
        ]

    def _to_demonstrate(self, step: Demonstrate, seed: int | None) -> list[Problem]:
        """The problems of which worked solutions are written."""
        chosen = self._run.problems(step.problems, step.window)
        if step.wrong_of is not None:
            wrong = {item.problem.id for item in self._run.wrong(step.wrong_of, step.problems, seed)}
            chosen = [problem for problem in chosen if problem.id in wrong]
        if step.as_many_as is not None:
            chosen = chosen[: len(self._run.made(step.as_many_as, seed) or ())]
        return chosen
