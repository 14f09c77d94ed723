"""The way from a plan to its findings, stage by stage.

Every effect goes through the journal, so running a plan again in the same directory is the resume. Nothing here writes
a result file, draws a progress bar or knows a plugin by name.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from harness import files, lessons, secrets
from harness.arms import BOOTSTRAP, Arm, Recipe, by_name, trained_name
from harness.crew import Crew, prompt
from harness.errors import CallError, HarnessError, JournalError
from harness.evaluate import Asked, Item, Trained, accept_failures, ask_student, ask_teacher, judge, score
from harness.events import StageAdvanced, StageFinished, StageStarted
from harness.journal import Journal
from harness.ledger import Books
from harness.lessons import Demonstration
from harness.observers import Observers
from harness.plan import Plan
from harness.records import (
    WEIGHTS,
    Adapter,
    Attempt,
    Completion,
    Example,
    JournalEntry,
    Message,
    Problem,
    Purpose,
    Request,
    Solve,
    Strategy,
    TrainingReport,
    Truth,
)
from harness.skills import SPLIT as SKILLS
from harness.skills import Skills
from harness.text import one_line

CARD = "README.md"
"""The one file of an adapter that may change later: its card is completed when the results are known."""
PROBES = 5
"""Prompts on which an adapter must change a logit."""

Advance = Callable[..., None]
"""Called with what is done by now, and optionally ``total`` and ``note``."""


@dataclass(frozen=True, slots=True)
class Call:
    """One teacher call, for the accounts."""

    stage: str
    purpose: Purpose
    completion: Completion


@dataclass(frozen=True, slots=True)
class Training:
    """One adapter with how it was made and that it does something."""

    arm: str
    seed: int
    name: str
    """That of the arm; for every seed but the first with the seed. Names its adapter and its file of examples."""
    examples: Sequence[Example]
    offered: int
    """Demonstrations that there were, with or without a usable answer."""
    report: TrainingReport
    adapter: Adapter
    logit_change: float


@dataclass(slots=True)
class Findings:
    """All that a run has found: the same for one plan and one journal."""

    problems: dict[str, list[Problem]] = field(default_factory=dict)
    truths: dict[str, Truth] = field(default_factory=dict)
    """By problem id."""
    items: list[Item] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    entries: list[JournalEntry] = field(default_factory=list)
    strategies: list[Strategy] = field(default_factory=list)
    learned: str | None = None
    demonstrations: dict[str, list[Demonstration]] = field(default_factory=dict)
    trainings: list[Training] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Time that the student took to answer, by arm: no part of a result."""


