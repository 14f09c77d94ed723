"""What teacher, student, reflection and trainer must keep to before anything is asked of them: methods, plain values.

What they return while a run goes on is looked at where it comes back, before it is recorded: see
``harness.experiment.returned``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from harness.api import (
    Amending,
    Asking,
    Distil,
    Message,
    Purpose,
    Reflection,
    Request,
    Skill,
    Student,
    Teacher,
    Trainer,
    Usage,
)
from harness.registry.violations import (
    Contract,
    of_cost,
    of_count,
    of_messages,
    of_methods,
    of_object,
    of_text,
    shown,
)

SKILLS = 50
"""Skills of a student that are looked at."""
REQUEST = Request("contract", (Message("user", "What is 1 + 1?"),), Distil((), ""))
"""A request of which a price is asked, and that is never sent."""


def _methods(protocol: Any) -> Contract:
    return Contract("every method of the protocol is there", lambda made: of_methods(made, protocol))


def _object(name: str) -> Contract:
    def broken(made: Any) -> Iterator[str]:
        yield from (f"has {name} that {wrong}" for wrong in of_object(getattr(made, name)))

    return Contract(f"{name} is JSON", broken)


def _costs(teacher: Teacher) -> Iterator[str]:
    yield from (f"gives a cost that {wrong}" for wrong in of_cost(teacher.cost(Usage(100, 10))))
    yield from (f"gives a worst cost that {wrong}" for wrong in of_cost(teacher.worst_cost(REQUEST)))


def _batches(student: Student) -> Iterator[str]:
    yield from (f"has a batch_size that {wrong}" for wrong in of_count(student.batch_size, least=1, most=10**6))


def _skills(student: Student) -> Iterator[str]:
    made = student.skills(SKILLS)
    if not isinstance(made, list | tuple) or len(made) > SKILLS:
        yield f"gives {shown(made)} as its skills, where at most {SKILLS} were asked for"
        return
    for skill in made:
        if not isinstance(skill, Skill):
            yield f"gives {shown(skill)} as a skill, expected a Skill"
            return
        for wrong in (*of_text(skill.name, 1), *of_text(skill.reply, 1), *of_messages(skill.prompt)):
            yield f"gives a skill of which something {wrong}"
            return


def _asked(trainer: Trainer) -> Iterator[str]:
    if isinstance(trainer, Asking):
        yield from _planned(trainer.practice_calls)


def _calls(reflection: Reflection) -> Iterator[str]:
    yield from _planned(reflection.calls)
    if isinstance(reflection, Amending):
        yield from _planned(reflection.amending_calls)


def _planned(calls_for: Callable[[int], object]) -> Iterator[str]:
    for count in (1, 100):
        calls = calls_for(count)
        if not isinstance(calls, Mapping) or not set(calls) <= set(get_args(Purpose)):
            yield f"plans the calls {shown(calls)}, expected counts by purpose: {', '.join(get_args(Purpose))}"
            return
        yield from (
            f"plans {name} calls, of which the count {wrong}" for name, n in calls.items() for wrong in of_count(n)
        )


TEACHER = (_methods(Teacher), Contract("costs are USD, or None where the price is unknown", _costs))
STUDENT = (_methods(Student),)
REFLECTION = (_methods(Reflection), Contract("calls are counts by purpose", _calls))
TRAINER = (_methods(Trainer), _object("settings"), Contract("calls are counts by purpose", _asked))
"""What can be known of each without a key, and without weights."""
READY_TEACHER = (_object("identity"),)
READY_STUDENT = (
    _object("identity"),
    Contract("batch_size is a count", _batches),
    Contract("skills are prompts with one right reply", _skills),
)
"""What is known once a plugin has found that it can work."""
