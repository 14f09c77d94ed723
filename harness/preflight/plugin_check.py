"""One plugin held to its contracts by itself, without a run: what ``harness plugin check`` tells.

The contracts are those that every run holds its plugins to before anything is spent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.api import Drifting, Task, UsageError, Verifier
from harness.boundary.text import one_line
from harness.design import planned
from harness.preflight import actor_contract, task_contract
from harness.preflight.contracts import violations
from harness.preflight.task_contract import Subject
from harness.registry import options, plugins
from harness.registry.plugins import Kind, Loaded, PluginRef, instantiate
from harness.registry.violations import Contract

SPLITS = ("test", "reflect", "train", "harder")
SEED = 0
WINDOWS = 3
"""Windows of a task that drifts: the first, one between, the last."""
Settings = Mapping[str, Mapping[str, Any]]
"""Options by section, as given."""


@dataclass(frozen=True, slots=True)
class Held:
    """One contract, and what breaks it."""

    rule: str
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of one plugin."""

    ref: PluginRef
    held: tuple[Held, ...]
    notes: tuple[str, ...] = ()
    """What could not be looked at, and why; what of it is large."""

    @property
    def sound(self) -> bool:
        """Whether every contract holds."""
        return not any(each.broken for each in self.held)


def check(kind: Kind[Any], name: str, settings: Settings, task: str, count: int) -> Checked:
    """Holds one plugin to the contracts of its kind.

    ``task`` names the task that a teacher or a reflection is made for; ``count`` problems of each split are looked at.
    Raises UsageError, PluginError for a plugin that cannot be loaded or made.
    """
    loaded = plugins.load(kind, name)
    match kind.name:
        case "task":
            return _task(loaded, settings, count)
        case "verifier":
            owner = _task_of(task, settings)
            return _verifier(loaded, settings, owner, count)
        case "teacher":
            made = _made(loaded, settings, _task_of(task, settings), SEED)
            return _actor(loaded, made, actor_contract.TEACHER, actor_contract.READY_TEACHER)
        case "student":
            return _actor(loaded, _made(loaded, settings), actor_contract.STUDENT, actor_contract.READY_STUDENT)
        case "reflection":
            made = _made(loaded, settings, _task_of(task, settings))
            return Checked(loaded.ref, _held(actor_contract.REFLECTION, made))
        case "trainer":
            return Checked(loaded.ref, _held(actor_contract.TRAINER, _made(loaded, settings)))
        case "design":
            planned.design(loaded, settings.get("design", {}))
            return Checked(loaded.ref, (Held("its arms can be run, and differ as its contrasts declare", ()),))
        case _:
            _made(loaded, settings)
            return Checked(loaded.ref, (Held("it can be loaded and made", ()),))


def _task(loaded: Loaded[Any], settings: Settings, count: int) -> Checked:
    verifier = plugins.load(plugins.VERIFIER, loaded.spec.verifier)
    task: Task = _made(loaded, settings, SEED)
    subject, notes = _subject(task, _made(verifier, settings, task), count)
    again = Subject(subject.task, subject.verifier, subject.problems, partial(_made, loaded, settings, SEED))
    held = _held(task_contract.OWN, subject)
    if any(each.broken for each in held):
        return Checked(loaded.ref, held, (*notes, "its truths were not looked at: first mend what is broken"))
    held += _held(task_contract.READ, again)
    if isinstance(task, Drifting):
        try:
            held += _held([task_contract.windows(WINDOWS, {"test": count, "train": count})], again)
        except UsageError as error:
            notes += (f"windows were not looked at: {one_line(str(error))}",)
    return Checked(loaded.ref, held, (*notes, *task_contract.large(subject)))


def _verifier(loaded: Loaded[Any], settings: Settings, task: Task, count: int) -> Checked:
    subject, notes = _subject(task, _made(loaded, settings, task), count)
    return Checked(loaded.ref, _held((*task_contract.TRUTHS, *task_contract.JUDGED), subject), notes)


def _actor(loaded: Loaded[Any], made: Any, known: Sequence[Contract], ready: Sequence[Contract]) -> Checked:
    held = _held(known, made)
    if any(each.broken for each in held):
        return Checked(loaded.ref, held)
    try:
        made.preflight()
    except UsageError as error:
        return Checked(
            loaded.ref, held, (f"not ready here, so its identity was not looked at: {one_line(str(error))}",)
        )
    return Checked(loaded.ref, held + _held(ready, made))


def _subject(task: Task, verifier: Verifier, count: int) -> tuple[Subject, tuple[str, ...]]:
    problems, notes = {}, []
    for split in SPLITS:
        try:
            problems[split] = task.problems(split, count)
        except UsageError as error:
            notes.append(f"{split} was not looked at: {one_line(str(error))}")
    return Subject(task, verifier, problems), tuple(notes)


def _task_of(name: str, settings: Settings) -> Task:
    made: Task = _made(plugins.load(plugins.TASK, name), settings, SEED)
    return made


def _made(loaded: Loaded[Any], settings: Settings, *given: Any) -> Any:
    section = loaded.ref.kind
    own = settings.get(section, {})
    if section in ("observer", "check"):
        section, own = f"{section}.{loaded.ref.name}", own.get(loaded.ref.name, {})
    resolved = options.resolve(loaded.spec, own, section)
    return instantiate(loaded.ref, lambda: loaded.spec.create(resolved, *given))


def _held(contracts: Iterable[Contract], subject: Any) -> tuple[Held, ...]:
    return tuple(Held(each.rule, tuple(dict.fromkeys(violations(each, subject)))) for each in contracts)
