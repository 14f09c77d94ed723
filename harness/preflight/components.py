"""The plugins of one run, made: what an experiment works with, and the words in which its task asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from harness.api import (
    Amending,
    Continuing,
    Drifting,
    Foreseeing,
    Message,
    PluginError,
    Practising,
    Probing,
    Problem,
    Reflection,
    Replaying,
    Sampling,
    Screening,
    Sizing,
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
from harness.preflight.problems import asked_once
from harness.registry.guard import bare, guarded
from harness.registry.plugins import instantiate


@dataclass(frozen=True, slots=True)
class Components:
    """One object of each kind, guarded: what it raises is told with its plugin. The task is asked for problems once."""

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
    task = asked_once(task)
    student, reflection, trainer = chosen.student, chosen.reflection, chosen.trainer
    made = (
        instantiate(student.ref, lambda: student.spec.create(student.options)),
        instantiate(reflection.ref, lambda: reflection.spec.create(reflection.options, bare(task))),
        instantiate(trainer.ref, lambda: trainer.spec.create(trainer.options)),
    )
    return Components(
        task=task,
        verifier=verifier,
        teacher=_teacher(plan, chosen, bare(task)),
        student=guarded(student.ref, made[0], Student, Probing, Sampling),
        reflection=guarded(reflection.ref, made[1], Reflection, Amending),
        trainer=guarded(trainer.ref, made[2], Trainer, Sizing, Screening, Continuing, Practising),
        again=lambda: task_and_verifier(plan, chosen)[0],
        named={kind: str(getattr(chosen, kind).ref) for kind in PLUGIN_KINDS},
    )


def task_and_verifier(plan: Plan, chosen: ChosenPlugins) -> tuple[Task, Verifier]:
    """Makes those of a plan who need nobody else. Raises UsageError where options do not fit the task."""
    task, verifier = chosen.task, chosen.verifier
    made = instantiate(task.ref, lambda: task.spec.create(task.options, plan.seed))
    judge = instantiate(verifier.ref, lambda: verifier.spec.create(verifier.options, made))
    return guarded(task.ref, made, Task, Staged, Drifting), guarded(verifier.ref, judge, Verifier)


def _teacher(plan: Plan, chosen: ChosenPlugins, task: Task) -> Teacher:
    """The teacher; one that gives the replies of an earlier run again gets them."""
    teacher, run_dir = chosen.teacher, chosen.teacher.replays
    made = instantiate(teacher.ref, lambda: teacher.spec.create(teacher.options, task, plan.seed))
    held: Teacher = guarded(teacher.ref, made, Teacher, Foreseeing, Replaying)
    if run_dir is not None:
        if not isinstance(held, Replaying):
            raise PluginError(f"{teacher.ref} says that it replays a run, but its teacher has no method replay")
        held.replay(RecordedReplies(run_dir))
    return held


_STAGED: dict[type, bool] = {}


def _is_staged(task: Task) -> TypeGuard[Staged]:
    """Whether a task has words for each stage. It is asked with every prompt, and looking at a protocol is slow."""
    kind = type(task)
    if kind not in _STAGED:
        _STAGED[kind] = isinstance(task, Staged)
    return _STAGED[kind]


def prompt(plan: Plan, task: Task, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
    """The messages that ask for an answer in a stage: in its own words where the plan says so."""
    if plan.prompts == "separate" and _is_staged(task):
        return task.stage_prompt(stage, problem, strategy)
    return task.prompt(problem, strategy)
