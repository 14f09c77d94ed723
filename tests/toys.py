"""A whole set of plugins on a toy task, quick and without torch: is a number even?

Installed by tests as a distribution of its own. The teacher and the student can be told to misbehave.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, Field

from harness.api import (
    ADAPTER_WEIGHTS,
    Adapter,
    Arm,
    Attempt,
    Completion,
    Config,
    Contrast,
    Design,
    DesignSpec,
    Example,
    JournalEntry,
    Json,
    LearningEnvironment,
    Ledger,
    Message,
    OnStep,
    Problem,
    Reflect,
    ReflectionSpec,
    Request,
    Skill,
    Solve,
    StepCheck,
    Strategy,
    Student,
    StudentSpec,
    Task,
    TaskSpec,
    TeacherSpec,
    TrainerSpec,
    TrainingReport,
    Truth,
    Usage,
    VerifierSpec,
    Worked,
    hookimpl,
)

ENTRY_POINTS = """
[harness.designs]
brief = tests.toys
[harness.tasks]
parity = tests.toys
staged-parity = tests.toys
[harness.verifiers]
parity = tests.toys
[harness.teachers]
toy = tests.toys
[harness.students]
toy = tests.toys
[harness.reflections]
toy = tests.toys
[harness.trainers]
toy = tests.toys
"""
CHOSEN = dict.fromkeys(("teacher", "student", "reflection", "trainer"), "toy") | {"task": "parity", "preset": "small"}
"""The settings of a run with toys alone."""
GOOD = "Look at the last digit."


def install(site: Path) -> Path:
    """Makes the toys an installed distribution in a folder, which is to be put on the import path. Gives the folder."""
    info = site / "harness_toys-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harness-toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return site


class Options(BaseModel):
    """Options of every toy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trouble: str = Field("", description="How the teacher misbehaves: fail, one, refuse, cut, silent or boom.")
    marker: str = Field("", description="A file to which every effect adds a line.")
    level: int = Field(1, ge=0, le=9, description="From 2 on, a trained student errs on every seventh number.")


@dataclass(frozen=True)
class Rule:
    """A toy rule."""

    name: str
    text: str
    trivial: bool

    def work(self, problem: Problem) -> Worked:
        """Says EVEN always, or what is true."""
        label = "EVEN" if self.trivial else _parity(problem)
        return Worked(f"so {label}", label)


def _number(problem: Problem) -> int:
    number = problem.data["number"]
    assert isinstance(number, int)
    return number


def _parity(problem: Problem) -> str:
    return "ODD" if _number(problem) % 2 else "EVEN"


