"""What every step of a run works with: plan, parts, record, and what was found so far."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.api import Completion, Examine, Failed, HarnessError, Message, Problem, Request, StageStarted, Verifier
from harness.design.designs import trained_name
from harness.design.plan import Plan
from harness.design.skills import SPLIT as SKILLS
from harness.design.skills import Skills
from harness.experiment.data import ExperimentData, Lesson
from harness.experiment.judging import Asked, Item, Reader, Trained, score
from harness.experiment.training.examples import Demonstration
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness.preflight import problems
from harness.preflight.components import Components, prompt
from harness.registry.observers import Advance, Observers


@dataclass(eq=False)
class RunContext:
    """One run on its way. Nothing here asks anyone."""

    plan: Plan
    components: Components
    journal: Journal
    ledger: RunLedger
    run_dir: Path
    observers: Observers
    data: ExperimentData = field(default_factory=ExperimentData)

    def __post_init__(self) -> None:
        if self.plan.strategy is not None:
            self.data.lessons.append(Lesson(self.plan.design.strategy, learned=self.plan.strategy))

    def name(self, name: str, seed: int | None) -> str:
        """What is made for a training seed is called."""
        return name if seed is None else trained_name(name, seed, self.plan.seeds[0])

    def problems(self, split: str, window: int | None = None) -> list[Problem]:
        """The problems of a set, or of one of its windows, with their truths at hand."""
        known = self.data.problems
        if split not in known:
            own = split == SKILLS
            known[split] = self._own_problems if own else problems.of_set(self.plan, self.components.task, split)
            verifier = self._skills if own else self.components.verifier
            for problem in known[split]:
                self.data.truths[problem.id] = verifier.truth(problem)
        if window is None:
            return known[split]
        each = len(known[split]) // self.plan.design.problem_set(split).windows
        return known[split][(window - 1) * each : window * each]

    @cached_property
    def _skills(self) -> Skills:
        return Skills(self.components.student.skills(self.plan.sizes[SKILLS]))

    @property
    def _own_problems(self) -> list[Problem]:
        return self._skills.problems[: self.plan.count(SKILLS)]

    def splits(self, step: Examine) -> list[tuple[str, list[Problem]]]:
        """The problem sets of an examination that hold any problems, each with those of its window."""
        found = [(split, self.problems(split, step.window)) for split in step.splits if self.plan.size(split)]
        return [(split, inner) for split, inner in found if inner]

    def wrong(self, arm: str, split: str, seed: int | None) -> list[Item]:
        """What a student got wrong of a problem set; a call that failed is no answer."""
        ids = {problem.id for problem in self.problems(split)}
        return [
            item
            for item in self.data.items
            if item.arm == arm
            and (item.adapter is None or item.adapter.seed == seed)
            and item.problem.id in ids
            and not item.correct
            and not isinstance(item.outcome, Failed)
        ]

    def prompt(self, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        """The messages that ask for an answer in a stage."""
        if problem.split == SKILLS:
            return self._skills.prompt(problem)
        return prompt(self.plan, self.components.task, stage, problem, strategy)

    def judges(self, split: str) -> tuple[Reader, Verifier]:
        """Who reads and who checks answers to problems of a set."""
        if split == SKILLS:
            return self._skills, self._skills
        return self.components.task, self.components.verifier

    def record(
        self,
        arm: str,
        problems: Sequence[Problem],
        requests: Sequence[Request],
        completions: Sequence[Completion],
        adapter: Trained | None = None,
    ) -> list[Item]:
        """Judges what came back for problems, and keeps the rows."""
        items = []
        for problem, request, completion in zip(problems, requests, completions, strict=True):
            reader, verifier = self.judges(problem.split)
            truth = self.data.truths[problem.id]
            plain = request.context.strategy is None
            wording = request.messages if plain else self.prompt(arm, problem, None)
            asked = Asked(request.messages, wording)
            items.append(score(arm, reader, verifier, problem, truth, asked, completion, adapter))
        self.data.items += items
        return items

    def strategy(self, name: str | None, seed: int | None) -> str | None:
        """The text of a strategy; None where none is to be told."""
        if name is None:
            return None
        lesson = self.data.lesson(name, seed)
        if lesson is None:
            raise HarnessError("no strategy has been learned; the plan lacks the stage in which the teacher learns")
        return lesson.learned

    def made(self, solutions: str, seed: int | None) -> list[Demonstration] | None:
        """Worked solutions, if they are made: those for the training seed, if there are any of its own."""
        known = self.data.demonstrations
        own = self.plan.design.by_seed(self.plan.design.made["solutions", solutions])
        return known.get(self.name(solutions, seed) if own else solutions)

    def activity(self, stage: str, doing: str, total: int, seed: int | None = None) -> AbstractContextManager[Advance]:
        """Tells observers of something that goes on for a while, and how far it is."""
        stages = self.plan.stages
        place = f"{stages.index(stage) + 1 if stage in stages else len(stages)}/{len(stages)}"
        return self.observers.activity(StageStarted(stage, place, doing, total, seed))


def named(split: str) -> str:
    """A problem set in words."""
    return "skill questions" if split == SKILLS else f"{split} problems"
