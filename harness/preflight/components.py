"""The plugins of one run, made: what an experiment works with, and the words in which its task asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.api import (
    Message,
    PluginError,
    Problem,
    Reflection,
    Replaying,
    Staged,
    Student,
    Task,
    Teacher,
    Trainer,
    Verifier,
)
from harness.design.config import PLUGIN_KINDS
from harness.design.plan import ChosenPlugins, Plan
from harness.journal.replies import RecordedReplies
from harness.registry.plugins import instantiate


@dataclass(frozen=True, slots=True)
class Components:
    """One object of each kind."""

    task: Task
    verifier: Verifier
    teacher: Teacher
    student: Student
    reflection: Reflection
    trainer: Trainer
    again: Callable[[], Task] | None = None
    """Makes the task once more, as if in another process."""
    named: Mapping[str, str] = field(default_factory=lambda: {kind: f"the {kind}" for kind in PLUGIN_KINDS})
    """Each kind with its name, distribution, version and module, as a user is told."""


def assemble(plan: Plan, chosen: ChosenPlugins) -> Components:
    """Makes every plugin of a plan. Raises UsageError where options do not fit the task."""
    task, verifier = task_and_verifier(plan, chosen)
    student, reflection, trainer = chosen.student, chosen.reflection, chosen.trainer
    return Components(
        task=task,
        verifier=verifier,
        teacher=_teacher(plan, chosen, task),
        student=instantiate(student.ref, lambda: student.spec.create(student.options)),
        reflection=instantiate(reflection.ref, lambda: reflection.spec.create(reflection.options, task)),
        trainer=instantiate(trainer.ref, lambda: trainer.spec.create(trainer.options)),
        again=lambda: task_and_verifier(plan, chosen)[0],
        named={kind: str(getattr(chosen, kind).ref) for kind in PLUGIN_KINDS},
    )


def task_and_verifier(plan: Plan, chosen: ChosenPlugins) -> tuple[Task, Verifier]:
    """Makes those of a plan who need nobody else. Raises UsageError where options do not fit the task."""
    task = instantiate(chosen.task.ref, lambda: chosen.task.spec.create(chosen.task.options, plan.seed))
    return task, instantiate(chosen.verifier.ref, lambda: chosen.verifier.spec.create(chosen.verifier.options, task))


def _teacher(plan: Plan, chosen: ChosenPlugins, task: Task) -> Teacher:
    """The teacher; one that gives the replies of an earlier run again gets them."""
    teacher, run_dir = chosen.teacher, chosen.teacher.replays
    made = instantiate(teacher.ref, lambda: teacher.spec.create(teacher.options, task, plan.seed))
    if run_dir is not None:
        if not isinstance(made, Replaying):
            raise PluginError(f"{teacher.ref} says that it replays a run, but its teacher has no method replay")
        made.replay(RecordedReplies(run_dir))
    return made


def prompt(plan: Plan, task: Task, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
    """The messages that ask for an answer in a stage: in its own words where the plan says so."""
    if plan.prompts == "separate" and isinstance(task, Staged):
        return task.stage_prompt(stage, problem, strategy)
    return task.prompt(problem, strategy)
