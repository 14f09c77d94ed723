"""The learning environment of a reflection: its one way to problems, to the teacher and to the record.

How a request is asked is in ``asking``, how an answer is judged in ``judging``; here is what a reflection may do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.api import Attempt, CallError, Completion, JournalEntry, PluginError, Problem, Request, Strategy
from harness.experiment import returned
from harness.experiment.asking import OnDone
from harness.experiment.data import Lesson
from harness.experiment.judging import Item
from harness.registry.observers import Advance

Solve = Callable[[Sequence[Problem], str, OnDone], list[Item]]
"""Has the teacher answer problems with a strategy."""
Ask = Callable[[Request, OnDone], Completion]
"""Has the teacher answer one request."""


class RunEnvironment:
    """See ``harness.api.LearningEnvironment``.

    Entries and strategies go into ``lesson``; ``advance`` is told of calls.
    """

    def __init__(
        self, solve: Solve | None, ask: Ask, lesson: Lesson, advance: Advance, named: str = "the reflection"
    ) -> None:
        self._solve = solve
        self._ask = ask
        self._lesson = lesson
        self._advance = advance
        self._named = named
        self._done = 0
        self._seen: set[str] = set()

    def attempt(self, name: str, problems: Sequence[Problem], strategy: str) -> list[Attempt]:
        """See ``harness.api.LearningEnvironment``. Raises PluginError for a problem that was tried before.

        And for any while a strategy is amended by what others tried.
        """
        if self._solve is None:
            raise self._broken("tries problems while it amends a strategy")
        for problem in problems:
            if not isinstance(problem, Problem) or not isinstance(strategy, str):
                raise self._broken("tries something that is no problem, or with a strategy that is no text")
            if problem.id in self._seen:
                raise self._broken(f"tries {problem.id} a second time; a problem can be tried once")
            self._seen.add(problem.id)
        items = self._solve(problems, strategy, self._counting(f"answers {name}"))
        self._done += len(problems)
        return [Attempt(item.problem, item.completion.text, item.outcome, item.truth, item.correct) for item in items]

    def ask(self, request: Request) -> Completion:
        """See ``harness.api.LearningEnvironment``."""
        if not isinstance(request, Request):
            raise self._broken("asks something that is no Request")
        completion = self._ask(request, self._counting(f"writes {request.key}"))
        self._done += 1
        if completion.stop != "end":
            raise CallError(
                f"the teacher's reply to {request.key} ended with {completion.stop}"
                f"{f' ({completion.error})' if completion.error else ''}; learning cannot go on without it. "
                "What is recorded is kept; resume tries it again"
            )
        return completion

    def entry(self, entry: JournalEntry) -> None:
        """See ``harness.api.LearningEnvironment``. Raises PluginError for what is none, or has impossible counts."""
        self._lesson.entries.append(returned.entry(self._named, entry))

    def strategy(self, strategy: Strategy) -> None:
        """See ``harness.api.LearningEnvironment``. Raises PluginError for what is none, or has impossible counts."""
        self._lesson.strategies.append(returned.strategy(self._named, strategy))

    def _broken(self, what: str) -> PluginError:
        return PluginError(f"{self._named} breaks its contract: it {what}")

    def _counting(self, note: str) -> OnDone:
        """Tells of calls on top of those that were made before."""
        before = self._done
        return lambda done: self._advance(before + done, note=note)
