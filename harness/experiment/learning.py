"""The learning environment of a reflection: its one way to problems, to the teacher and to the record.

How a request is asked is in ``asking``, how an answer is judged in ``judging``; here is what a reflection may do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.api import Attempt, CallError, Completion, HarnessError, JournalEntry, Problem, Request, Strategy
from harness.experiment.asking import OnDone
from harness.experiment.data import ExperimentData
from harness.experiment.judging import Item
from harness.registry.observers import Advance

Solve = Callable[[Sequence[Problem], str, OnDone], list[Item]]
"""Has the teacher answer problems with a strategy."""
Ask = Callable[[Request, OnDone], Completion]
"""Has the teacher answer one request."""


class RunEnvironment:
    """See ``harness.api.LearningEnvironment``.

    Entries and strategies go into ``data``; ``advance`` is told of calls.
    """

    def __init__(self, solve: Solve, ask: Ask, data: ExperimentData, advance: Advance) -> None:
        self._solve = solve
        self._ask = ask
        self._data = data
        self._advance = advance
        self._done = 0
        self._seen: set[str] = set()

    def attempt(self, name: str, problems: Sequence[Problem], strategy: str) -> list[Attempt]:
        """See ``harness.api.LearningEnvironment``. Raises HarnessError for a problem that was tried before."""
        for problem in problems:
            if problem.id in self._seen:
                raise HarnessError(f"the reflection tries {problem.id} a second time; a problem can be tried once")
            self._seen.add(problem.id)
        items = self._solve(problems, strategy, self._counting(f"answers {name}"))
        self._done += len(problems)
        return [Attempt(item.problem, item.completion.text, item.outcome, item.truth, item.correct) for item in items]

    def ask(self, request: Request) -> Completion:
        """See ``harness.api.LearningEnvironment``."""
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
        """See ``harness.api.LearningEnvironment``. Raises HarnessError for counts that none can have."""
        if not (entry.batch >= 1 and 0 <= entry.correct <= entry.n and entry.n >= 1):
            raise HarnessError(
                f"the reflection recorded an entry on batch {entry.batch} with {entry.correct} of {entry.n} right; "
                "batches count from 1 and hold a problem; its plugin is broken"
            )
        self._data.entries.append(entry)

    def strategy(self, strategy: Strategy) -> None:
        """See ``harness.api.LearningEnvironment``. Raises HarnessError for counts that none can have."""
        if not (strategy.after_batch >= 0 and 0 <= strategy.correct <= strategy.n):
            raise HarnessError(
                f"the reflection recorded strategy {strategy.id!r} after batch {strategy.after_batch} with "
                f"{strategy.correct} of {strategy.n} right; its plugin is broken"
            )
        self._data.strategies.append(strategy)

    def _counting(self, note: str) -> OnDone:
        """Tells of calls on top of those that were made before."""
        before = self._done
        return lambda done: self._advance(before + done, note=note)
