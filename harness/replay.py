"""A run done again from its plan and its journal alone: no teacher, no student and no trainer is called.

Rebuilds what a finished run makes of these two, and compares the bytes: not clocks and machines, nor the adapters with
their cards. Needs the plugins of the plan, in their versions, and what a student states of its own skills; neither
weights nor adapters, neither a key nor a device.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from harness import files, layout, report, result, validation
from harness import plan as plans
from harness.audit import runs
from harness.crew import Crew, assemble
from harness.errors import JournalError, UsageError
from harness.experiment import Experiment
from harness.journal import Recording
from harness.ledger import Books
from harness.observers import Observers
from harness.plan import Plan
from harness.protocols import Student, Teacher
from harness.records import Json, Request, Skill, Usage
from harness.setting import KEY


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found."""

    rebuilt: int
    """Files that were made again."""
    differing: tuple[str, ...]
    """``name: what is wrong``, for each that is not the same in the run directory."""


def replay(run_dir: Path) -> Replayed:
    """Rebuilds the files of a run in a folder of its own, and compares.

    Raises UsageError if the plan cannot be followed here or the run is not finished, and JournalError for an effect
    that is not recorded.
    """
    plan = plans.read(run_dir / layout.PLAN)
    crew = assemble(plan, plans.reload(plan))
    try:
        journal = Recording(run_dir / layout.JOURNAL)
    except OSError as error:
        raise UsageError(f"{run_dir}: {layout.JOURNAL}: {error.strerror}; expected the directory of a run") from error
    try:
        with tempfile.TemporaryDirectory() as folder:
            _rebuild(plan, _mute(plan, crew, journal), journal, Path(folder))
            return _compared(Path(folder), run_dir)
    except JournalError as error:
        if not (run_dir / layout.RESULT).exists() and journal.recorded("plan") in (None, plan.sha256):
            raise UsageError(validation.unfinished(run_dir)) from error
        raise
    finally:
        journal.close()


def _rebuild(plan: Plan, crew: Crew, journal: Recording, folder: Path) -> None:
    books = Books(journal, crew.teacher.cost, None)
    findings = Experiment(plan, crew, journal, books, folder, Observers([])).run()
    written = result.write(folder, plan, crew, findings)
    report.write(folder, written, runs.write(folder))


def _compared(rebuilt: Path, run_dir: Path) -> Replayed:
    names = sorted(path.relative_to(rebuilt).as_posix() for path in rebuilt.rglob("*") if path.is_file())
    differing = []
    for name in names:
        try:
            path = files.inside(run_dir, name)
            if not path.is_file():
                differing.append(f"{name}: is missing")
            elif path.read_bytes() != (rebuilt / name).read_bytes():
                differing.append(f"{name}: is not what plan and journal give")
        except ValueError as error:
            differing.append(f"{name}: {error}")
    return Replayed(len(names), tuple(differing))


def _mute(plan: Plan, crew: Crew, journal: Recording) -> Crew:
    """The crew with those who act replaced by what is recorded of them. Raises JournalError for another plan."""
    setting = journal.recorded(KEY)
    if setting is None or journal.recorded("plan") != plan.sha256:
        raise JournalError("plan.json is not the plan that the journal was begun with; restore it")
    teacher, student = setting["teacher"], setting["student"]
    return replace(
        crew,
        teacher=_Teacher(teacher, crew.teacher) if teacher else crew.teacher,
        student=_Student(student["identity"], student["batch_size"], crew.student) if student else crew.student,
        trainer=_Trainer(setting["trainer"]),
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

    preflight = generate = probe = _never


@dataclass(frozen=True)
class _Trainer:
    """What is recorded of a trainer."""

    settings: Mapping[str, Json]

    preflight = train = _never
