"""The studio of a reflection: its one way to problems, to the teacher and to the record.

How a request is asked and an answer judged is for ``experiment`` to say; here is what a reflection may do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import CallError, HarnessError
from harness.evaluate import Item, OnDone
from harness.findings import Findings
from harness.observers import Advance
from harness.records import Attempt, Completion, JournalEntry, Problem, Request, Strategy

Solve = Callable[[Sequence[Problem], str, OnDone], list[Item]]
"""Has the teacher answer problems with a strategy."""
Ask = Callable[[Request, OnDone], Completion]
"""Has the teacher answer one request."""


class Classroom:
    """See ``harness.protocols.Studio``. Entries and strategies go into ``findings``; ``advance`` is told of calls."""

    def __init__(self, solve: Solve, ask: Ask, findings: Findings, advance: Advance) -> None:
        self._solve = solve
        self._ask = ask
        self._findings = findings
        self._advance = advance
        self._done = 0
        self._seen: set[str] = set()

    def attempt(self, name: str, problems: Sequence[Problem], strategy: str) -> list[Attempt]:
        """See ``harness.protocols.Studio``. Raises HarnessError for a problem that was tried before."""
        for problem in problems:
            if problem.id in self._seen:
                raise HarnessError(f"the reflection tries {problem.id} a second time; a problem can be tried once")
            self._seen.add(problem.id)
        items = self._solve(problems, strategy, self._counting(f"answers {name}"))
        self._done += len(problems)
        return [Attempt(item.problem, item.completion.text, item.outcome, item.truth, item.correct) for item in items]

    def ask(self, request: Request) -> Completion:
        """See ``harness.protocols.Studio``."""
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
        """See ``harness.protocols.Studio``. Raises HarnessError for counts that none can have."""
        if not (entry.batch >= 1 and 0 <= entry.correct <= entry.n and entry.n >= 1):
            raise HarnessError(
                f"the reflection recorded an entry on batch {entry.batch} with {entry.correct} of {entry.n} right; "
                "batches count from 1 and hold a problem; its plugin is broken"
            )
        self._findings.entries.append(entry)

    def strategy(self, strategy: Strategy) -> None:
        """See ``harness.protocols.Studio``. Raises HarnessError for counts that none can have."""
        if not (strategy.after_batch >= 0 and 0 <= strategy.correct <= strategy.n):
            raise HarnessError(
                f"the reflection recorded strategy {strategy.id!r} after batch {strategy.after_batch} with "
                f"{strategy.correct} of {strategy.n} right; its plugin is broken"
            )
        self._findings.strategies.append(strategy)

    def _counting(self, note: str) -> OnDone:
        """Tells of calls on top of those that were made before."""
        before = self._done
        return lambda done: self._advance(before + done, note=note)
