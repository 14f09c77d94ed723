"""A task that only asks, and a learning environment that follows a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from harness.api import (
    Answered,
    Attempt,
    CallError,
    Completion,
    JournalEntry,
    Message,
    Problem,
    Request,
    Rule,
    Strategy,
    Task,
    Truth,
    Usage,
)


@dataclass(frozen=True)
class AskingTask:
    labels: tuple[str, ...] | None = ("ODD", "EVEN")
    rules: tuple[Rule, ...] = ()
    seed_strategy: str = "Think first."

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        return [Problem(f"{split}/{i:04d}", split, "all", {"number": i}, str(i)) for i in range(count)]

    def prompt(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        system = "Is the number odd?" + (f"\n\nStrategy:\n{strategy}" if strategy else "")
        return Message("system", system), Message("user", f"Number: {problem.data['number']}")

    def demonstration(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        return self.prompt(problem, strategy)

    def parse(self, reply: str) -> str | None:
        return reply if reply in ("ODD", "EVEN") else None

    def reply(self, label: str) -> str:
        return label


def _attempt(problem: Problem) -> Attempt:
    """Says ODD to everything."""
    truth = "ODD" if int(problem.canonical) % 2 else "EVEN"
    return Attempt(
        problem, "ODD", Answered("ODD"), Truth(truth, {}, f"{problem.canonical} is {truth}."), truth == "ODD"
    )


@dataclass
class ScriptedEnvironment:
    """Answers reflections with ``lesson KEY`` and distillations with ``strategy KEY``, and keeps what happens."""

    replies: dict[str, str] = field(default_factory=dict)
    fails: str = ""
    tried: list[tuple[str, int, str]] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    recorded: list[JournalEntry | Strategy] = field(default_factory=list)

    def attempt(self, name: str, problems: Sequence[Problem], strategy: str) -> list[Attempt]:
        self.tried.append((name, len(problems), strategy))
        return [_attempt(problem) for problem in problems]

    def ask(self, request: Request) -> Completion:
        self.asked.append(request)
        if request.key == self.fails:
            raise CallError(f"{request.key}: no reply")
        word = "lesson" if request.context.purpose == "reflect" else "strategy"
        text = self.replies.get(request.key, f"  {word} {request.key}\n")
        return Completion(request.key, text, "end", "scripted", Usage(len(self.asked), 1))

    def entry(self, entry: JournalEntry) -> None:
        self.recorded.append(entry)

    def strategy(self, strategy: Strategy) -> None:
        self.recorded.append(strategy)


@pytest.fixture(scope="session")
def task() -> Task:
    return AskingTask()


@pytest.fixture(scope="session")
def attempt() -> Callable[[Problem], Attempt]:
    return _attempt


class MakeEnvironment(Protocol):
    def __call__(self, *, replies: dict[str, str] = ..., fails: str = ...) -> ScriptedEnvironment: ...


@pytest.fixture(scope="session")
def environment() -> MakeEnvironment:
    return ScriptedEnvironment
