"""The plugins of one run, made and checked: what an experiment works with."""

from __future__ import annotations

from dataclasses import dataclass

from harness import skills
from harness.arms import BOOTSTRAP, by_name
from harness.errors import UsageError
from harness.plan import Cast, Plan
from harness.protocols import Reflection, Student, Task, Teacher, Trainer, Verifier
from harness.records import Problem
from harness.text import one_line


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


def _check_verifier(plan: Plan, crew: Crew, problem: Problem) -> None:
    try:
        crew.verifier.truth(problem)
    except Exception as error:
        names = plan.plugins
        raise UsageError(
            one_line(
                f"verifier {names['verifier'].name!r} cannot check the problems of task {names['task'].name!r} "
                f"({type(error).__name__}: {error}); leave --verifier out to take the task's own"
            )
        ) from error


def preflight(plan: Plan, crew: Crew) -> None:
    """Lets every plugin that the plan uses find out whether it can work. Spends nothing; raises UsageError."""
    arms = [by_name(name) for name in plan.stages]
    trains = any(arm.recipe for arm in arms)
    for split, size in plan.sizes.items():
        if size and split != skills.SPLIT and any(split in arm.splits for arm in arms):
            _check_verifier(plan, crew, crew.task.problems(split, size)[0])
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
