"""What a run has found, as it is gathered: pure data, without a file, a table or a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.api import Adapter, Completion, Example, JournalEntry, Problem, Purpose, Strategy, TrainingReport, Truth
from harness.experiment.judging import Item
from harness.experiment.training.examples import Demonstration


@dataclass(frozen=True, slots=True)
class Call:
    """One teacher call, for the accounts."""

    stage: str
    purpose: Purpose
    completion: Completion


@dataclass(slots=True)
class Lesson:
    """What came of learning once: what was written on the way, and the strategy at its end."""

    strategy: str
    """What the strategy is called in the design."""
    seed: int | None = None
    """The training seed of the student whose errors were learned from, if it was."""
    entries: list[JournalEntry] = field(default_factory=list)
    strategies: list[Strategy] = field(default_factory=list)
    """Every candidate, in the order in which it was written."""
    learned: str = ""
    """The text that later steps have in their prompts."""
    learned_as: str | None = None
    """The id of the candidate that it is; None for one that was given."""


@dataclass(frozen=True, slots=True)
class Training:
    """One adapter with how it was made and that it does something."""

    arm: str
    seed: int
    name: str
    """That of the arm; for every seed but the first with the seed. Names its adapter and its file of examples."""
    examples: Sequence[Example]
    offered: int
    """Demonstrations that there were, with or without a usable answer."""
    report: TrainingReport
    adapter: Adapter
    logit_change: float | None
    """None where the student's logits cannot be seen."""


@dataclass(slots=True)
class ExperimentData:
    """All that a run has found: the same for one plan and one journal."""

    problems: dict[str, list[Problem]] = field(default_factory=dict)
    truths: dict[str, Truth] = field(default_factory=dict)
    """By problem id."""
    items: list[Item] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    lessons: list[Lesson] = field(default_factory=list)
    """What was learned, in order; first what was given in place of it."""
    demonstrations: dict[str, list[Demonstration]] = field(default_factory=dict)
    """Worked solutions by their name; of those made for a training seed but the first, with the seed."""
    unfit: dict[str, str] = field(default_factory=dict)
    """Why worked solutions were left out that the trainer cannot train on, by problem id."""
    untrained: dict[str, str] = field(default_factory=dict)
    """Why trainings could not be made, by their name."""
    trainings: list[Training] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Time that the student took to answer, by arm: no part of a result."""

    @property
    def learned(self) -> str | None:
        """The strategy that was learned first, or given; None where there is none."""
        return self.lessons[0].learned if self.lessons else None

    def lesson(self, strategy: str, seed: int | None) -> Lesson | None:
        """What came of learning a strategy: for that training seed, if it was learned for each."""
        return next((each for each in self.lessons if each.strategy == strategy and each.seed in (None, seed)), None)

    def drop_rows(self) -> None:
        """Drops what is held of single problems, once it is in files: most of what a large run holds."""
        for held in (self.problems, self.truths, self.items, self.calls, self.demonstrations):
            held.clear()
