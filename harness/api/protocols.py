"""What each kind of plugin must be able to do. Structural: a plugin inherits nothing.

Where a method can find its input unusable before anything is spent, it raises ``harness.api.UsageError`` with one
line that says what was given, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from harness.api.designs import Design
from harness.api.records import (
    Adapter,
    Attempt,
    Completion,
    Example,
    Finding,
    JournalEntry,
    Json,
    Message,
    Problem,
    Request,
    Severity,
    Skill,
    StepCheck,
    Strategy,
    TrainingReport,
    Truth,
    Usage,
    Worked,
)


class Rule(Protocol):
    """A named procedure for a task, from a constant up to the right one.

    The measurement scores the trivial rules as baselines; the simulated teacher learns among all of them by evidence.
    """

    @property
    def name(self) -> str:
        """Unique in its task, such as ``always-yes``."""

    @property
    def text(self) -> str:
        """The rule in words. No rule's text is contained in another's."""

    @property
    def trivial(self) -> bool:
        """Whether the rule is a constant or a shortcut, which a model must beat to have shown anything."""

    def work(self, problem: Problem) -> Worked:
        """The rule carried out on a problem, right or wrong, step by step."""


class Task(Protocol):
    """A family of problems."""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The closed set of answers, or None where answers are free-form."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules on offer; the first that is not trivial is what a beginner would do. May be empty."""

    @property
    def seed_strategy(self) -> str:
        """The strategy that learning starts from. It does not contain the answer."""

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        """The first ``count`` problems of a split: a pure function of options, seed, split and count.

        Splits are ``test``, ``reflect``, ``train`` and ``harder``. Raises UsageError for a split or a count that it
        cannot supply.
        """

    def prompt(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask for an answer: instructions (and strategy) in ``system``, the problem in ``user``."""

    def demonstration(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask a teacher for a worked solution that a student can learn from."""

    def parse(self, reply: str) -> str | None:
        """The answer that a reply states, or None. Never evaluates text; at most 50 ms for 1 MB."""

    def reply(self, label: str) -> str:
        """The shortest reply that states ``label``: ``parse(reply(label)) == label``."""


@runtime_checkable
class Staged(Protocol):
    """A task that can also put a problem to each stage in other words, to rebuild experiments that did so.

    Arms that are asked in different words cannot be compared, and the audit says so.
    """

    def stage_prompt(self, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask for an answer in a stage, such as ``student-base``."""


@runtime_checkable
class Drifting(Protocol):
    """What a task may be able to do besides: to let its problems drift from window to window."""

    def window(self, split: str, window: int, windows: int, count: int) -> Sequence[Problem]:
        """The first ``count`` problems of a split as they are distributed in one of so many windows, counted from 1.

        Splits are ``test`` and ``train``. Shares no problem with another window, another split, or ``problems`` of any
        split. Raises UsageError for a split or a count that it cannot supply.
        """


class Verifier(Protocol):
    """The truth of a task's problems."""

    def truth(self, problem: Problem) -> Truth:
        """The right answer with a witness."""

    def check(self, problem: Problem, label: str) -> bool:
        """Whether an answer is right. For free-form tasks, several may be."""

    def steps(self, problem: Problem, reply: str) -> StepCheck | None:
        """Whether the steps that a reply writes down are right, or None where it shows none that can be checked."""


class Ledger(Protocol):
    """The books of a run, kept by the harness. What is written here survives a crash.

    A teacher that spends money writes down each attempt before it sends it. One that spends nothing needs no ledger.
    """

    def sending(self, key: str, attempt: int, worst_cost: float | None) -> None:
        """Writes down that an attempt at a request goes out now, and reserves the most that it can cost, in USD.

        Attempts count from 1. Raises BudgetError, before anything is sent, if it might pass the limit of the run, or
        if the user asked the run to stop.
        """

    def failed(self, key: str, attempt: int, error: str, billed: bool, usage: Usage | None = None) -> None:
        """Writes down that an attempt gave no reply. ``billed`` unless the provider is known not to charge for it.

        What was billed is booked by its ``usage`` where that is known, and at the worst cost of the attempt elsewhere.
        """

    def proceed(self) -> None:
        """Raises BudgetError if the user asked the run to stop: for a teacher that waits for what can be had later."""

    def note(self, name: str, value: Json) -> None:
        """Writes down a value, such as the id of a batch, that a resumed run must find again."""

    def noted(self, name: str) -> Json:
        """The value last noted under a name, in this run or before it was resumed; None if there is none."""


class Teacher(Protocol):
    """A model that can be asked anything in words."""

    @property
    def identity(self) -> Mapping[str, Json]:
        """What is asked for: provider, model id, decoding. Part of the result.

        A teacher that gives the replies of an earlier run again says so under ``recorded``, which no other has:
        ``{"plan_sha256": digest of that run's plan, "teacher": identity of its teacher}``. Every output then tells it.
        """

    def cost(self, usage: Usage) -> float | None:
        """What a completion with this usage costs, in USD; None if the price is unknown."""

    def worst_cost(self, request: Request) -> float | None:
        """The most that one attempt at a request can cost, in USD; None if the price is unknown."""

    def preflight(self) -> None:
        """Raises UsageError if a call could not succeed (no key, no such model). Spends nothing."""

    def complete(self, requests: Sequence[Request], ledger: Ledger) -> Iterator[Completion]:
        """One completion per request, in any order, each yielded as soon as it is there.

        A request that cannot be answered gets a completion with ``stop="error"``. Attempts are written into the ledger;
        BudgetError is passed on, after every completion that is already paid for has been yielded.
        """


@runtime_checkable
class Foreseeing(Protocol):
    """What a teacher may be able to do besides."""

    def foresee(self, requests: Sequence[Request]) -> None:
        """Raises UsageError if one of these requests, which the run is sure to make, can have no reply.

        May be called before ``preflight``, and in a dry run without it.
        """


class Replies(Protocol):
    """What the teacher of an earlier run said, as the journal of that run holds it. Read when it is first asked for.

    Whatever is asked raises UsageError if that run recorded no teacher, and JournalError if its record is damaged.
    """

    @property
    def teacher(self) -> Mapping[str, Json]:
        """The identity of that run's teacher."""

    @property
    def plan_sha256(self) -> str:
        """The digest of that run's plan."""

    def __len__(self) -> int:
        """How many different prompts were answered."""

    def to(self, request: Request) -> Completion | None:
        """The reply to the same messages, under the same key where they were sent under several; None without one."""


@runtime_checkable
class Replaying(Protocol):
    """What a teacher is besides if its spec says ``replays``: it asks nobody, and gives recorded replies again."""

    def replay(self, replies: Replies) -> None:
        """Takes the replies to give again. Called once, before anything is asked of the teacher. Reads none of them."""


class Student(Protocol):
    """A small local model."""

    @property
    def identity(self) -> Mapping[str, Json]:
        """Model, revision, digest of the weights, dtype, decoding. Part of the result."""

    @property
    def batch_size(self) -> int:
        """Prompts per call of ``generate``. Fixed for a run, so that a resumed run makes the same batches."""

    def preflight(self) -> None:
        """Raises UsageError if the model could not be loaded (no such folder, not enough memory). Loads nothing."""

    def generate(self, requests: Sequence[Request], adapter: Adapter | None) -> list[Completion]:
        """One completion per request, in order, greedily decoded; the base model where ``adapter`` is None."""

    def skills(self, count: int) -> Sequence[Skill]:
        """At most ``count`` of the student's own skills, to see what training costs it. May be empty."""


class LearningEnvironment(Protocol):
    """What a reflection works with: its only way to problems, to the teacher and to the record."""

    def attempt(self, name: str, problems: Sequence[Problem], strategy: str) -> list[Attempt]:
        """Has the teacher solve problems with a strategy in the prompt, and gives feedback. Each problem only once."""

    def ask(self, request: Request) -> Completion:
        """One request of the reflection's own. Raises CallError unless the reply came whole."""

    def entry(self, entry: JournalEntry) -> None:
        """Records a journal entry."""

    def strategy(self, strategy: Strategy) -> None:
        """Records a strategy candidate."""


class Reflection(Protocol):
    """A way to turn experience into a strategy."""

    def calls(self, problems: int) -> Mapping[str, int]:
        """Teacher calls by purpose that learning on so many problems takes."""

    def learn(self, problems: Sequence[Problem], seed_strategy: str, environment: LearningEnvironment) -> Strategy:
        """Learns from problems. Every entry and every candidate goes through its record."""


@runtime_checkable
class Amending(Protocol):
    """What a reflection may be able to do besides: to amend a strategy by what a student got wrong with it."""

    def amending_calls(self, attempts: int) -> Mapping[str, int]:
        """Teacher calls by purpose that amending by so many attempts takes at most."""

    def amend(self, attempts: Sequence[Attempt], strategy: Strategy, environment: LearningEnvironment) -> Strategy:
        """Amends a strategy by attempts of a student that was taught it, perhaps by those alone that went wrong.

        Every entry and every candidate goes through its record, under keys and ids that ``learn`` does not use. The
        strategy as it is, if there is nothing to amend it by.
        """


OnStep = Callable[[int, int, float], None]
"""Called with step, steps in all and loss."""


class Trainer(Protocol):
    """A way to fine-tune a student."""

    @property
    def settings(self) -> Mapping[str, Json]:
        """Hyper-parameters. Part of the result."""

    def preflight(self, student: Student) -> None:
        """Raises UsageError if it cannot train this student."""

    def train(
        self, student: Student, examples: Sequence[Example], seed: int, folder: Path, on_step: OnStep
    ) -> TrainingReport:
        """Trains an adapter and saves it into ``folder``, which exists and is empty. The student stays as it was."""


@runtime_checkable
class Sizing(Protocol):
    """What a trainer may be able to do besides."""

    def adapter_bytes(self, student: Student) -> int | None:
        """How large an adapter of this student will be on disk, in bytes; None where nobody can know beforehand."""


@runtime_checkable
class Screening(Protocol):
    """What a trainer may be able to do besides: to tell beforehand which rows it cannot train on."""

    def unfit(self, student: Student, examples: Sequence[Example]) -> Mapping[str, str]:
        """Why rows cannot be trained on, by problem id; rows that can are absent.

        Their problems are left out of every training of the run, and counted. Spends nothing, and says the same of the
        same rows each time.
        """


class Evidence(Protocol):
    """A result as an audit check reads it: ``evidence["problems"][0]["n"]``. What was read is told with the finding.

    Reading what is absent or null raises MissingEvidenceError, which makes the check unknown: never catch it.
    """

    def __getitem__(self, key: str | int) -> Any:
        """The value under a key: again Evidence for an object or a list, else the value itself."""

    def __iter__(self) -> Iterator[Any]:
        """The members of a list, or the keys of an object."""

    def __len__(self) -> int:
        """How many members there are."""

    def maybe(self, key: str) -> Any:
        """As ``[key]``, but None where the value is null by design and that says something by itself."""

    def digest(self) -> str:
        """SHA-256 of the whole value, to hold against one that is named elsewhere."""

    @property
    def design(self) -> Design:
        """The design of the result: what each of its arms is for."""


class Check(Protocol):
    """One question to a result: is there anything that forbids to read it as it seems?"""

    @property
    def id(self) -> str:
        """Unique, such as ``constant-score``."""

    @property
    def rule(self) -> str:
        """Precisely what must hold, in words."""

    @property
    def severity(self) -> Severity:
        """What it means if it does not hold, or if nobody can know: ``block`` forbids any claim."""

    @property
    def advice(self) -> str:
        """What to do about it."""

    def look(self, evidence: Evidence) -> Iterable[Finding]:
        """What there is to say of each subject. No finding at all means that the check does not apply."""
