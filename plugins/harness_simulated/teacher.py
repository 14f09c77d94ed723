"""The simulated teacher: which rule it holds, how it slips, what it answers.

It reads the structure behind a request, never the words of a prompt, and knows a truth only from feedback. The wording
of journal entries and strategies is in ``journal``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from harness.api import Completion, Distil, Json, Ledger, Reflect, Request, Rule, Solve, Task, Usage, UsageError, Worked
from harness_simulated import Options, journal

MODEL = "simulated-teacher-1"
CHARS_PER_TOKEN = 4
"""Token counts are estimated by length: there is no tokenizer here."""


class SimulatedTeacher:
    """A teacher that holds one rule of a task at a time. Its output is a pure function of options, seed and request."""

    def __init__(self, options: Options, task: Task, seed: int) -> None:
        self._options = options
        self._task = task
        self._seed = seed
        self._rules = tuple(task.rules)
        self._texts = tuple(journal.one_line(rule.text) for rule in self._rules)
        self._stated = lru_cache(maxsize=8)(self._read)

    @property
    def identity(self) -> Mapping[str, Json]:
        """Provider, model, seed and every option; a set ``final_rule`` shows here that the lesson is prescribed."""
        return {"provider": "simulated", "model": MODEL, "seed": self._seed, **self._options.model_dump()}

    def cost(self, usage: Usage) -> float:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return 0.0

    def worst_cost(self, request: Request) -> float:  # noqa: ARG002 - the protocol's signature
        """Nothing."""
        return 0.0

    def preflight(self) -> None:
        """Raises UsageError if the task offers no rules, or not the ones that the options name."""
        self._beginners_rule()
        if self._options.final_rule:
            self._rule("final_rule", self._options.final_rule)

    def complete(
        self,
        requests: Sequence[Request],
        ledger: Ledger,  # noqa: ARG002 - it spends nothing
    ) -> Iterator[Completion]:
        """One completion per request, in order; its usage is an estimate of four characters to a token."""
        for request in requests:
            text = self._answer(request)
            prompt = sum(len(message.text) for message in request.messages)
            usage = Usage(prompt // CHARS_PER_TOKEN, len(text) // CHARS_PER_TOKEN)
            yield Completion(key=request.key, text=text, stop="end", model=MODEL, usage=usage)

    def held(self, strategy: str | None) -> Rule:
        """The rule that a strategy states: the one whose text it contains, however wrapped.

        Of several it is the one that ends last, as later words amend earlier ones; without any it is the beginner's.
        """
        return self._stated(strategy) or self._beginners_rule()

    def _read(self, strategy: str | None) -> Rule | None:
        """The rule that a strategy states. A run asks with one strategy many times."""
        said = journal.one_line(strategy or "")
        ends = {place: said.rfind(text) + len(text) for place, text in enumerate(self._texts) if text and text in said}
        return self._rules[max(ends, key=ends.__getitem__)] if ends else None

    def _answer(self, request: Request) -> str:
        match request.context:
            case Solve(problem=problem, strategy=strategy, purpose=purpose):
                worked = self.held(strategy).work(problem)
                chance = self._options.slip if purpose == "solve" else self._options.demonstration_slip
                return self._slipped(worked, request.key) if self._draw("slip", request.key) < chance else worked.text
            case Reflect(attempts=attempts, strategy=strategy, by=by):
                return journal.entry(self._rules, self.held(strategy), attempts, by)
            case Distil(entries=entries, strategy=strategy):
                return self._distil(entries, strategy)

    def _distil(self, entries: Sequence[str], strategy: str) -> str:
        held = self.held(strategy)
        if self._options.final_rule:
            chosen = self._rule("final_rule", self._options.final_rule)
            settled = chosen is held and journal.one_line(chosen.text) in journal.one_line(strategy)
        else:
            evidence = journal.read_evidence(entries)
            chosen = journal.best_rule(self._rules, held, evidence, self._options.min_evidence)
            settled = chosen is held
        return strategy if settled else journal.strategy_text(chosen, held, entries)

    def _slipped(self, worked: Worked, key: str) -> str:
        """The same steps with another label stated at the end; unchanged where the task has no other label."""
        others = [label for label in self._task.labels or () if label != worked.label]
        if not others:
            return worked.text
        other = others[int(self._draw("label", key) * len(others))]
        stated = self._task.reply(worked.label)
        if not worked.text.endswith(stated):
            stated = worked.text.rpartition("\n")[2]
        return worked.text.removesuffix(stated) + self._task.reply(other)

    def _draw(self, what: str, key: str) -> float:
        """A number in [0, 1) that depends on seed and request alone, so that neither order nor resuming shifts it."""
        digest = hashlib.sha256(f"{what}\n{self._seed}\n{key}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def _beginners_rule(self) -> Rule:
        if not self._rules:
            raise UsageError(
                "teacher simulated: this task offers no rules, and the teacher answers by one; "
                "choose a task with rules or another teacher"
            )
        if self._options.naive_rule:
            return self._rule("naive_rule", self._options.naive_rule)
        for rule in self._rules:
            if not rule.trivial:
                return rule
        raise UsageError(
            "teacher simulated: every rule of this task is trivial, so it has no beginner's rule; "
            f"name one by -o teacher.naive_rule=NAME: {self._names()}"
        )

    def _rule(self, option: str, name: str) -> Rule:
        for rule in self._rules:
            if rule.name == name:
                return rule
        raise UsageError(
            f"teacher simulated: {option} is {name!r}, which is no rule of this task; choose one of {self._names()}"
        )

    def _names(self) -> str:
        return ", ".join(rule.name for rule in self._rules)
