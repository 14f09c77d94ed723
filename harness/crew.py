"""The plugins of one run, made and checked: what an experiment works with."""

from __future__ import annotations

from dataclasses import dataclass

from harness import skills
from harness.arms import BOOTSTRAP, by_name
from harness.errors import UsageError
from harness.plan import Cast, Plan
from harness.protocols import Reflection, Student, Task, Teacher, Trainer, Verifier


@dataclass(frozen=True, slots=True)
class Crew:
    """One object of each kind."""

    task: Task
    verifier: Verifier
    teacher: Teacher
    student: Student
    reflection: Reflection
    trainer: Trainer


def assemble(plan: Plan, cast: Cast) -> Crew:
    """Makes every plugin of a plan. Raises UsageError where options do not fit the task."""
    task = cast.task.spec.create(cast.task.options, plan.seed)
    return Crew(
        task=task,
        verifier=cast.verifier.spec.create(cast.verifier.options, task),
        teacher=cast.teacher.spec.create(cast.teacher.options, task, plan.seed),
        student=cast.student.spec.create(cast.student.options),
        reflection=cast.reflection.spec.create(cast.reflection.options, task),
        trainer=cast.trainer.spec.create(cast.trainer.options),
    )


def preflight(plan: Plan, crew: Crew) -> None:
    """Lets every plugin that the plan uses find out whether it can work. Spends nothing; raises UsageError."""
    arms = [by_name(name) for name in plan.stages]
    trains = any(arm.recipe for arm in arms)
    for split, size in plan.sizes.items():
        if size and split != skills.SPLIT and any(split in arm.splits for arm in arms):
            crew.task.problems(split, size)
    if trains:
        crew.task.problems("train", plan.sizes["train"])
    if crew.task.labels is None and any(arm.recipe == "random" for arm in arms):
        raise UsageError("arm lora-random: the task's answers are free-form, so none can be drawn; leave the arm out")
    if trains or any(arm.answers == "teacher" or arm.name == BOOTSTRAP for arm in arms):
        crew.teacher.preflight()
    if any(arm.answers == "student" for arm in arms):
        crew.student.preflight()
    if trains:
        crew.trainer.preflight(crew.student)
