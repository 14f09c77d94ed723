"""A toy task, whether a number is at least 50, with rules from a constant to the right one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from harness.api import Answered, Attempt, Message, Problem, Rule, Task, Truth, Verifier, Worked


@dataclass(frozen=True)
class ToyRule:
    name: str
    text: str
    says_yes: Callable[[int], bool]
    trivial: bool = False

    def work(self, problem: Problem) -> Worked:
        number = _number(problem)
        label = "YES" if self.says_yes(number) else "NO"
        return Worked(f"Number: {number}\nRule: {self.name}\nANSWER: {label}", label)


RULES: tuple[Rule, ...] = (
    ToyRule("always-yes", "Say YES to everything.", lambda _: True, trivial=True),
    ToyRule("always-no", "Say NO to everything.", lambda _: False, trivial=True),
    ToyRule("beyond", "Say YES if the number is larger than 60.", lambda n: n > 60),
    ToyRule("even", "Say YES if the number can be\nhalved without a rest.", lambda n: n % 2 == 0),
    ToyRule("threshold", "Say YES if the number is 50 or larger.", lambda n: n >= 50),
)


@dataclass(frozen=True)
class ToyTask:
    labels: tuple[str, ...] | None = ("YES", "NO")
    rules: tuple[Rule, ...] = RULES
    seed_strategy: str = "Look at the number with care."

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        return [
            Problem(f"{split}/{i:04d}", split, "all", {"number": i * 37 % 101}, str(i * 37 % 101)) for i in range(count)
        ]

    def prompt(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        system = "Is the number large?" + (f"\n\nStrategy:\n{strategy}" if strategy else "")
        return Message("system", system), Message("user", str(_number(problem)))

    def demonstration(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        return self.prompt(problem, strategy)

    def parse(self, reply: str) -> str | None:
        label = reply.rpartition("ANSWER: ")[2]
        return label if label in ("YES", "NO", "MAYBE") else None

    def reply(self, label: str) -> str:
        return f"ANSWER: {label}"


class ToyVerifier:
    def truth(self, problem: Problem) -> Truth:
        number = _number(problem)
        label = "YES" if number >= 50 else "NO"
        return Truth(label, {"number": number}, f"{number} compared with 50 gives {label}.")

    def check(self, problem: Problem, label: str) -> bool:
        return label == self.truth(problem).label

    def steps(self, problem: Problem, reply: str) -> None: ...


def _number(problem: Problem) -> int:
    number = problem.data["number"]
    assert isinstance(number, int)
    return number


@pytest.fixture(scope="session")
def task() -> Task:
    return ToyTask()


@pytest.fixture(scope="session")
def toy() -> Callable[..., Task]:
    """Toy tasks with other labels or rules."""
    return ToyTask


@pytest.fixture(scope="session")
def verifier() -> Verifier:
    return ToyVerifier()


@pytest.fixture(scope="session")
def attempts(task: Task, verifier: Verifier) -> Callable[[str, int], tuple[Attempt, ...]]:
    """The first attempts of a teacher that carries out one rule without a slip."""

    def by_rule(name: str, count: int) -> tuple[Attempt, ...]:
        rule = {rule.name: rule for rule in task.rules}[name]
        worked = [(problem, rule.work(problem)) for problem in task.problems("reflect", count)]
        return tuple(
            Attempt(p, done.text, Answered(done.label), verifier.truth(p), verifier.check(p, done.label))
            for p, done in worked
        )

    return by_rule
