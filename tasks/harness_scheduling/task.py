"""Task ``scheduling``: the parts of this package behind the protocol of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.api import Message, Problem, Rule, UsageError
from harness_scheduling import parsing, prompts
from harness_scheduling.balanced import balanced_problems, window_problems
from harness_scheduling.domain import NO, YES
from harness_scheduling.options import SchedulingOptions
from harness_scheduling.published import published_problems
from harness_scheduling.rules import RULES


@dataclass(frozen=True, slots=True)
class SchedulingTask:
    """Do all meetings fit into the rooms?"""

    options: SchedulingOptions
    seed: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The two answers."""
        return YES, NO

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The trivial ones first, the right one last."""
        return RULES

    @property
    def seed_strategy(self) -> str:
        """A strategy that says nothing about how to solve a problem."""
        return prompts.SEED_STRATEGY

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        """The first ``count`` problems of ``test``, ``reflect``, ``train`` or ``harder``.

        A published set depends on its count; ``harder`` is balanced in either distribution. Raises UsageError for
        another split, a negative count, or more problems than the split holds.
        """
        seed = self._seed(split, ("test", "reflect", "train", "harder"), count)
        draw = (
            published_problems if self.options.distribution == "published" and split != "harder" else balanced_problems
        )
        return draw(split, count, seed)

    def window(self, split: str, window: int, windows: int, count: int) -> Sequence[Problem]:
        """The first ``count`` problems of ``test`` or ``train`` in one of so many windows, counted from 1.

        They are balanced in either distribution, and drift as the options say. Raises UsageError as ``problems``, and
        for a window that there is not.
        """
        seed = self._seed(split, ("test", "train"), count)
        if not 1 <= window <= windows:
            raise UsageError(f"window {window} of {windows} asked of the split '{split}'; windows count from 1")
        return window_problems(split, window, windows, count, seed, self.options.drift == "harder")

    def _seed(self, split: str, splits: Sequence[str], count: int) -> int:
        """The seed of one of these splits. Raises UsageError for another split, and for a negative count."""
        if split not in splits:
            raise UsageError(f"task scheduling has no such split '{split}'; choose from {', '.join(splits)}")
        if count < 0:
            raise UsageError(f"{count} problems asked of the split '{split}'; ask for 0 or more")
        own = {"reflect": self.options.reflect_seed, "train": self.options.train_seed}
        return own.get(split, self.options.test_seed) + self.seed

    def prompt(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask for an answer."""
        return prompts.prompt(problem, strategy)

    def stage_prompt(self, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask for an answer in a wording of the stage's own, as the published experiment did."""
        return prompts.stage_prompt(stage, problem, strategy)

    def demonstration(self, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask a teacher for a worked solution in short lines."""
        return prompts.demonstration(problem, strategy)

    def parse(self, reply: str) -> str | None:
        """The label that a reply states, or None."""
        return parsing.parse(reply)

    def reply(self, label: str) -> str:
        """The shortest reply that states a label."""
        return prompts.reply(label)
