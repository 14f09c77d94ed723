"""How `lrl` learns: batches of problems, a journal entry after each, a strategy distilled every few.

A strategy is amended in the same way, by what a student answered that was taught it, and distilled once.

It asks and records through its learning environment alone. What a teacher reads is in ``prompts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from harness.api import Attempt, Distil, JournalEntry, LearningEnvironment, Problem, Reflect, Request, Strategy, Task
from harness_lrl import Options, prompts

T = TypeVar("T")


class LinguisticReinforcement:
    """Learning in words: the strategy in the prompt is what changes, never a weight."""

    def __init__(self, options: Options, task: Task) -> None:
        self._options = options
        self._task = task

    def calls(self, problems: int) -> Mapping[str, int]:
        """Teacher calls by purpose: one per problem, one per batch begun, one per distillation begun."""
        batches = _groups(problems, self._options.batch_size)
        return {"solve": problems, "reflect": batches, "distil": _groups(batches, self._options.distil_every)}

    def learn(self, problems: Sequence[Problem], seed_strategy: str, environment: LearningEnvironment) -> Strategy:
        """The strategy that the last distillation wrote; the one it starts from where there are no problems.

        Raises CallError if a reflection or a distillation has no whole reply; what was recorded before stays.
        """
        current = Strategy("s0", self._options.seed_strategy or seed_strategy, parent=None, after_batch=0)
        environment.strategy(current)
        entries: list[JournalEntry] = []
        batches = self._batches(problems)
        for number, batch in enumerate(batches, start=1):
            name = f"batch-{number:02d}"
            attempts = environment.attempt(name, batch, current.text)
            entries.append(self._reflect(f"reflect/{name}", number, attempts, current, environment, "teacher"))
            if number % self._options.distil_every == 0 or number == len(batches):
                new = f"s{_groups(number, self._options.distil_every)}"
                # The whole journal, because a batch tells about the task under whichever strategy it was solved, and
                # what one distillation passed over must not be lost to the next.
                current = self._distil(new, entries, current, problems[0], environment, prompts.DISTIL)
        return current

    def amending_calls(self, attempts: int) -> Mapping[str, int]:
        """Teacher calls by purpose: one per batch begun, and one distillation."""
        return {"reflect": _groups(attempts, self._options.batch_size), "distil": min(attempts, 1)}

    def amend(self, attempts: Sequence[Attempt], strategy: Strategy, environment: LearningEnvironment) -> Strategy:
        """The strategy distilled from a journal on the student's attempts; the same one where there are none.

        What ``s2`` is amended to is ``s2.1``, and that to ``s2.2``; batches are counted on from those before. Raises
        CallError as ``learn``.
        """
        if not attempts:
            return strategy
        first, _, times = strategy.id.rpartition(".")
        new = f"{first}.{int(times) + 1}" if first and times.isdecimal() else f"{strategy.id}.1"
        entries = [
            self._reflect(f"reflect/{new}/batch-{number:02d}", number, batch, strategy, environment, "student")
            for number, batch in enumerate(self._batches(attempts), start=strategy.after_batch + 1)
        ]
        return self._distil(new, entries, strategy, attempts[0].problem, environment, prompts.AMEND)

    def _batches(self, things: Sequence[T]) -> list[Sequence[T]]:
        size = self._options.batch_size
        return [things[start : start + size] for start in range(0, len(things), size)]

    def _reflect(
        self,
        key: str,
        number: int,
        attempts: Sequence[Attempt],
        current: Strategy,
        environment: LearningEnvironment,
        by: prompts.Solver,
    ) -> JournalEntry:
        messages = prompts.reflect(self._task, attempts, current.text, self._options.max_reply_chars, by)
        reply = environment.ask(Request(key, messages, Reflect(tuple(attempts), current.text, by)))
        correct = sum(attempt.correct for attempt in attempts)
        entry = JournalEntry(number, correct, len(attempts), current.id, reply.text.strip(), reply.usage)
        environment.entry(entry)
        return entry

    def _distil(
        self,
        new: str,
        entries: Sequence[JournalEntry],
        current: Strategy,
        example: Problem,
        environment: LearningEnvironment,
        system: str,
    ) -> Strategy:
        """A new strategy from a journal and the current one; a blank reply leaves the wording as it is."""
        texts = tuple(entry.text for entry in entries)
        messages = prompts.distil(self._task, example, texts, current.text, self._options.max_entry_chars, system)
        reply = environment.ask(Request(f"distil/{new}", messages, Distil(texts, current.text)))
        under_current = [entry for entry in entries if entry.strategy == current.id]
        strategy = Strategy(
            id=new,
            text=reply.text.strip() or current.text,
            parent=current.id,
            after_batch=entries[-1].batch,
            correct=sum(entry.correct for entry in under_current),
            n=sum(entry.n for entry in under_current),
            usage=reply.usage,
        )
        environment.strategy(strategy)
        return strategy


def _groups(things: int, size: int) -> int:
    """How many groups of at most ``size`` hold so many things."""
    return -(-things // size)