class Experiment:
    """One run of a plan."""

    def __init__(
        self, plan: Plan, crew: Crew, journal: Journal, books: Books, run_dir: Path, observers: Observers
    ) -> None:
        self._plan = plan
        self._crew = crew
        self._journal = journal
        self._books = books
        self._run_dir = run_dir
        self._observers = observers
        self._findings = Findings(learned=plan.strategy)
        self._position = 0

    def run(self) -> Findings:
        """Walks the stages of the plan. What is in the journal is not done again."""
        for position, name in enumerate(self._plan.stages, 1):
            self._position = position
            arm = by_name(name)
            try:
                self._walk(arm)
            except (HarnessError, OSError):
                raise
            except Exception as error:
                what = f"stage {name} failed, in the code of a plugin or of the harness"
                where = f"harness --traceback run --resume {self._run_dir} shows where"
                raise HarnessError(one_line(f"{what}: {type(error).__name__}: {error}; {where}")) from error
        return self._findings

    def _walk(self, arm: Arm) -> None:
        if arm.name == BOOTSTRAP:
            self._learn()
        elif arm.answers == "teacher":
            self._examine_teacher(arm)
        elif arm.recipe is None:
            self._examine_student(arm, None)
        else:
            for seed in self._plan.seeds:
                self._examine_student(arm, self._train(arm, arm.recipe, seed))

    # Problems

    def _problems(self, split: str) -> list[Problem]:
        """The problems of a split, with their truths at hand."""
        known = self._findings.problems
        if split not in known:
            wanted = self._plan.sizes[split]
            made = self._skills.problems if split == SKILLS else self._crew.task.problems(split, wanted)
            known[split] = list(made)[: self._plan.limit or wanted]
            verifier = self._skills if split == SKILLS else self._crew.verifier
            for problem in known[split]:
                self._findings.truths[problem.id] = verifier.truth(problem)
        return known[split]

    @cached_property
    def _skills(self) -> Skills:
        return Skills(self._crew.student.skills(self._plan.sizes[SKILLS]))

    def _splits(self, arm: Arm) -> list[str]:
        return [split for split in arm.splits if self._plan.sizes[split] > 0 and self._problems(split)]

    def _prompt(self, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask for an answer in a stage."""
        if problem.split == SKILLS:
            return self._skills.prompt(problem)
        return prompt(self._plan, self._crew.task, stage, problem, strategy)

    # The teacher

    def _ask(self, stage: str, requests: Sequence[Request], advance: Advance, needed: bool = False) -> list[Completion]:
        """Asks the teacher. ``needed``: later effects depend on the replies, so what failed must stay as it is."""
        completions = ask_teacher(self._journal, self._books, self._crew.teacher, requests, advance)
        if needed:
            accept_failures(self._journal, self._crew.teacher, requests, completions)
        for request, completion in zip(requests, completions, strict=True):
            self._findings.calls.append(Call(stage, request.context.purpose, completion))
        return completions

    def _ask_whole(self, request: Request, advance: Advance) -> Completion:
        """One request of a reflection. A reply that is not whole is of no use, and tried again by a resume."""
        (completion,) = ask_teacher(self._journal, self._books, self._crew.teacher, [request], advance, final=("end",))
        self._findings.calls.append(Call(BOOTSTRAP, request.context.purpose, completion))
        return completion

    def _solve(self, stage: str, problems: Sequence[Problem], strategy: str | None, advance: Advance) -> list[Item]:
        """Has the teacher answer problems, and records the items under the stage's name."""
        requests = [
            Request(f"{stage}/{problem.id}", self._prompt(stage, problem, strategy), Solve(problem, strategy))
            for problem in problems
        ]
        completions = self._ask(stage, requests, advance, needed=stage == BOOTSTRAP)
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
            reader, verifier = (self._skills, self._skills) if own else (self._crew.task, self._crew.verifier)
            truth = self._findings.truths[problem.id]
            asked = Asked(request.messages, self._prompt(arm, problem, None))
            items.append(score(arm, reader, verifier, problem, truth, asked, completion, adapter))
        self._findings.items += items
        return items

    def _examine_teacher(self, arm: Arm) -> None:
        strategy = self._strategy() if arm.strategy else None
        for split in self._splits(arm):
            problems = self._problems(split)
            with self._activity(arm.name, f"answers {_named(split)}", len(problems)) as advance:
                self._solve(arm.name, problems, strategy, advance)

    def _learn(self) -> None:
        problems = self._problems("reflect")
        calls = sum(self._crew.reflection.calls(len(problems)).values())
        with self._activity(BOOTSTRAP, "teacher learns, calls", calls) as advance:
            classroom = _Classroom(self, advance)
            learned = self._crew.reflection.learn(problems, self._crew.task.seed_strategy, classroom)
        if learned not in self._findings.strategies:
            raise HarnessError("the reflection ended with a strategy that it had not recorded; its plugin is broken")
        self._findings.learned = learned.text

    def _strategy(self) -> str:
        if self._findings.learned is None:
            raise JournalError("no strategy has been learned; the plan lacks the bootstrap stage")
        return self._findings.learned

    def _demonstrate(self, stage: str, name: str, strategy: str | None) -> list[Demonstration]:
        """The teacher's worked solutions of the training problems, made once for all arms that use them."""
        known = self._findings.demonstrations
        if name not in known and self._plan.labels == "verifier":
            task, truths = self._crew.task, self._findings.truths
            said = task.seed_strategy if strategy is None else strategy
            problems = self._problems("train")
            known[name] = [lessons.solved(task, problem, truths[problem.id].label, said) for problem in problems]
        if name not in known:
            problems = self._problems("train")
            requests = [
                Request(
                    f"demonstrate/{name}/{problem.id}",
                    self._crew.task.demonstration(problem, strategy),
                    Solve(problem, strategy, "demonstrate"),
                )
                for problem in problems
            ]
            with self._activity(stage, "teacher writes worked solutions", len(requests)) as advance:
                completions = self._ask(stage, requests, advance, needed=True)
            known[name] = [
                Demonstration(problem, completion.text, judge(self._crew.task, completion))
                for problem, completion in zip(problems, completions, strict=True)
            ]
        return known[name]

    def _demonstrations(self, stage: str) -> dict[str, list[Demonstration]]:
        """Every set of worked solutions that the plan trains on, so that all arms can train on the same items."""
        recipes = {by_name(name).recipe for name in self._plan.stages} - {None}
        sets = {}
        if recipes - {"naive"}:
            sets["learned"] = self._demonstrate(stage, "learned", self._strategy())
        if "naive" in recipes:
            sets["naive"] = self._demonstrate("lora-naive", "naive", None)
        return sets

    # The student

    def _examine_student(self, arm: Arm, training: Training | None) -> None:
        """Has the student answer: as it comes, or with the adapter of a training."""
        strategy = self._strategy() if arm.strategy else None
        name, adapter = (training.name, training.adapter) if training else (arm.name, None)
        trained = Trained(training.seed, training.adapter.sha256) if training else None
        for split in self._splits(arm):
            problems = self._problems(split)
            requests = self._student_requests(arm, problems, strategy)
            seed = training.seed if training else None
            with self._activity(arm.name, f"answers {_named(split)}", len(requests), seed) as advance:
                completions, seconds = ask_student(
                    self._journal, self._crew.student, requests, adapter, f"{name}/{split}", advance
                )
            spent = self._findings.seconds
            spent[arm.name] = spent.get(arm.name, 0.0) + seconds
            self._record(arm.name, problems, requests, completions, trained)

    def _student_requests(self, arm: Arm, problems: Sequence[Problem], strategy: str | None) -> list[Request]:
        return [
            Request(problem.id, self._prompt(arm.name, problem, strategy), Solve(problem, strategy))
            for problem in problems
        ]

    def _train(self, arm: Arm, recipe: Recipe, seed: int) -> Training:
        """Trains an adapter of an arm, or finds it trained."""
        name = trained_name(arm.name, seed, self._plan.seeds[0])
        rows, offered = self._lessons(arm.name, recipe, seed)
        given = {
            "student": self._crew.student.identity,
            "trainer": self._crew.trainer.settings,
            "examples": rows,
            "seed": seed,
        }
        folder = self._run_dir / "adapters" / name
        value = self._journal.once(f"train/{name}", given, lambda: self._perform_training(arm, rows, seed, folder))
        adapter = Adapter(folder, value["adapter"])
        if self._journal.live:
            self._check_adapter(folder, value["files"])
        probes = self._student_requests(arm, self._problems("test")[:PROBES], None)
        change = self._journal.once(
            f"probe/{name}", {"adapter": adapter.sha256}, lambda: self._crew.student.probe(probes, adapter)
        )
        report = TrainingReport(**{**value["report"], "losses": tuple(value["report"]["losses"])})
        training = Training(arm.name, seed, name, rows, offered, report, adapter, change)
        self._findings.trainings.append(training)
        return training

    def _lessons(self, stage: str, recipe: Recipe, seed: int) -> tuple[list[Example], int]:
        """The training rows of an arm, and of how many solutions they were chosen."""
        sets = self._demonstrations(stage)
        demonstrations = sets["naive" if recipe == "naive" else "learned"]
        items = set.intersection(*map(lessons.usable, sets.values()))
        if len(items) < 2:
            raise HarnessError(
                f"{len(items)} of {len(demonstrations)} worked solutions state an answer: too few to train"
            )
        ask = partial(self._prompt, stage, strategy=None)
        return lessons.examples(self._crew.task, recipe, demonstrations, items, seed, ask), len(demonstrations)

    @staticmethod
    def _check_adapter(folder: Path, trained: Mapping[str, str]) -> None:
        """Raises JournalError unless every file that the training left is in its folder as it was."""
        for name, digest in trained.items():
            if not (folder / name).is_file():
                raise JournalError(f"{folder}: {name} of the trained adapter is missing; restore it or start a new run")
            if files.file_digest(folder / name) != digest:
                raise JournalError(f"{folder}: {name} is not the one that was trained; restore it or start a new run")

    def _perform_training(self, arm: Arm, rows: Sequence[Example], seed: int, folder: Path) -> Mapping[str, object]:
        """Trains into a folder of its own, which takes its name only when it is whole."""
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        for leftover in (unfinished, folder):
            shutil.rmtree(leftover, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with self._activity(arm.name, "training", 0, seed) as advance, secrets.hidden():
            report = self._crew.trainer.train(
                self._crew.student,
                rows,
                seed,
                unfinished,
                lambda step, steps, loss: advance(step, total=steps, note=f"loss {loss:.3f}"),
            )
        if not (unfinished / WEIGHTS).is_file():
            raise HarnessError(f"the trainer saved no {WEIGHTS} for arm {arm.name}; its plugin is broken")
        files.sync_tree(unfinished)
        unfinished.rename(folder)
        files.sync_folder(folder.parent)
        files.sync_folder(self._run_dir)  # where the folder of all adapters may be new
        left = {path.name: files.file_digest(path) for path in sorted(folder.iterdir()) if path.name != CARD}
        return {"adapter": left[WEIGHTS], "files": left, "report": files.plain(report)}

    # Telling observers

    @contextmanager
    def _activity(self, stage: str, doing: str, total: int, seed: int | None = None) -> Iterator[Advance]:
        place = f"{self._position}/{len(self._plan.stages)}"
        self._observers.stage_started(StageStarted(stage, place, doing, total, seed))

        def advance(done: int, total: int = total, note: str = "") -> None:
            self._observers.stage_advanced(StageAdvanced(stage, done, total, note))

        yield advance
        self._observers.stage_finished(StageFinished(stage))


def _named(split: str) -> str:
    return "skill questions" if split == SKILLS else f"{split} problems"


class _Classroom:
    """The studio of a reflection: its requests are calls of the bootstrap stage."""

    def __init__(self, experiment: Experiment, advance: Advance) -> None:
        self._experiment = experiment
        self._advance = advance
        self._done = 0
        self._seen: set[str] = set()

    def attempt(self, name: str, problems: Sequence[Problem], strategy: str) -> list[Attempt]:
        again = self._seen & {problem.id for problem in problems}
        if again:
            raise HarnessError(f"the reflection tries {min(again)} a second time; a problem can be tried once")
        self._seen |= {problem.id for problem in problems}
        items = self._experiment._solve(BOOTSTRAP, problems, strategy, self._counting(f"answers {name}"))
        self._done += len(problems)
        return [Attempt(item.problem, item.completion.text, item.outcome, item.truth, item.correct) for item in items]

    def ask(self, request: Request) -> Completion:
        keyed = Request(f"{BOOTSTRAP}/{request.key}", request.messages, request.context)
        completion = self._experiment._ask_whole(keyed, self._counting(f"writes {request.key}"))
        self._done += 1
        if completion.stop != "end":
            raise CallError(
                f"the teacher's reply to {request.key} ended with {completion.stop}"
                f"{f' ({completion.error})' if completion.error else ''}; learning cannot go on without it. "
                "What is recorded is kept; resume tries it again"
            )
        return completion

    def _counting(self, note: str) -> Advance:
        """Tells of calls on top of those that were made before."""
        before = self._done
        return lambda done: self._advance(before + done, note=note)

    def entry(self, entry: JournalEntry) -> None:
        self._experiment._findings.entries.append(entry)

    def strategy(self, strategy: Strategy) -> None:
        self._experiment._findings.strategies.append(strategy)
