"""One pass over all planned problems and all chosen plugins: what they must keep to, before anything is spent.

What must hold is said in ``task_contract`` and ``actor_contract``; here is what of it a plan asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from harness.api import (
    Amending,
    Continuing,
    Demonstrate,
    Drifting,
    Examine,
    Foreseeing,
    HarnessError,
    Learn,
    PluginError,
    Practising,
    Problem,
    Request,
    Sampling,
    Solve,
    Staged,
    Train,
    UsageError,
)
from harness.boundary.faults import suspected
from harness.boundary.text import one_line
from harness.design import skills
from harness.design.plan import Plan
from harness.preflight import actor_contract, problems, task_contract
from harness.preflight.components import Components, prompt
from harness.preflight.task_contract import Subject
from harness.registry.violations import Contract


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
    own = [split for split in plan.splits if split != skills.SPLIT]
    windowed = [split for split in own if plan.design.problem_set(split).windows > 1]
    drifting = windowed if isinstance(components.task, Drifting) else []
    found = {split: _taken(plan, components, split) for split in own if split not in drifting}
    _check_windows(plan, components, drifting, found)
    found |= {split: problems.of_set(plan, components.task, split) for split in drifting}
    return {split: found[split] for split in own}


def _taken(plan: Plan, components: Components, split: str) -> Sequence[Problem]:
    """The problems of a set. Raises PluginError where a task gives another number than it is asked for."""
    chosen = plan.design.problem_set(split)
    asked, _ = plan.pool(split, drifts=isinstance(components.task, Drifting))
    made: Any = components.task.problems(chosen.of, asked)
    if not isinstance(made, Sequence) or len(made) != asked:
        told = f"{len(made)} problems" if isinstance(made, Sequence) else f"a {type(made).__name__}"
        raise PluginError(
            f"{components.named['task']} breaks its contract: it gave {told} of the split {chosen.of!r}; {asked} were "
            "asked for"
        )
    return problems.of_set(plan, components.task, split)


def _check_windows(
    plan: Plan, components: Components, drifting: Iterable[str], others: Mapping[str, Sequence[Problem]]
) -> None:
    """Holds a task that drifts to its contract on the windows of a plan, beside the other problems of it."""
    asked: dict[int, dict[str, int]] = {}
    for split in drifting:
        chosen, (size, _) = plan.design.problem_set(split), plan.pool(split, drifts=True)
        asked.setdefault(chosen.windows, {})[chosen.of] = size // chosen.windows
    subject = Subject(components.task, components.verifier, others, components.again)
    for number, counts in asked.items():
        _require(components.named["task"], [task_contract.windows(number, counts)], subject)


def _require_windows(plan: Plan) -> None:
    """Raises UsageError for a problem set that has fewer problems than windows."""
    for chosen in plan.design.sets:
        asked, least = plan.count(chosen.name), chosen.windows
        if least > 1 and not asked:
            size = chosen.size if chosen.size is not None else plan.sizes[chosen.of]
            limit = "" if plan.limit is None else f", and --limit {plan.limit}"
            raise UsageError(
                f"problem set {chosen.name}: {size} problems{limit} cannot be divided into {least} windows; "
                f"give {least} or more, or fewer windows"
            )


def _check_task(plan: Plan, components: Components) -> list[str]:
    """Holds task and verifier to their contracts; what of the problems is large."""
    task = components.named["task"]
    _require(task, task_contract.OWN[:1], Subject(components.task, components.verifier, {}))
    made = planned(plan, components)
    demonstrated = frozenset(step.problems for step in plan.steps if isinstance(step, Demonstrate))
    again = partial(problems.sample, plan)
    subject = Subject(components.task, components.verifier, made, components.again, demonstrated, again)
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
    _require_windows(plan)
    cautions = _check_task(plan, components)
    if plan.prompts == "separate" and not isinstance(components.task, Staged):
        raise UsageError(
            f"prompts = separate: task {plan.plugins['task'].name!r} has one wording for all stages; leave it out"
        )
    amends = [step for step in plan.steps if isinstance(step, Learn) and step.wrong_of]
    if amends and not isinstance(components.reflection, Amending):
        raise UsageError(
            f"reflection {plan.plugins['reflection'].name!r} cannot amend a strategy by what a student got wrong, "
            f"which the stage {amends[0].arm} asks for; choose one that can, such as lrl"
        )
    further = [step for step in plan.steps if isinstance(step, Train) and step.start]
    if further and not isinstance(components.trainer, Continuing):
        raise UsageError(
            f"trainer {plan.plugins['trainer'].name!r} cannot start from an adapter, which the stage {further[0].arm} "
            "asks for; choose one that can, such as lora"
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
    task, given = components.task, plan.strategy

    def is_known(strategy: str | None) -> bool:
        return strategy is None or (given is not None and strategy == plan.design.strategy)

    for step in plan.steps:
        match step:
            case Examine() if plan.design.arm(step.arm).answers == "teacher" and is_known(step.strategy):
                told = None if step.strategy is None else given
                for split in step.splits:
                    for problem in problems.of_set(plan, task, split):
                        words = prompt(plan, task, step.arm, problem, told)
                        yield Request(f"{step.arm}/{problem.id}", words, Solve(problem, told))
            case Demonstrate() if plan.labels == "teacher" and is_known(step.strategy) and not step.wrong_of:
                told = None if step.strategy is None else given
                for problem in problems.of_set(plan, task, step.problems) if not step.as_many_as else ():
                    words = task.demonstration(problem, told)
                    key = f"demonstrate/{step.solutions}/{problem.id}"
                    yield Request(key, words, Solve(problem, told, "demonstrate"))
            case _:
                pass


def _require_samples(components: Components) -> None:
    """Raises UsageError for a trainer whose student would have to practise and cannot be sampled."""
    if isinstance(components.trainer, Practising) and not isinstance(components.student, Sampling):
        trainer, student = components.named["trainer"], components.named["student"]
        raise UsageError(f"{trainer} has the student practise, and {student} cannot be sampled; choose another of them")
