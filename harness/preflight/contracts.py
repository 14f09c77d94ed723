"""What the chosen plugins must keep to on the planned problems, found out before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.api import Foreseeing, Problem, Request, Solve, Staged, Task, UsageError
from harness.boundary.faults import suspected
from harness.boundary.text import one_line, shortened
from harness.design import skills
from harness.design.arms import BOOTSTRAP
from harness.design.plan import Plan
from harness.design.rules import constant
from harness.preflight.components import Components, prompt

LONGEST_RULE = 64
"""Characters of the name of a rule, ``always-`` for that of a constant among them."""


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


def _check_problems(plan: Plan, components: Components, split: str, size: int) -> None:
    problems = components.task.problems(split, size)
    if len(problems) != size:
        name = plan.plugins["task"].name
        raise UsageError(f"task {name!r} gave {len(problems)} problems of the split {split!r}; {size} were asked for")
    if len({problem.id for problem in problems}) != size or any(problem.split != split for problem in problems):
        raise UsageError(
            f"task {plan.plugins['task'].name!r} gave problems of {split!r} with an id twice or another split"
        )
    names = plan.plugins
    try:
        truth = components.verifier.truth(problems[0])
        right = components.verifier.check(problems[0], truth.label)
    except Exception as error:
        cause = error.__cause__ or error
        raise UsageError(
            one_line(
                f"verifier {names['verifier'].name!r} cannot check the problems of task {names['task'].name!r} "
                f"({type(cause).__name__}: {cause}); leave --verifier out to take the task's own"
            )
        ) from error
    if not right:
        raise UsageError(
            one_line(
                f"verifier {names['verifier'].name!r} calls its own truth {shortened(repr(truth.label), LONGEST_RULE)} "
                f"wrong on problem {problems[0].id!r} of task {names['task'].name!r}; its check must accept its truth"
            )
        )


def _foreseen(plan: Plan, components: Components) -> Iterator[Request]:
    """The teacher calls whose prompts are known before anything is learned."""
    for arm in plan.arms:
        strategy = plan.strategy if arm.strategy else None
        known = strategy is not None or not arm.strategy
        for split in arm.splits if arm.answers == "teacher" and known and arm.name != BOOTSTRAP else ():
            for problem in _first(plan, components, split):
                context = Solve(problem, strategy)
                yield Request(
                    f"{arm.name}/{problem.id}", prompt(plan, components.task, arm.name, problem, strategy), context
                )
    recipes = {arm.recipe for arm in plan.arms} - {None} if plan.labels == "teacher" else set()
    for name, strategy, wanted in (
        ("learned", plan.strategy, plan.strategy is not None and recipes - {"naive"}),
        ("naive", None, "naive" in recipes),
    ):
        for problem in _first(plan, components, "train") if wanted else ():
            words = components.task.demonstration(problem, strategy)
            yield Request(f"demonstrate/{name}/{problem.id}", words, Solve(problem, strategy, "demonstrate"))


def _first(plan: Plan, components: Components, split: str) -> Sequence[Problem]:
    """The problems of a split that the plan takes."""
    return components.task.problems(split, plan.sizes[split])[: plan.count(split)]


@suspected("checking the plan", UsageError)
def check(plan: Plan, components: Components) -> None:
    """Raises UsageError for what a run would refuse, as far as that is known without a key and without weights."""
    _check_names(plan, components.task)
    for split in plan.splits:
        if split != skills.SPLIT:
            _check_problems(plan, components, split, plan.sizes[split])
    if plan.prompts == "separate" and not isinstance(components.task, Staged):
        raise UsageError(
            f"prompts = separate: task {plan.plugins['task'].name!r} has one wording for all stages; leave it out"
        )
    if components.task.labels is None and any(arm.recipe == "random" for arm in plan.arms):
        raise UsageError("arm lora-random: the task's answers are free-form, so none can be drawn; leave the arm out")
    if plan.asks_teacher and plan.plugins["teacher"].simulated:
        components.teacher.preflight()  # it needs no key, so that a dry run can ask it, too
    if isinstance(components.teacher, Foreseeing):
        components.teacher.foresee(list(_foreseen(plan, components)))


@suspected("checking the plan", UsageError)
def preflight(plan: Plan, components: Components) -> None:
    """Lets every plugin that the plan uses find out whether it can work. Spends nothing; raises UsageError."""
    check(plan, components)
    if plan.asks_teacher:
        components.teacher.preflight()
    if plan.asks_student:
        components.student.preflight()
    if plan.trains:
        components.trainer.preflight(components.student)
