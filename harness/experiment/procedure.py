"""The way from a plan to what is measured, arm by arm.

Every effect goes through the journal, so running a plan again in the same directory is the resume. Nothing here writes
a result file, draws a progress bar or knows a plugin by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

from harness.api import (
    Answered,
    Arm,
    Completion,
    Example,
    HarnessError,
    Message,
    PluginError,
    Practising,
    Problem,
    Recipe,
    Request,
    Solve,
    StageStarted,
)
from harness.boundary import filenames
from harness.boundary.faults import suspected
from harness.boundary.text import harmless
from harness.design.designs import trained_name
from harness.design.plan import Plan
from harness.design.skills import SPLIT as SKILLS
from harness.design.skills import Skills
from harness.experiment import examples, returned, training
from harness.experiment.asking import OnDone, Phase, accept_failures, ask_student, ask_teacher
from harness.experiment.data import Call, ExperimentData, Training
from harness.experiment.desk import RunDesk
from harness.experiment.examples import Demonstration
from harness.experiment.judging import Asked, Item, Trained, judge, score
from harness.experiment.learning import RunEnvironment
from harness.journal import keys
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness.preflight.components import Components, prompt
from harness.registry.observers import Advance, Observers

PROBES = 5
"""Prompts on which an adapter must change a logit."""
FEWEST = 2
"""Worked solutions that a training needs."""


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
        self._data = ExperimentData(learned=plan.strategy)
        self._phases: dict[str, Phase] | None = {} if journal.live and not accept_unreadable else None
        self._position = 0

    def run(self) -> ExperimentData:
        """Walks the stages of the plan. What is in the journal is not done again."""
        for position, arm in enumerate(self._plan.arms, 1):
            self._position = position
            with suspected(f"stage {arm.name}"):
                self._walk(arm)
        return self._data

    def _walk(self, arm: Arm) -> None:
        if arm.role == "learning":
            self._learn(arm.name)
        elif arm.answers == "teacher":
            self._examine_teacher(arm)
        elif arm.recipe is None:
            self._examine_student(arm, None)
        else:
            for seed in self._plan.seeds:
                if made := self._train(arm, arm.recipe, seed):
                    self._examine_student(arm, made)

    # Problems

    def _problems(self, split: str) -> list[Problem]:
        """The problems of a split, with their truths at hand."""
        known = self._data.problems
        if split not in known:
            task, size = self._components.task, self._plan.sizes[split]
            made = self._skills.problems if split == SKILLS else task.problems(split, size)
            known[split] = list(made)[: self._plan.count(split)]
            verifier = self._skills if split == SKILLS else self._components.verifier
            for problem in known[split]:
                self._data.truths[problem.id] = verifier.truth(problem)
        return known[split]

    @cached_property
    def _skills(self) -> Skills:
        return Skills(self._components.student.skills(self._plan.sizes[SKILLS]))

    def _splits(self, arm: Arm) -> list[str]:
        return [split for split in arm.splits if self._plan.sizes[split] > 0 and self._problems(split)]

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
            own = problem.split == SKILLS
            reader, verifier = (
                (self._skills, self._skills) if own else (self._components.task, self._components.verifier)
            )
            truth = self._data.truths[problem.id]
            plain = request.context.strategy is None
            wording = request.messages if plain else self._prompt(arm, problem, None)
            asked = Asked(request.messages, wording)
            items.append(score(arm, reader, verifier, problem, truth, asked, completion, adapter))
        self._data.items += items
        return items

    def _examine_teacher(self, arm: Arm) -> None:
        strategy = self._strategy() if arm.strategy else None
        for split in self._splits(arm):
            problems = self._problems(split)
            with self._activity(arm.name, f"answers {_named(split)}", len(problems)) as advance:
                self._solve(arm.name, problems, strategy, advance)

    def _learn(self, stage: str) -> None:
        problems = self._problems("reflect")
        calls = sum(self._components.reflection.calls(len(problems)).values())
        with self._activity(stage, "teacher learns, calls", calls) as advance:
            named = self._components.named["reflection"]
            solve, ask = partial(self._solve, stage, needed=True), partial(self._ask_whole, stage)
            environment = RunEnvironment(solve, ask, self._data, advance, named)
            given = self._components.reflection.learn(problems, self._components.task.seed_strategy, environment)
            learned = returned.strategy(named, given)
        if learned not in self._data.strategies:
            raise PluginError(f"{named} breaks its contract: it ended with a strategy that it had not recorded")
        # what is handed on is what people read in strategy.txt, and what --strategy-file gives again from it
        self._data.learned, self._data.learned_as = harmless(learned.text), learned.id

    def _strategy(self) -> str:
        if self._data.learned is None:
            raise HarnessError("no strategy has been learned; the plan lacks the stage in which the teacher learns")
        return self._data.learned

    def _demonstrate(self, stage: str, name: str, strategy: str | None) -> list[Demonstration]:
        """The teacher's worked solutions of the training problems, made once for all arms that use them."""
        known = self._data.demonstrations
        if name not in known and self._plan.labels == "verifier":
            task, truths = self._components.task, self._data.truths
            said = task.seed_strategy if strategy is None else strategy
            problems = self._problems("train")
            known[name] = [examples.solved(task, problem, truths[problem.id].label, said) for problem in problems]
        if name not in known:
            problems = self._problems("train")
            requests = [
                Request(
                    f"demonstrate/{name}/{problem.id}",
                    self._components.task.demonstration(problem, strategy),
                    Solve(problem, strategy, "demonstrate"),
                )
                for problem in problems
            ]
            with self._activity(stage, "teacher writes worked solutions", len(requests)) as advance:
                completions = self._ask(stage, f"the {name} worked solutions", requests, advance, needed=True)
            known[name] = [
                Demonstration(problem, completion.text, judge(self._components.task, completion))
                for problem, completion in zip(problems, completions, strict=True)
            ]
        return known[name]

    def _demonstrations(self, stage: str) -> dict[str, list[Demonstration]]:
        """Every set of worked solutions that the plan trains on, so that all arms can train on the same items."""
        last = {arm.solutions: arm.name for arm in self._plan.arms}
        sets = {}
        if "learned" in last:
            sets["learned"] = self._demonstrate(stage, "learned", self._strategy())
        if "naive" in last:
            sets["naive"] = self._demonstrate(last["naive"], "naive", None)
        return sets

    # The student

    def _examine_student(self, arm: Arm, made: Training | None) -> None:
        """Has the student answer: as it comes, or with the adapter of a training."""
        strategy = self._strategy() if arm.strategy else None
        name, adapter = (made.name, made.adapter) if made else (arm.name, None)
        trained = Trained(made.seed, made.adapter.sha256) if made else None
        for split in self._splits(arm):
            problems = self._problems(split)
            requests = self._student_requests(arm, problems, strategy)
            doing = f"answers {_named(split)}"
            with self._activity(arm.name, doing, len(requests), made.seed if made else None) as advance:
                completions, seconds = ask_student(
                    self._journal,
                    self._components.student,
                    requests,
                    adapter,
                    f"{name}/{split}",
                    advance,
                    self._components.named["student"],
                )
            spent = self._data.seconds
            spent[arm.name] = spent.get(arm.name, 0.0) + seconds
            self._record(arm.name, problems, requests, completions, trained)

    def _student_requests(self, arm: Arm, problems: Sequence[Problem], strategy: str | None) -> list[Request]:
        return [
            Request(problem.id, self._prompt(arm.name, problem, strategy), Solve(problem, strategy))
            for problem in problems
        ]

    def _train(self, arm: Arm, recipe: Recipe, seed: int) -> Training | None:
        """Trains an adapter of an arm, or finds it trained; None where too few worked solutions are of use."""
        name = trained_name(arm.name, seed, self._plan.seeds[0])
        sets = self._demonstrations(arm.name)
        offered = len(next(iter(sets.values())))
        items = self._common(sets)
        if len(items) < FEWEST:
            self._data.untrained[name] = f"{len(items)} of {offered} worked solutions are of use: too few to train"
            return None
        rows = self._rows(arm, recipe, sets, items, seed)
        telling = self._activity(arm.name, "training", 0, seed)
        folder = self._run_dir / filenames.ADAPTERS / name
        adapter, report = training.train(
            self._journal, self._components, folder, rows, seed, telling, desk=partial(self._desk, name)
        )
        self._data.calls += [Call(arm.name, *call) for call in training.asked(self._journal, name)]
        probes = self._student_requests(arm, self._problems("test")[:PROBES], None)
        change = training.probe(self._journal, self._components, adapter, probes)
        found = Training(arm.name, seed, name, rows, offered, report, adapter, change)
        self._data.trainings.append(found)
        return found

    def _rows(
        self, arm: Arm, recipe: Recipe, sets: Mapping[str, Sequence[Demonstration]], items: Collection[str], seed: int
    ) -> list[Example]:
        """The training rows of an arm, on the problems in ``items``."""
        ask = partial(self._prompt, arm.name, strategy=None)
        made = sets[arm.solutions or ""]
        told = None
        if isinstance(self._components.trainer, Practising) and (recipe, arm.solutions) == ("worked", "learned"):
            told = partial(self._prompt, arm.name, strategy=self._strategy())
        return examples.of_recipe(self._components.task, recipe, made, items, seed, ask, told)

    def _desk(self, name: str, folder: Path, shown: Callable[[], AbstractContextManager[None]]) -> RunDesk:
        """Where a trainer that practises works: on the training problems, with the teacher's replies in the journal."""

        def ask(request: Request) -> Completion:
            (completion,) = ask_teacher(
                self._journal,
                self._ledger,
                self._components.teacher,
                [replace(request, key=keys.practice(name, request.key))],
                lambda _: None,
                named=self._components.named["teacher"],
            )
            return completion

        problems = {problem.id: problem for problem in self._problems("train")}
        return RunDesk(self._components, name, folder, problems, ask, shown)

    def _common(self, sets: Mapping[str, Sequence[Demonstration]]) -> set[str]:
        """The problems on which all arms are trained: those with an answer that every arm's row can be trained on.

        What is left out changes what is shuffled, so the rows are looked at until no further one is left out.
        """
        items = set.intersection(*map(examples.usable, sets.values()))
        while len(items) >= FEWEST:
            rows = [
                self._rows(arm, arm.recipe, sets, items, seed)
                for arm in self._plan.arms
                if arm.recipe
                for seed in self._plan.seeds
            ]
            unfit = training.unfit(self._journal, self._components, rows)
            if not unfit:
                break
            self._data.unfit |= unfit
            items -= unfit.keys()
        return items

    def _activity(self, stage: str, doing: str, total: int, seed: int | None = None) -> AbstractContextManager[Advance]:
        place = f"{self._position}/{len(self._plan.stages)}"
        return self._observers.activity(StageStarted(stage, place, doing, total, seed))


def _named(split: str) -> str:
    return "skill questions" if split == SKILLS else f"{split} problems"
