"""What the student does: it answers, is trained, and votes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.api import Adapter, Completion, Demonstrate, Examine, Example, Practising, Problem, Request, Solve, Train
from harness.boundary import filenames
from harness.experiment import voting
from harness.experiment.asking import ask_student, ask_teacher
from harness.experiment.context import RunContext, named
from harness.experiment.data import Call, Training
from harness.experiment.judging import Trained
from harness.experiment.training import examples, fitting, trainset
from harness.experiment.training.desk import RunDesk
from harness.experiment.training.examples import Demonstration
from harness.experiment.training.trainset import Wanted
from harness.journal import keys

PROBES = 5
"""Prompts on which an adapter must change a logit."""


class Studying:
    """The steps of the student."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._settled: dict[str, list[Demonstration]] = {}
        self._adapters: dict[str, Adapter] = {}

    def examine(self, step: Examine, seed: int | None) -> None:
        """Has the student answer: as it comes, or with the adapter of a training."""
        arm, strategy = self._run.plan.design.arm(step.arm), self._run.strategy(step.strategy, seed)
        adapter = None if step.adapter is None else self._adapters.get(self._run.name(step.adapter, seed))
        if step.adapter is not None and adapter is None:
            return  # it could not be trained, which is told
        trained = None if adapter is None or seed is None else Trained(seed, adapter.sha256)
        for split, asked in self._run.splits(step):
            requests = self._student_requests(arm.name, asked, strategy)
            doing = f"answers {named(split)}"
            place = split if step.window is None else f"{split}-window-{step.window}"
            with self._run.activity(arm.name, doing, len(requests), seed) as advance:
                completions, seconds = ask_student(
                    self._run.journal,
                    self._run.components.student,
                    requests,
                    adapter,
                    f"{self._run.name(arm.name, seed)}/{place}",
                    advance,
                    self._run.components.named["student"],
                )
            spent = self._run.data.seconds
            spent[arm.name] = spent.get(arm.name, 0.0) + seconds
            self._run.record(arm.name, asked, requests, completions, trained)

    def count_votes(self, step: Examine, seed: int) -> None:
        """Has arms vote: what most of them answer is the answer."""
        for split, asked in self._run.splits(step):
            _, verifier = self._run.judges(split)
            given = {
                (item.arm, item.problem.id): item
                for item in self._run.data.items
                if item.arm in step.votes_of and item.adapter and item.adapter.seed == seed
            }
            for problem in asked:
                ballots = [item for name in step.votes_of if (item := given.get((name, problem.id)))]
                if len(ballots) == len(step.votes_of):
                    self._run.data.items.append(voting.counted(step.arm, verifier, ballots))

    def _student_requests(self, arm: str, asked: Sequence[Problem], strategy: str | None) -> list[Request]:
        return [
            Request(problem.id, self._run.prompt(arm, problem, strategy), Solve(problem, strategy)) for problem in asked
        ]

    def train(self, step: Train, seed: int) -> None:
        """Trains an adapter, or finds it trained; not where too few worked solutions are of use."""
        name = self._run.name(step.adapter, seed)
        if name not in self._settled:
            self._settle()
        wanted, of_use = self._wanted(step, seed), self._settled.get(name, [])
        start = None if step.start is None else self._adapters.get(self._run.name(step.start, seed))
        if step.start is not None and start is None:
            self._run.data.untrained[name] = f"{step.start}, from which it starts, was not trained"
            return
        if len(of_use) < trainset.FEWEST:
            share = f"{len(of_use)} of {wanted.offered}"
            self._run.data.untrained[name] = f"{share} worked solutions are of use: too few to train"
            return
        rows = self._rows(wanted, of_use)
        telling = self._run.activity(step.arm, "training", 0, seed)
        folder = self._run.run_dir / filenames.ADAPTERS / name
        adapter, report = fitting.train(
            self._run.journal, self._run.components, folder, rows, seed, telling, start, partial(self._desk, name)
        )
        asked = fitting.asked(self._run.journal, name)
        self._run.data.calls += [Call(self._run.name(step.arm, seed), *call) for call in asked]
        probes = self._student_requests(step.arm, self._run.problems("test")[:PROBES], None)
        change = fitting.probe(self._run.journal, self._run.components, adapter, probes)
        self._adapters[name] = adapter
        self._run.data.trainings.append(Training(step.arm, seed, name, rows, wanted.offered, report, adapter, change))

    def _settle(self) -> None:
        """Decides which problems are trained on, for every training whose worked solutions are made by now.

        Those of which some are made are looked at with them, so that nobody is trained on what they cannot be.
        """
        steps = [step for step in self._run.plan.steps if isinstance(step, Train)]
        wanted = [
            each
            for step in steps
            for seed in self._run.plan.seeds
            if self._run.name(step.adapter, seed) not in self._settled and (each := self._wanted(step, seed)).made
        ]
        look = partial(fitting.unfit, self._run.journal, self._run.components)
        data = self._run.data
        kept, left_out = trainset.settled(wanted, data.demonstrations.values(), data.unfit, self._rows, look)
        self._settled |= kept
        data.unfit |= left_out

    def _wanted(self, step: Train, seed: int) -> Wanted:
        """A training with those of its worked solutions that are made by now."""
        made = {name: self._run.made(name, seed) for name in (*step.solutions, *step.replay)}
        known = {name: solutions for name, solutions in made.items() if solutions is not None}
        return Wanted(self._run.name(step.adapter, seed), step, seed, known)

    def _rows(self, wanted: Wanted, of_use: Sequence[Demonstration]) -> list[Example]:
        """The rows of a training, by the recipe of its arm."""
        arm, components = self._run.plan.design.arm(wanted.step.arm), self._run.components
        ask = partial(
            self._run.prompt, arm.name, strategy=self._run.strategy(self._asked_with(wanted.step), wanted.seed)
        )
        told = None
        if isinstance(components.trainer, Practising) and arm.recipe == "worked":
            strategy = self._strategy(wanted)
            told = None if strategy is None else partial(self._run.prompt, arm.name, strategy=strategy)
        return examples.of_recipe(components.task, arm.recipe or "worked", of_use, wanted.seed, ask, told)

    def _asked_with(self, step: Train) -> str | None:
        """The strategy with which the student will be asked that is trained here."""
        examined = (each for each in self._run.plan.design.walk if isinstance(each, Examine))
        return next((each.strategy for each in examined if each.adapter == step.adapter and each.strategy), None)

    def _strategy(self, wanted: Wanted) -> str | None:
        """The strategy that the last of the worked solutions of a training were written with."""
        step = self._run.plan.design.made["solutions", wanted.step.solutions[-1]]
        return self._run.strategy(step.strategy if isinstance(step, Demonstrate) else None, wanted.seed)

    def _desk(self, name: str, folder: Path, shown: Callable[[], AbstractContextManager[None]]) -> RunDesk:
        """Where a trainer that practises works: on the problems of its rows, with the teacher through the journal."""
        run = self._run

        def ask(request: Request) -> Completion:
            (completion,) = ask_teacher(
                run.journal,
                run.ledger,
                run.components.teacher,
                [replace(request, key=keys.practice(name, request.key))],
                lambda _: None,
                named=run.components.named["teacher"],
            )
            return completion

        problems = {each.problem.id: each.problem for each in self._settled[name]}
        return RunDesk(run.components, name, folder, problems, ask, shown)
