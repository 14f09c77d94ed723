"""One pass over all planned problems and all chosen plugins: what they must keep to, before anything is spent.

What must hold is said in ``task_contract`` and ``actor_contract``; here is what of it a plan asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.api import (
    Foreseeing,
    HarnessError,
    PluginError,
    Practising,
    Problem,
    Request,
    Sampling,
    Solve,
    Staged,
    UsageError,
)
from harness.boundary.faults import suspected
from harness.boundary.text import one_line
from harness.design import skills
from harness.design.plan import Plan
from harness.preflight import actor_contract, task_contract
from harness.preflight.components import Components, prompt
from harness.preflight.task_contract import Subject
from harness.preflight.violations import Contract


def violations(contract: Contract, subject: Any) -> Iterator[str]:
    """What breaks a contract in a subject, a plugin's own error among it. Errors that are fit to show pass."""
    try:
        yield from map(one_line, contract.broken(subject))
    except (HarnessError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # SystemExit among them
        yield one_line(f"raises {type(error).__name__}: {error}, where {contract.rule}")


def _require(who: str, contracts: Iterable[Contract], subject: Any) -> None:
    """Raises PluginError for the first violation."""
    for contract in contracts:
        for wrong in violations(contract, subject):
            raise PluginError(f"{who} breaks its contract: {wrong}")


def planned(plan: Plan, components: Components) -> dict[str, Sequence[Problem]]:
    """The problems that a plan takes, by split, without those of skills. Raises PluginError for too few of them."""
    found = {}
    for split in plan.splits:
        if split == skills.SPLIT:
            continue
        size = plan.sizes[split]
        made = components.task.problems(split, size)
        if not isinstance(made, Sequence) or len(made) != size:
            given = f"{len(made)} problems" if isinstance(made, Sequence) else f"a {type(made).__name__}"
            raise PluginError(
                f"{components.named['task']} breaks its contract: it gave {given} of the split {split!r}; {size} were "
                "asked for"
            )
        found[split] = made[: plan.count(split)]
    return found


def _check_task(plan: Plan, components: Components) -> list[str]:
    """Holds task and verifier to their contracts; what of the problems is large."""
    task = components.named["task"]
    _require(task, task_contract.OWN[:1], Subject(components.task, components.verifier, {}))
    problems = planned(plan, components)
    subject = Subject(components.task, components.verifier, problems, components.again, plan.trains)
    for kind, contract in task_contract.PASS:
        try:
            _require(components.named[kind], [contract], subject)
        except PluginError as error:
            if kind == "task" or plan.plugins[kind].distribution == plan.plugins["task"].distribution:
                raise
            raise PluginError(f"{error}; leave --verifier out to take the task's own") from error
    return [f"{task}: {told}" for told in task_contract.large(subject)]


def check_actors(plan: Plan, components: Components) -> None:
    """Holds those who have something to do in a plan to what is known of them without a key and without weights."""
    for kind, contracts in _actors(plan).items():
        _require(components.named[kind], contracts, getattr(components, kind))


@suspected("checking the plan", UsageError)
def check(plan: Plan, components: Components) -> list[str]:
    """Raises UsageError for what a run would refuse, as far as that is known without a key and without weights.

    Returns what a user should know of the problems.
    """
    cautions = _check_task(plan, components)
    if plan.prompts == "separate" and not isinstance(components.task, Staged):
        raise UsageError(
            f"prompts = separate: task {plan.plugins['task'].name!r} has one wording for all stages; leave it out"
        )
    for arm in plan.arms if components.task.labels is None else ():
        if arm.recipe == "random":
            raise UsageError(
                f"arm {arm.name}: the task's answers are free-form, so none can be drawn; leave the arm out"
            )
    check_actors(plan, components)
    if plan.asks_teacher and plan.plugins["teacher"].simulated:
        components.teacher.preflight()  # it needs no key, so that a dry run can ask it, too
    if isinstance(components.teacher, Foreseeing):
        components.teacher.foresee(list(_foreseen(plan, components)))
    return cautions


def _actors(plan: Plan) -> Mapping[str, Sequence[Contract]]:
    """The contracts of those who have something to do in a plan."""
    found: dict[str, Sequence[Contract]] = {}
    if plan.asks_teacher:
        found["teacher"] = actor_contract.TEACHER
    if plan.asks_student:
        found["student"] = actor_contract.STUDENT
    if plan.learns:
        found["reflection"] = actor_contract.REFLECTION
    if plan.trains:
        found["trainer"] = actor_contract.TRAINER
    return found


@suspected("checking the plan", UsageError)
def preflight(plan: Plan, components: Components) -> list[str]:
    """Lets every plugin that the plan uses find out whether it can work. Spends nothing; raises UsageError.

    Returns what a user should know of the problems.
    """
    cautions = check(plan, components)
    if plan.asks_teacher:
        components.teacher.preflight()
        _require(components.named["teacher"], actor_contract.READY_TEACHER, components.teacher)
    if plan.asks_student:
        components.student.preflight()
        _require(components.named["student"], actor_contract.READY_STUDENT, components.student)
    if plan.trains:
        _require_samples(components)
        components.trainer.preflight(components.student)
    return cautions


def _foreseen(plan: Plan, components: Components) -> Iterator[Request]:
    """The teacher calls whose prompts are known before anything is learned."""
    for arm in plan.arms:
        strategy = plan.strategy if arm.strategy else None
        known = strategy is not None or not arm.strategy
        for split in arm.splits if arm.answers == "teacher" and known and arm.role != "learning" else ():
            for problem in _first(plan, components, split):
                words = prompt(plan, components.task, arm.name, problem, strategy)
                yield Request(f"{arm.name}/{problem.id}", words, Solve(problem, strategy))
    sets = {arm.solutions for arm in plan.arms} if plan.labels == "teacher" else set()
    for name, strategy, wanted in (
        ("learned", plan.strategy, plan.strategy is not None and "learned" in sets),
        ("naive", None, "naive" in sets),
    ):
        for problem in _first(plan, components, "train") if wanted else ():
            words = components.task.demonstration(problem, strategy)
            yield Request(f"demonstrate/{name}/{problem.id}", words, Solve(problem, strategy, "demonstrate"))


def _first(plan: Plan, components: Components, split: str) -> Sequence[Problem]:
    """The problems of a split that the plan takes."""
    return components.task.problems(split, plan.sizes[split])[: plan.count(split)]


def _require_samples(components: Components) -> None:
    """Raises UsageError for a trainer whose student would have to practise and cannot be sampled."""
    if isinstance(components.trainer, Practising) and not isinstance(components.student, Sampling):
        trainer, student = components.named["trainer"], components.named["student"]
        raise UsageError(f"{trainer} has the student practise, and {student} cannot be sampled; choose another of them")