class Parity:
    """Numbers, a third of them odd."""

    labels = ("EVEN", "ODD")
    rules = (Rule("always-even", "Say EVEN.", True), Rule("last-digit", GOOD, False))
    seed_strategy = "Think."

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        """Numbers of a hundred per split."""
        base = 1000 * ("test", "reflect", "train", "harder").index(split) + self._seed
        return [self._problem(split, base, index) for index in range(count)]

    def _problem(self, split: str, base: int, index: int) -> Problem:
        number = 2 * (base + index) + (index % 3 == 0)
        return Problem(
            f"{split}/{index:04d}", split, "SMALL" if index % 2 else "LARGE", {"number": number}, str(number)
        )

    def prompt(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """One line of each."""
        return (Message("system", f"EVEN or ODD? {strategy or ''}"), Message("user", str(problem.data["number"])))

    demonstration = prompt

    def parse(self, reply: str) -> str | None:
        """The last word."""
        last = reply.split()[-1:] or [""]
        return last[0] if last[0] in self.labels else None

    def reply(self, label: str) -> str:
        """The label alone."""
        return label


class StagedParity(Parity):
    """The same numbers, asked for in the words of each stage."""

    def stage_prompt(self, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """Names the stage."""
        system, user = self.prompt(problem, strategy)
        return Message(system.role, f"{stage}: {system.text}"), user


class ParityVerifier:
    """Knows what is even."""

    def truth(self, problem: Problem) -> Truth:
        """The remainder is the witness."""
        return Truth(_parity(problem), {"remainder": _number(problem) % 2}, "see its last digit")

    def check(self, problem: Problem, label: str) -> bool:
        """Exact."""
        return label == _parity(problem)

    def steps(self, problem: Problem, reply: str) -> StepCheck | None:
        """The word before the answer, for the teacher's kind of reply."""
        return StepCheck(reply.split()[1], _parity(problem)) if reply.startswith("so ") else None


class NoLedger:
    """For teachers that spend nothing: whatever they write down is a mistake."""

    def _refuse(self, *_: object) -> NoReturn:
        raise AssertionError("a teacher that spends nothing wrote into the ledger")

    sending = failed = note = noted = proceed = _refuse


class _Marked:
    def __init__(self, options: Options) -> None:
        self._options = options

    def _mark(self, what: str) -> None:
        if self._options.marker:
            with Path(self._options.marker).open("a") as stream:
                stream.write(what + "\n")


class ToyTeacher(_Marked):
    """Says EVEN until its strategy is good."""

    identity: Mapping[str, Json] = {"provider": "toy", "model": "toy-1"}

    def cost(self, usage: Usage) -> float | None:
        """One dollar per million tokens read, two per million written."""
        return (usage.input_tokens + 2 * usage.output_tokens) / 1e6

    def preflight(self) -> None:
        """Always ready."""

    def worst_cost(self, request: Request) -> float | None:  # noqa: ARG002 - the protocol's signature
        """A little more than any call costs."""
        return 30e-6

    def complete(self, requests: Sequence[Request], ledger: Ledger) -> Iterator[Completion]:
        """In reverse, since any order must do."""
        for request in reversed(requests):
            ledger.sending(request.key, 1, self.worst_cost(request))
            self._mark(request.key)
            yield self._reply(request)

    def _reply(self, request: Request) -> Completion:
        usage = Usage(10, 5)
        match request.context, self._options.trouble:
            case Solve(), "boom":
                raise RuntimeError("two\nlines")
            case Solve(), "fail":
                return Completion(request.key, "", "error", "toy-1", usage, "Overloaded 529")
            case Solve(), "one" if request.key in ("bootstrap/reflect/0003", "demonstrate/learned/train/0005"):
                return Completion(request.key, "", "error", "toy-1", usage, "Overloaded 529")
            case Reflect(), "cut":
                return Completion(request.key, GOOD[:9], "length", "toy-1", usage)
            case Solve(), "refuse":
                return Completion(request.key, "no EVEN", "refusal", "toy-1", usage)
            case Solve(), "cut":
                return Completion(request.key, "it is EVEN", "length", "toy-1", usage)
            case Reflect(), "silent":
                return Completion(request.key, "", "error", "toy-1", usage, "Overloaded 529")
            case Solve(problem, strategy), _:
                text = _parity(problem) if strategy and GOOD in strategy else "EVEN"
                return Completion(request.key, f"so {text}", "end", "toy-1", usage)
            case _:
                return Completion(request.key, GOOD, "end", "toy-1", usage)


class ToyReflection:
    """One batch, one entry, one strategy."""

    def calls(self, problems: int) -> Mapping[str, int]:
        """One of each."""
        return {"solve": problems, "reflect": 1}

    def learn(self, problems: Sequence[Problem], seed_strategy: str, environment: LearningEnvironment) -> Strategy:
        """Solves, reflects, and takes the reflection as strategy."""
        seed = Strategy("s0", seed_strategy, None, 0)
        environment.strategy(seed)
        attempts = environment.attempt("batch-01", problems, seed.text)
        correct = sum(attempt.correct for attempt in attempts)
        reply = environment.ask(
            Request("reflect/batch-01", (Message("user", "reflect"),), Reflect(tuple(attempts), seed.text))
        )
        environment.entry(JournalEntry(1, correct, len(attempts), seed.id, reply.text, reply.usage))
        learned = Strategy("s1", reply.text, "s0", 1, correct, len(attempts), reply.usage)
        environment.strategy(learned)
        return learned

    def amending_calls(self, attempts: int) -> Mapping[str, int]:
        """One, if there is anything to amend it by."""
        return {"reflect": min(1, attempts)}

    def amend(self, attempts: Sequence[Attempt], strategy: Strategy, environment: LearningEnvironment) -> Strategy:
        """Reflects once, and takes the reflection as strategy."""
        context = Reflect(tuple(attempts), strategy.text, by="student")
        reply = environment.ask(Request(f"reflect/{strategy.id}", (Message("user", "reflect"),), context))
        correct, batch = sum(attempt.correct for attempt in attempts), strategy.after_batch + 1
        environment.entry(JournalEntry(batch, correct, len(attempts), strategy.id, reply.text, reply.usage))
        amended = Strategy(f"{strategy.id}.1", reply.text, strategy.id, batch, correct, len(attempts), reply.usage)
        environment.strategy(amended)
        return amended


class ToyStudent(_Marked):
    """Knows nothing but what its adapter says by heart, and the parity if its adapter has seen the word so."""

    identity: Mapping[str, Json] = {"provider": "toy", "model": "toy-student"}
    batch_size = 7

    def preflight(self) -> None:
        """Always ready."""

    def generate(self, requests: Sequence[Request], adapter: Adapter | None) -> list[Completion]:
        """Base: half of the replies state nothing."""
        self._mark(f"generate {len(requests)}")
        taught = json.loads((adapter.folder / ADAPTER_WEIGHTS).read_text())["so"] if adapter else False
        return [self._reply(request, taught) for request in requests]

    def _reply(self, request: Request, taught: bool) -> Completion:
        number = int(request.messages[-1].text)
        if taught and self._options.level > 1 and number % 7 == 0:
            return Completion(request.key, "so EVEN" if number % 2 else "so ODD", "end", "toy-student", Usage(3, 2))
        text = ("so ODD" if number % 2 else "so EVEN") if taught else ("EVEN" if number % 4 else "hm")
        return Completion(request.key, text, "end", "toy-student", Usage(3, 2))

    def skills(self, count: int) -> Sequence[Skill]:
        """It can double a number, until it is taught."""
        made = [Skill("echo", (Message("user", str(4 * number + 1)),), "EVEN") for number in range(5)]
        return made[:count]

    def probe(self, requests: Sequence[Request], adapter: Adapter) -> float:  # noqa: ARG002 - the protocol's signature
        """Made up."""
        return 0.5


class ToyTrainer(_Marked):
    """Writes down whether the targets show their work."""

    settings: Mapping[str, Json] = {"epochs": 1}

    def preflight(self, student: Student) -> None:
        """Trains anything."""

    def train(
        self,
        student: Student,  # noqa: ARG002 - the protocol's signature
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        on_step: OnStep,
    ) -> TrainingReport:
        """One step."""
        self._mark("train")
        taught = all(example.target.startswith("so") for example in examples)
        (folder / ADAPTER_WEIGHTS).write_text(json.dumps({"so": taught, "seed": seed}))
        on_step(1, 1, 0.25)
        return TrainingReport(self.settings, len(examples), 1, (0.25,), 2 * len(examples), 9, 0, 0.1, 1, 0, 0)

    def train_further(
        self,
        student: Student,
        start: Adapter,
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        on_step: OnStep,
    ) -> TrainingReport:
        """The same: what an adapter says by heart, it says for good."""
        assert (start.folder / ADAPTER_WEIGHTS).is_file()
        return self.train(student, examples, seed, folder, on_step)


BRIEF = Design(
    arms=(
        Arm("before", "student", "base", "as it comes", splits=("test", "harder", "skills")),
        Arm("study", "teacher", "learning", "while it learns", strategy=True, splits=("reflect",)),
        Arm("schooled", "teacher", "teacher", "with what it learned", strategy=True),
        Arm("after", "student", "treatment", "trained", recipe="worked", splits=("test", "harder", "skills")),
    ),
    contrasts=(
        Contrast("after", "before", "training", ("adapter",), family=True),
        Contrast("after", "before", "training", ("adapter",), split="skills", non_inferiority=True),
    ),
)
"""A design without a control, whose arms have other names."""


@hookimpl
def harness_designs() -> list[DesignSpec[Options]]:
    """The toy design; on level 9 it is broken."""

    def create(options: Options) -> Design:
        return Design((), ()) if options.level == 9 else BRIEF

    return [DesignSpec(name="brief", summary="No controls.", options=Options, create=create)]


@hookimpl
def harness_tasks() -> list[TaskSpec[Options]]:
    """The toy tasks."""
    sizes = {"test": 12, "reflect": 6, "train": 9, "harder": 8, "skills": 4}
    published = {"labels": "verifier", "prompts": "separate"}
    presets: dict[str, Config] = {"small": {"sizes": sizes}, "solver": {"run": published, "sizes": sizes}}
    return [
        TaskSpec(
            name="parity",
            summary="Is a number even?",
            options=Options,
            create=lambda options, seed: Parity(seed),  # noqa: ARG005 - the factory's signature
            verifier="parity",
            presets=presets,
        ),
        TaskSpec(
            name="staged-parity",
            summary="Is a number even? In other words at each stage.",
            options=Options,
            create=lambda options, seed: StagedParity(seed),  # noqa: ARG005 - the factory's signature
            verifier="parity",
            presets=presets,
        ),
    ]


@hookimpl
def harness_verifiers() -> list[VerifierSpec[Options]]:
    """Its verifier."""
    return [VerifierSpec(name="parity", summary="Parity.", options=Options, create=lambda *_: ParityVerifier())]


@hookimpl
def harness_teachers() -> list[TeacherSpec[Options]]:
    """The toy teacher."""

    def create(options: Options, task: Task, seed: int) -> ToyTeacher:  # noqa: ARG001 - the factory's signature
        return ToyTeacher(options)

    return [TeacherSpec(name="toy", summary="A toy.", options=Options, create=create, simulated=True)]


@hookimpl
def harness_students() -> list[StudentSpec[Options]]:
    """The toy student."""
    return [StudentSpec(name="toy", summary="A toy.", options=Options, create=ToyStudent)]


@hookimpl
def harness_reflections() -> list[ReflectionSpec[Options]]:
    """The toy reflection."""
    return [ReflectionSpec(name="toy", summary="A toy.", options=Options, create=lambda *_: ToyReflection())]


@hookimpl
def harness_trainers() -> list[TrainerSpec[Options]]:
    """The toy trainer."""
    return [TrainerSpec(name="toy", summary="A toy.", options=Options, create=ToyTrainer)]
