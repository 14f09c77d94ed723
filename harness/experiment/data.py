"""What a run has found, as it is gathered: pure data, without a file, a table or a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.api import Adapter, Completion, Example, JournalEntry, Problem, Purpose, Strategy, TrainingReport, Truth
from harness.experiment.examples import Demonstration
from harness.experiment.judging import Item


@dataclass(frozen=True, slots=True)
class Call:
    """One teacher call, for the accounts."""

    stage: str
    purpose: Purpose
    completion: Completion


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
    entries: list[JournalEntry] = field(default_factory=list)
    strategies: list[Strategy] = field(default_factory=list)
    learned: str | None = None
    """The text that later stages have in their prompts: learned here, or given."""
    learned_as: str | None = None
    """Id of the strategy that was learned here."""
    demonstrations: dict[str, list[Demonstration]] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    """Why worked solutions were left out that the trainer cannot train on, by problem id."""
    untrained: dict[str, str] = field(default_factory=dict)
    """Why trainings could not be made, by their name."""
    trainings: list[Training] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    """Time that the student took to answer, by arm: no part of a result."""

    def drop_rows(self) -> None:
        """Drops what is held of single problems, once it is in files: most of what a large run holds."""
        for held in (self.problems, self.truths, self.items, self.calls, self.demonstrations):
            held.clear()
