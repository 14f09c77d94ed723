"""The way from a plan to what is measured, step by step.

Every effect goes through the journal, so running a plan again in the same directory is the resume. Nothing here writes
a result file, draws a progress bar or knows a plugin by name.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from harness.api import (
    Adapter,
    Amending,
    Answered,
    Attempt,
    Completion,
    Demonstrate,
    Examine,
    Example,
    Failed,
    HarnessError,
    Learn,
    Message,
    PluginError,
    Problem,
    Request,
    Solve,
    StageStarted,
    Step,
    Strategy,
    Train,
    Verifier,
)
from harness.boundary import filenames
from harness.boundary.faults import suspected
from harness.boundary.text import harmless
from harness.design.designs import trained_name
from harness.design.plan import Plan
from harness.design.skills import SPLIT as SKILLS
from harness.design.skills import Skills
from harness.experiment import examples, returned, training, trainset, voting
from harness.experiment.asking import OnDone, Phase, accept_failures, ask_student, ask_teacher
from harness.experiment.data import Call, ExperimentData, Lesson, Training
from harness.experiment.examples import Demonstration
from harness.experiment.judging import Asked, Item, Reader, Trained, judge, score
from harness.experiment.learning import RunEnvironment
from harness.experiment.trainset import Wanted
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness.preflight import problems
from harness.preflight.components import Components, prompt
from harness.registry.observers import Advance, Observers

PROBES = 5
"""Prompts on which an adapter must change a logit."""


class Experiment:
    """One run of a plan. ``accept_unreadable``: a teacher is asked on though none of its first answers can be read."""

    def __init__(
        self,
        plan: Plan,
        components: Components,
        journal: Journal,
        ledger: RunLedger,
        run_dir: Path,
        observers: Observers,
        accept_unreadable: bool = False,
    ) -> None:
        self._plan = plan
        self._components = components
        self._journal = journal
        self._ledger = ledger
        self._run_dir = run_dir
        self._observers = observers
        self._data = ExperimentData()
        if plan.strategy is not None:
            self._data.lessons.append(Lesson(plan.design.strategy, learned=plan.strategy))
        self._phases: dict[str, Phase] | None = {} if journal.live and not accept_unreadable else None
        self._settled: dict[str, list[Demonstration]] = {}
        self._adapters: dict[str, Adapter] = {}

    def run(self) -> ExperimentData:
        """Walks the steps of the plan. What is in the journal is not done again."""
        for step in self._plan.steps:
            with suspected(f"stage {step.arm}"):
                for seed in self._plan.seeds if self._plan.design.by_seed(step) else (None,):
                    self._walk(step, seed)
        return self._data

    def _walk(self, step: Step, seed: int | None) -> None:
        match step:
            case Learn():
                self._learn(step, seed)
            case Demonstrate():
                self._demonstrate(step, seed)
            case Train():
                self._train(step, seed or 0)
            case Examine() if step.votes_of:
                self._count_votes(step, seed or 0)
            case Examine() if self._plan.design.arm(step.arm).answers == "teacher":
                self._examine_teacher(step)
            case Examine():
                self._examine_student(step, seed)

    def _name(self, name: str, seed: int | None) -> str:
        """What is made for a training seed is called."""
        return name if seed is None else trained_name(name, seed, self._plan.seeds[0])

    # Problems

    def _problems(self, split: str, window: int | None = None) -> list[Problem]:
        """The problems of a set, or of one of its windows, with their truths at hand."""
        known = self._data.problems
        if split not in known:
            own = split == SKILLS
            known[split] = self._own_problems if own else problems.of_set(self._plan, self._components.task, split)
            verifier = self._skills if own else self._components.verifier
            for problem in known[split]:
                self._data.truths[problem.id] = verifier.truth(problem)
        if window is None:
            return known[split]
        each = len(known[split]) // self._plan.design.problem_set(split).windows
        return known[split][(window - 1) * each : window * each]

    @cached_property
    def _skills(self) -> Skills:
        return Skills(self._components.student.skills(self._plan.sizes[SKILLS]))

    @property
    def _own_problems(self) -> list[Problem]:
        return self._skills.problems[: self._plan.count(SKILLS)]

    def _splits(self, step: Examine) -> list[tuple[str, list[Problem]]]:
        """The problem sets of an examination that hold any problems, each with those of its window."""
        found = [(split, self._problems(split, step.window)) for split in step.splits if self._plan.size(split)]
        return [(split, inner) for split, inner in found if inner]

    def _wrong(self, arm: str, split: str, seed: int | None) -> list[Item]:
        """What a student got wrong of a problem set; a call that failed is no answer."""
        ids = {problem.id for problem in self._problems(split)}
        return [
            item
            for item in self._data.items
            if item.arm == arm
            and (item.adapter is None or item.adapter.seed == seed)
            and item.problem.id in ids
            and not item.correct
            and not isinstance(item.outcome, Failed)
        ]

    def _prompt(self, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask for an answer in a stage."""
        if problem.split == SKILLS:
            return self._skills.prompt(problem)
        return prompt(self._plan, self._components.task, stage, problem, strategy)

    # The teacher

    def _ask(
        self, stage: str, phase: str, requests: Sequence[Request], on_done: OnDone, needed: bool = False
    ) -> list[Completion]:
        """Asks the teacher. ``needed``: later effects depend on the replies, so what failed must stay as it is.

        ``phase`` names the answers that are read alike, in a message.
        """
        completions = ask_teacher(
            self._journal,
            self._ledger,
            self._components.teacher,
            requests,
            on_done,
            named=self._components.named["teacher"],
            phase=self._phase(phase),
        )
        if needed:
            accept_failures(self._journal, self._components.teacher, requests, completions)
        for request, completion in zip(requests, completions, strict=True):
            self._data.calls.append(Call(stage, request.context.purpose, completion))
        return completions

    def _phase(self, name: str) -> Phase | None:
        """What was read of a phase so far; None where nobody is to be stopped by it."""
        if self._phases is None:
            return None
        task = self._components.task
        return self._phases.setdefault(name, Phase(name, lambda reply: isinstance(judge(task, reply), Answered)))

    def _ask_whole(self, stage: str, request: Request, on_done: OnDone) -> Completion:
        """One request of a reflection. A reply that is not whole is of no use, and tried again by a resume."""
        keyed = replace(request, key=f"{stage}/{request.key}")
        (completion,) = ask_teacher(
            self._journal,
            self._ledger,
            self._components.teacher,
            [keyed],
            on_done,
            final=("end",),
            named=self._components.named["teacher"],
        )
        self._data.calls.append(Call(stage, request.context.purpose, completion))
        return completion

    def _solve(
        self, stage: str, problems: Sequence[Problem], strategy: str | None, on_done: OnDone, needed: bool = False
    ) -> list[Item]:
        """Has the teacher answer problems, and records the items under the stage's name. ``needed``: see ``_ask``."""
        requests = [
            Request(f"{stage}/{problem.id}", self._prompt(stage, problem, strategy), Solve(problem, strategy))
            for problem in problems
        ]
        completions = self._ask(stage, f"stage {stage}", requests, on_done, needed=needed)
        return self._record(stage, problems, requests, completions)

    def _judges(self, split: str) -> tuple[Reader, Verifier]:
        """Who reads and who checks answers to problems of a set."""
        if split == SKILLS:
            return self._skills, self._skills
        return self._components.task, self._components.verifier

    def _record(
        self,
        arm: str,
        problems: Sequence[Problem],
        requests: Sequence[Request],
        completions: Sequence[Completion],
        adapter: Trained | None = None,
    ) -> list[Item]:
        items = []
        for problem, request, completion in zip(problems, requests, completions, strict=True):
            reader, verifier = self._judges(problem.split)
            truth = self._data.truths[problem.id]
            plain = request.context.strategy is None
            wording = request.messages if plain else self._prompt(arm, problem, None)
            asked = Asked(request.messages, wording)
            items.append(score(arm, reader, verifier, problem, truth, asked, completion, adapter))
        self._data.items += items
        return items

    def _examine_teacher(self, step: Examine) -> None:
        strategy = self._strategy(step.strategy, None)
        for split, asked in self._splits(step):
            with self._activity(step.arm, f"answers {_named(split)}", len(asked)) as advance:
                self._solve(step.arm, asked, strategy, advance)

    def _learn(self, step: Learn, seed: int | None) -> None:
        """Has the teacher learn a strategy, from its own attempts or from what a student got wrong."""
        lesson = Lesson(step.strategy, seed)
        self._data.lessons.append(lesson)
        named = self._components.named["reflection"]
        if step.wrong_of is None:
            learned = self._learn_by_trying(step, lesson)
        else:
            start = self._data.lesson(step.start or "", seed)
            wrong = self._wrong(step.wrong_of, step.problems, seed)
            if start is None or not wrong:
                lesson.learned, lesson.learned_as = self._strategy(step.start, seed) or "", None
                return
            learned = self._amend(step, lesson, start, wrong)
        given = returned.strategy(named, learned)
        if given not in lesson.strategies:
            raise PluginError(f"{named} breaks its contract: it ended with a strategy that it had not recorded")
        # what is handed on is what people read in strategy.txt, and what --strategy-file gives again from it
        lesson.learned, lesson.learned_as = harmless(given.text), given.id

    def _learn_by_trying(self, step: Learn, lesson: Lesson) -> Strategy:
        reflection, tried = self._components.reflection, self._ordered(step)
        solve = partial(self._solve, step.arm, needed=True)
        calls = sum(reflection.calls(len(tried)).values())
        start = self._strategy(step.start, None)
        with self._activity(step.arm, "teacher learns, calls", calls) as advance:
            environment = RunEnvironment(
                solve, partial(self._ask_whole, step.arm), lesson, advance, self._components.named["reflection"]
            )
            seed_strategy = self._components.task.seed_strategy if start is None else start
            return reflection.learn(tried, seed_strategy, environment)

    def _ordered(self, step: Learn) -> list[Problem]:
        """The problems that are learned from, in the order of the step."""
        given = self._problems(step.problems)
        if step.order is None:
            return given
        return random.Random(f"order {step.order}").sample(given, len(given))

    def _amend(self, step: Learn, lesson: Lesson, start: Lesson, wrong: Sequence[Item]) -> Strategy:
        """Has the teacher amend a strategy by what a student got wrong with it."""
        reflection, named = self._components.reflection, self._components.named["reflection"]
        if not isinstance(reflection, Amending):
            raise PluginError(f"{named} cannot amend a strategy; choose a reflection that can, such as lrl")
        stage = self._name(step.arm, lesson.seed)
        attempts = [
            Attempt(item.problem, item.completion.text, item.outcome, item.truth, item.correct) for item in wrong
        ]
        before = next((each for each in start.strategies if each.id == start.learned_as), None)
        given = before or Strategy(step.start or "", start.learned, None, 0)
        calls = sum(reflection.amending_calls(len(attempts)).values())
        with self._activity(step.arm, "teacher amends its strategy, calls", calls, lesson.seed) as advance:
            environment = RunEnvironment(None, partial(self._ask_whole, stage), lesson, advance, named)
            return reflection.amend(attempts, given, environment)

    def _strategy(self, name: str | None, seed: int | None) -> str | None:
        """The text of a strategy; None where none is to be told."""
        if name is None:
            return None
        lesson = self._data.lesson(name, seed)
        if lesson is None:
            raise HarnessError("no strategy has been learned; the plan lacks the stage in which the teacher learns")
        return lesson.learned

    def _demonstrate(self, step: Demonstrate, seed: int | None) -> None:
        """The teacher's worked solutions, made once for all trainings that use them."""
        known, name = self._data.demonstrations, self._name(step.solutions, seed)
        strategy, task = self._strategy(step.strategy, seed), self._components.task
        chosen = self._to_demonstrate(step, seed)
        if self._plan.labels == "verifier":
            said = task.seed_strategy if strategy is None else strategy
            truths = self._data.truths
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
        with self._activity(step.arm, "teacher writes worked solutions", len(requests), seed) as advance:
            completions = self._ask(
                self._name(step.arm, seed), f"the {name} worked solutions", requests, advance, needed=True
            )
        known[name] = [
            Demonstration(problem, completion.text, judge(task, completion))
            for problem, completion in zip(chosen, completions, strict=True)
        ]

    def _to_demonstrate(self, step: Demonstrate, seed: int | None) -> list[Problem]:
        """The problems of which worked solutions are written."""
        chosen = self._problems(step.problems, step.window)
        if step.wrong_of is not None:
            wrong = {item.problem.id for item in self._wrong(step.wrong_of, step.problems, seed)}
            chosen = [problem for problem in chosen if problem.id in wrong]
        if step.as_many_as is not None:
            chosen = chosen[: len(self._made(step.as_many_as, seed) or ())]
        return chosen

    def _made(self, solutions: str, seed: int | None) -> list[Demonstration] | None:
        """Worked solutions, if they are made: those for the training seed, if there are any of its own."""
        known = self._data.demonstrations
        own = self._plan.design.by_seed(self._plan.design.made["solutions", solutions])
        return known.get(self._name(solutions, seed) if own else solutions)

    # The student

    def _examine_student(self, step: Examine, seed: int | None) -> None:
        """Has the student answer: as it comes, or with the adapter of a training."""
        arm, strategy = self._plan.design.arm(step.arm), self._strategy(step.strategy, seed)
        adapter = None if step.adapter is None else self._adapters.get(self._name(step.adapter, seed))
        if step.adapter is not None and adapter is None:
            return  # it could not be trained, which is told
        trained = None if adapter is None or seed is None else Trained(seed, adapter.sha256)
        for split, asked in self._splits(step):
            requests = self._student_requests(arm.name, asked, strategy)
            doing = f"answers {_named(split)}"
            place = split if step.window is None else f"{split}-window-{step.window}"
            with self._activity(arm.name, doing, len(requests), seed) as advance:
                completions, seconds = ask_student(
                    self._journal,
                    self._components.student,
                    requests,
                    adapter,
                    f"{self._name(arm.name, seed)}/{place}",
                    advance,
                    self._components.named["student"],
                )
            spent = self._data.seconds
            spent[arm.name] = spent.get(arm.name, 0.0) + seconds
            self._record(arm.name, asked, requests, completions, trained)

    def _count_votes(self, step: Examine, seed: int) -> None:
        """Has arms vote: what most of them answer is the answer."""
        for split, asked in self._splits(step):
            _, verifier = self._judges(split)
            given = {
                (item.arm, item.problem.id): item
                for item in self._data.items
                if item.arm in step.votes_of and item.adapter and item.adapter.seed == seed
            }
            for problem in asked:
                ballots = [item for name in step.votes_of if (item := given.get((name, problem.id)))]
                if len(ballots) == len(step.votes_of):
                    self._data.items.append(voting.counted(step.arm, verifier, ballots))

    def _student_requests(self, arm: str, asked: Sequence[Problem], strategy: str | None) -> list[Request]:
        return [
            Request(problem.id, self._prompt(arm, problem, strategy), Solve(problem, strategy)) for problem in asked
        ]

    def _train(self, step: Train, seed: int) -> None:
        """Trains an adapter, or finds it trained; not where too few worked solutions are of use."""
        name = self._name(step.adapter, seed)
        if name not in self._settled:
            self._settle()
        wanted, of_use = self._wanted(step, seed), self._settled.get(name, [])
        offered = 0 if wanted is None else wanted.offered
        start = None if step.start is None else self._adapters.get(self._name(step.start, seed))
        if step.start is not None and start is None:
            self._data.untrained[name] = f"{step.start}, from which it starts, was not trained"
            return
        if wanted is None or len(of_use) < trainset.FEWEST:
            self._data.untrained[name] = f"{len(of_use)} of {offered} worked solutions are of use: too few to train"
            return
        rows = self._rows(wanted, of_use)
        telling = self._activity(step.arm, "training", 0, seed)
        folder = self._run_dir / filenames.ADAPTERS / name
        adapter, report = training.train(self._journal, self._components, folder, rows, seed, telling)
        probes = self._student_requests(step.arm, self._problems("test")[:PROBES], None)
        change = training.probe(self._journal, self._components, adapter, probes)
        self._adapters[name] = adapter
        self._data.trainings.append(Training(step.arm, seed, name, rows, offered, report, adapter, change))

    def _settle(self) -> None:
        """Decides which problems are trained on, for every training whose worked solutions are made by now."""
        steps = [step for step in self._plan.steps if isinstance(step, Train)]
        wanted = [
            each
            for step in steps
            for seed in self._plan.seeds
            if self._name(step.adapter, seed) not in self._settled and (each := self._wanted(step, seed))
        ]
        look = partial(training.unfit, self._journal, self._components)
        kept, left_out = trainset.settled(wanted, self._rows, look)
        self._settled |= kept
        self._data.unfit |= left_out

    def _wanted(self, step: Train, seed: int) -> Wanted | None:
        """A training with its worked solutions; None while some of them are not made."""
        made = {name: self._made(name, seed) for name in (*step.solutions, *step.replay)}
        known = {name: solutions for name, solutions in made.items() if solutions is not None}
        return Wanted(self._name(step.adapter, seed), step, seed, known) if len(known) == len(made) else None

    def _rows(self, wanted: Wanted, of_use: Sequence[Demonstration]) -> list[Example]:
        """The rows of a training, by the recipe of its arm."""
        arm = self._plan.design.arm(wanted.step.arm)
        ask = partial(self._prompt, arm.name, strategy=None)
        return examples.of_recipe(self._components.task, arm.recipe or "worked", of_use, wanted.seed, ask)

    def _activity(self, stage: str, doing: str, total: int, seed: int | None = None) -> AbstractContextManager[Advance]:
        stages = self._plan.stages
        place = f"{stages.index(stage) + 1 if stage in stages else len(stages)}/{len(stages)}"
        return self._observers.activity(StageStarted(stage, place, doing, total, seed))


def _named(split: str) -> str:
    return "skill questions" if split == SKILLS else f"{split} problems"
