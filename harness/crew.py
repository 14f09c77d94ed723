"""The plugins of one run, made and checked: what an experiment works with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness import skills
from harness.arms import BOOTSTRAP
from harness.errors import UsageError
from harness.faults import suspected
from harness.plan import Cast, Plan
from harness.protocols import Foreseeing, Reflection, Staged, Student, Task, Teacher, Trainer, Verifier
from harness.records import Message, Problem, Request, Solve
from harness.registry import instantiate
from harness.text import one_line, shortened

LONGEST_RULE = 64
"""Characters of the name of a rule, ``always-`` for that of a constant among them."""


@dataclass(frozen=True, slots=True)
class Crew:
    """One object of each kind."""

    task: Task
    verifier: Verifier
    teacher: Teacher
    student: Student
    reflection: Reflection
    trainer: Trainer


def task_and_verifier(plan: Plan, cast: Cast) -> tuple[Task, Verifier]:
    """Makes those of a plan who need nobody else. Raises UsageError where options do not fit the task."""
    task = instantiate(cast.task.ref, lambda: cast.task.spec.create(cast.task.options, plan.seed))
    return task, instantiate(cast.verifier.ref, lambda: cast.verifier.spec.create(cast.verifier.options, task))


def assemble(plan: Plan, cast: Cast) -> Crew:
    """Makes every plugin of a plan. Raises UsageError where options do not fit the task."""
    task, verifier = task_and_verifier(plan, cast)
    return Crew(
        task=task,
        verifier=verifier,
        teacher=instantiate(cast.teacher.ref, lambda: cast.teacher.spec.create(cast.teacher.options, task, plan.seed)),
        student=instantiate(cast.student.ref, lambda: cast.student.spec.create(cast.student.options)),
        reflection=instantiate(cast.reflection.ref, lambda: cast.reflection.spec.create(cast.reflection.options, task)),
        trainer=instantiate(cast.trainer.ref, lambda: cast.trainer.spec.create(cast.trainer.options)),
    )


def constant(label: str) -> str:
    """The name of the trivial rule that always gives a label."""
    return f"always-{label.lower()}"


def _check_names(plan: Plan, task: Task) -> None:
    """Raises UsageError for labels and rules that a result could not hold, or not tell apart."""
    name = f"task {plan.plugins['task'].name!r}"
    constants = [constant(label) for label in task.labels or ()]
    rules = [rule.name for rule in task.rules if rule.trivial]
    for rule in (*constants, *rules):
        if not (rule.isprintable() and 1 <= len(rule) <= LONGEST_RULE):
            raise UsageError(
                f"{name}: no result can hold a rule named {rule[:80]!r}, its own or that of a constant answer; "
                f"expected 1 to {LONGEST_RULE} printable characters"
            )
    if len(set(constants)) < len(constants) or len(set(rules)) < len(rules):
        raise UsageError(f"{name} has two labels that differ in case alone, or two rules of one name; name them apart")


def _check_problems(plan: Plan, crew: Crew, split: str, size: int) -> None:
    problems = crew.task.problems(split, size)
    if len(problems) != size:
        name = plan.plugins["task"].name
        raise UsageError(f"task {name!r} gave {len(problems)} problems of the split {split!r}; {size} were asked for")
    if len({problem.id for problem in problems}) != size or any(problem.split != split for problem in problems):
        raise UsageError(
            f"task {plan.plugins['task'].name!r} gave problems of {split!r} with an id twice or another split"
        )
    names = plan.plugins
    try:
        truth = crew.verifier.truth(problems[0])
        right = crew.verifier.check(problems[0], truth.label)
    except Exception as error:
        raise UsageError(
            one_line(
                f"verifier {names['verifier'].name!r} cannot check the problems of task {names['task'].name!r} "
                f"({type(error).__name__}: {error}); leave --verifier out to take the task's own"
            )
        ) from error
    if not right:
        raise UsageError(
            one_line(
                f"verifier {names['verifier'].name!r} calls its own truth {shortened(repr(truth.label), LONGEST_RULE)} "
                f"wrong on problem {problems[0].id!r} of task {names['task'].name!r}; its check must accept its truth"
            )
        )


def prompt(plan: Plan, task: Task, stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
    """The messages that ask for an answer in a stage: in its own words where the plan says so."""
    if plan.prompts == "separate" and isinstance(task, Staged):
        return task.stage_prompt(stage, problem, strategy)
    return task.prompt(problem, strategy)


def _foreseen(plan: Plan, crew: Crew) -> Iterator[Request]:
    """The teacher calls whose prompts are known before anything is learned."""
    for arm in plan.arms:
        strategy = plan.strategy if arm.strategy else None
        known = strategy is not None or not arm.strategy
        for split in arm.splits if arm.answers == "teacher" and known and arm.name != BOOTSTRAP else ():
            for problem in _first(plan, crew, split):
                context = Solve(problem, strategy)
                yield Request(f"{arm.name}/{problem.id}", prompt(plan, crew.task, arm.name, problem, strategy), context)
    recipes = {arm.recipe for arm in plan.arms} - {None} if plan.labels == "teacher" else set()
    for name, strategy, wanted in (
        ("learned", plan.strategy, plan.strategy is not None and recipes - {"naive"}),
        ("naive", None, "naive" in recipes),
    ):
        for problem in _first(plan, crew, "train") if wanted else ():
            words = crew.task.demonstration(problem, strategy)
            yield Request(f"demonstrate/{name}/{problem.id}", words, Solve(problem, strategy, "demonstrate"))


def _first(plan: Plan, crew: Crew, split: str) -> Sequence[Problem]:
    """The problems of a split that the plan takes."""
    return crew.task.problems(split, plan.sizes[split])[: plan.count(split)]


@suspected("checking the plan")
def check(plan: Plan, crew: Crew) -> None:
    """Raises UsageError for what a run would refuse, as far as that is known without a key and without weights."""
    _check_names(plan, crew.task)
    for split in plan.splits:
        if split != skills.SPLIT:
            _check_problems(plan, crew, split, plan.sizes[split])
    if plan.prompts == "separate" and not isinstance(crew.task, Staged):
        raise UsageError(
            f"prompts = separate: task {plan.plugins['task'].name!r} has one wording for all stages; leave it out"
        )
    if crew.task.labels is None and any(arm.recipe == "random" for arm in plan.arms):
        raise UsageError("arm lora-random: the task's answers are free-form, so none can be drawn; leave the arm out")
    if plan.asks_teacher and plan.plugins["teacher"].simulated:
        crew.teacher.preflight()  # it needs no key, so that a dry run can ask it, too
    if isinstance(crew.teacher, Foreseeing):
        crew.teacher.foresee(list(_foreseen(plan, crew)))


@suspected("checking the plan")
def preflight(plan: Plan, crew: Crew) -> None:
    """Lets every plugin that the plan uses find out whether it can work. Spends nothing; raises UsageError."""
    check(plan, crew)
    if plan.asks_teacher:
        crew.teacher.preflight()
    if plan.asks_student:
        crew.student.preflight()
    if plan.trains:
        crew.trainer.preflight(crew.student)
