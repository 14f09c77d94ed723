"""Requests with replies that can be told apart, a teacher without long pauses, and books that can be opened again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.api import Completion, Json, Message, Problem, Request, Solve, StoppedError, Usage
from harness.experiment.asking import ask_teacher
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness_claude.calls import Policy
from harness_claude.options import Options
from harness_claude.teacher import ClaudeTeacher
from tests.loopback.server import Loopback

CANARY = "sk-ant-CANARY-3f9a"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name == "harness-claude"]


def request(number: int) -> Request:
    problem = Problem(f"test/{number:04d}", "test", "all", {"number": number}, str(number))
    messages = (Message("system", "Say the number."), Message("user", f"number {number}"))
    return Request(f"solve/{number}", messages, Solve(problem, None))


def requests(count: int) -> list[Request]:
    return [request(number) for number in range(count)]


def answer(prompt: str) -> str:
    return f"ANSWER: {prompt.split()[-1]}"


def prompt(number: int) -> str:
    return f"Say the number.\nnumber {number}"


def intended(key: str) -> str:
    """The reply that the server means for a key."""
    return answer(key.replace("/", " "))


def teacher(
    server: Loopback, deadline: float = 20.0, attempts: int = 6, concurrency: int = 4, **options: Any
) -> ClaudeTeacher:
    """A teacher that pauses for milliseconds."""
    made = Options(base_url=server.url, poll_seconds=0.001, **options)
    return ClaudeTeacher(made, Policy(concurrency, deadline, attempts, first_pause=0.001, longest_pause=0.005))


@dataclass
class Notes:
    """A ledger that only remembers."""

    sent: list[tuple[str, int, float | None]] = field(default_factory=list)
    faults: list[tuple[str, int, str, bool]] = field(default_factory=list)
    values: dict[str, Json] = field(default_factory=dict)
    known: int = 0
    """Failed attempts of which the usage is known."""
    asked_to_stop: bool = False

    def sending(self, key: str, attempt: int, worst_cost: float | None) -> None:
        self.proceed()
        self.sent.append((key, attempt, worst_cost))

    def failed(self, key: str, attempt: int, error: str, billed: bool, usage: Usage | None = None) -> None:
        self.faults.append((key, attempt, error, billed))
        self.known += usage is not None

    def proceed(self) -> None:
        if self.asked_to_stop:
            raise StoppedError("stopped as asked")

    def note(self, name: str, value: Json) -> None:
        self.values[name] = value

    def noted(self, name: str) -> Json:
        return self.values.get(name)


@dataclass
class Session:
    """One process's work on a run directory."""

    journal: Journal
    ledger: RunLedger
    teacher: ClaudeTeacher

    def ask(self, asked: list[Request]) -> list[Completion]:
        return ask_teacher(self.journal, self.ledger, self.teacher, asked, lambda _: None)


OpenSession = Callable[..., Session]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[OpenSession]:
    """Opens the run in ``tmp_path``, as a new process would."""
    journals: list[Journal] = []

    def start(made: ClaudeTeacher, limit: float | None = None) -> Session:
        for journal in journals:
            journal.close()
        journals[:] = [Journal(tmp_path / "journal.jsonl")]
        return Session(journals[0], RunLedger(journals[0], made.cost, limit), made)

    yield start
    for journal in journals:
        journal.close()
