"""The way from a plan to what is measured, step by step.

Every effect goes through the journal, so running a plan again in the same directory is the resume. Nothing here writes
a result file, draws a progress bar or knows a plugin by name.
"""

from __future__ import annotations

from harness.api import Demonstrate, Examine, Learn, Step, Train
from harness.boundary.faults import suspected
from harness.experiment.context import RunContext
from harness.experiment.data import ExperimentData
from harness.experiment.studying import Studying
from harness.experiment.teaching import Teaching


class Experiment:
    """One run of a plan. ``accept_unreadable``: a teacher is asked on though none of its first answers can be read."""

    def __init__(self, run: RunContext, accept_unreadable: bool = False) -> None:
        self._run = run
        self._teacher = Teaching(run, accept_unreadable)
        self._student = Studying(run)

    def run(self) -> ExperimentData:
        """Walks the steps of the plan. What is in the journal is not done again."""
        plan = self._run.plan
        for step in plan.steps:
            with suspected(f"stage {step.arm}"):
                for seed in plan.seeds if plan.design.by_seed(step) else (None,):
                    self._walk(step, seed)
        return self._run.data

    def _walk(self, step: Step, seed: int | None) -> None:
        match step:
            case Learn():
                self._teacher.learn(step, seed)
            case Demonstrate():
                self._teacher.demonstrate(step, seed)
            case Train():
                self._student.train(step, seed or 0)
            case Examine() if step.votes_of:
                self._student.count_votes(step, seed or 0)
            case Examine() if self._run.plan.design.arm(step.arm).answers == "teacher":
                self._teacher.examine(step)
            case Examine():
                self._student.examine(step, seed)
