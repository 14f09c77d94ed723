"""How `lrl` learns: batches of problems, a journal entry after each, a strategy distilled every few.

It asks and records through its learning environment alone. What a teacher reads is in ``prompts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.api import Distil, JournalEntry, LearningEnvironment, Problem, Reflect, Request, Strategy, Task
from harness_lrl import Options, prompts


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
        size = self._options.batch_size
        batches = [problems[start : start + size] for start in range(0, len(problems), size)]
        for number, batch in enumerate(batches, start=1):
            entries.append(self._reflect(number, batch, current, environment))
            if number % self._options.distil_every == 0 or number == len(batches):
                current = self._distil(entries, current, problems[0], environment)
        return current

    def _reflect(
        self, number: int, batch: Sequence[Problem], current: Strategy, environment: LearningEnvironment
    ) -> JournalEntry:
        attempts = tuple(environment.attempt(f"batch-{number:02d}", batch, current.text))
        messages = prompts.reflect(self._task, attempts, current.text, self._options.max_reply_chars)
        request = Request(f"reflect/batch-{number:02d}", messages, Reflect(attempts, current.text))
        reply = environment.ask(request)
        correct = sum(attempt.correct for attempt in attempts)
        entry = JournalEntry(number, correct, len(attempts), current.id, reply.text.strip(), reply.usage)
        environment.entry(entry)
        return entry

    def _distil(
        self, entries: Sequence[JournalEntry], current: Strategy, example: Problem, environment: LearningEnvironment
    ) -> Strategy:
        """A new strategy from the whole journal and the current one; a blank reply leaves the wording as it is.

        The whole journal, because a batch tells about the task under whichever strategy it was solved, and what one
        distillation passed over must not be lost to the next.
        """
        number = _groups(entries[-1].batch, self._options.distil_every)
        texts = tuple(entry.text for entry in entries)
        messages = prompts.distil(self._task, example, texts, current.text, self._options.max_entry_chars)
        reply = environment.ask(Request(f"distil/s{number}", messages, Distil(texts, current.text)))
        under_current = [entry for entry in entries if entry.strategy == current.id]
        strategy = Strategy(
            id=f"s{number}",
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
