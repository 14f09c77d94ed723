"""The components of a replay: those who act are replaced by what the journal has recorded of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from harness.api import JournalError, Json, Request, Skill, Student, Teacher, Usage
from harness.design.plan import Plan
from harness.journal import keys
from harness.journal.store import ReadOnlyJournal
from harness.preflight.components import Components


def components(plan: Plan, made: Components, journal: ReadOnlyJournal) -> Components:
    """The components of a plan with recorded teacher, student and trainer. Raises JournalError for another plan."""
    identity = journal.recorded(keys.IDENTITY)
    if identity is None or journal.recorded(keys.PLAN) != plan.sha256:
        raise JournalError("plan.json is not the plan that the journal was begun with; restore it")
    needed = {"teacher": plan.asks_teacher, "student": plan.asks_student, "trainer": plan.trains}
    for part, asked in needed.items():
        if asked and identity[part] is None:
            raise JournalError(f"the journal does not say who the {part} was; restore it")
    student = identity["student"] or {"identity": {}, "batch_size": 1}
    return replace(
        made,
        teacher=_Teacher(identity["teacher"] or {}, made.teacher),
        student=_Student(student["identity"], student["batch_size"], made.student),
        trainer=(_Practising if _practised(journal) else _Trainer)(identity["trainer"] or {}),
    )


def _never(*_: Any) -> NoReturn:
    raise JournalError("a replay calls nobody; the journal lacks what the plan needs")


@dataclass(frozen=True)
class _Teacher:
    """What is recorded of a teacher. What its replies cost is in its own table of prices."""

    identity: Mapping[str, Json]
    real: Teacher

    def cost(self, usage: Usage) -> float | None:
        return self.real.cost(usage)

    def worst_cost(self, request: Request) -> float | None:
        return self.real.worst_cost(request)

    preflight = complete = _never


@dataclass(frozen=True)
class _Student:
    """What is recorded of a student."""

    identity: Mapping[str, Json]
    batch_size: int
    real: Student

    def skills(self, count: int) -> Sequence[Skill]:
        return self.real.skills(count)

    preflight = generate = _never


@dataclass(frozen=True)
class _Trainer:
    """What is recorded of a trainer."""

    settings: Mapping[str, Json]

    preflight = train = _never


class _Practising(_Trainer):
    """One that had the student practise: its rows hold what that takes."""

    practise = _never


def _practised(journal: ReadOnlyJournal) -> bool:
    return any("practice" in value["report"] for _, value in journal.trainings())
