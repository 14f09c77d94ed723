"""One training of the student: through the journal, into a folder that takes its name only when it is whole.

What is trained on, and when, is for ``procedure`` to say.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.api import (
    ADAPTER_CARD,
    ADAPTER_WEIGHTS,
    Adapter,
    BudgetError,
    Completion,
    Continuing,
    Example,
    JournalError,
    Practising,
    Probing,
    Purpose,
    Request,
    Screening,
    TrainingReport,
    UsageError,
)
from harness.boundary import environment, files, folders, full_disk
from harness.boundary.text import one_line
from harness.experiment import returned
from harness.experiment.training.desk import RunDesk
from harness.journal import keys, run_dirs
from harness.journal.completions import restored, restored_report
from harness.journal.store import Journal
from harness.preflight.components import Components
from harness.registry.observers import Advance

MakeDesk = Callable[[Path, Callable[[], AbstractContextManager[None]]], RunDesk]
"""Makes the desk of a training, from its folder and what shows hidden keys again."""


def train(
    journal: Journal,
    components: Components,
    folder: Path,
    examples: Sequence[Example],
    seed: int,
    telling: AbstractContextManager[Advance],
    start: Adapter | None = None,
    desk: MakeDesk | None = None,
) -> tuple[Adapter, TrainingReport]:
    """Trains an adapter into a folder, or finds it trained. ``telling`` is entered only for a training that is done.

    ``start``: the adapter that it is trained further from. ``desk``: where a trainer that practises works, when it
    starts anew. Raises JournalError for an adapter that is not as its
    training left it, PluginError for one that is not whole or not of plain files, and UsageError where the disk is full
    or where the trainer cannot go on from an adapter.
    """
    given = {
        "student": components.student.identity,
        "trainer": components.trainer.settings,
        "examples": examples,
        "seed": seed,
    }
    if start is not None:
        given["start"] = start.sha256
    value = journal.once(
        keys.training(folder.name), given, lambda: _perform(components, start, desk, folder, examples, seed, telling)
    )
    if journal.live:
        check(folder, value["files"])
        for asked in value.get("asked", {}):
            journal.take_over(asked)
    return Adapter(folder, value["adapter"]), restored_report(value)


def asked(journal: Journal, name: str) -> Iterator[tuple[Purpose, Completion]]:
    """What the teacher was asked in a training that is recorded: what it was for, and the reply."""
    for key, purpose in journal.recorded(keys.training(name)).get("asked", {}).items():
        if (value := journal.recorded(key)) is None:
            raise JournalError(f"the journal holds no record of {key}, which the training {name} asked; restore it")
        yield purpose, restored(value)


def probe(journal: Journal, components: Components, adapter: Adapter, requests: Sequence[Request]) -> float | None:
    """The largest absolute change of a logit that an adapter makes on these prompts; None where none can be seen."""
    key, student = keys.probe(adapter.folder.name), components.student
    if not isinstance(student, Probing):
        seen: float | None = journal.recorded(key)
        return seen
    change: float = journal.once(
        key,
        {"adapter": adapter.sha256},
        lambda: returned.change(components.named["student"], student.probe(requests, adapter)),
    )
    return change


def unfit(journal: Journal, components: Components, rows: Sequence[Sequence[Example]]) -> Mapping[str, str]:
    """Why some of these rows, a list for each training, cannot be trained on, by problem id.

    Recorded, so that a replay needs no trainer. A run that recorded nothing of the kind has left nothing out.
    """
    key, trainer = keys.unfit(files.digest(rows)), components.trainer
    if not isinstance(trainer, Screening):
        return journal.recorded(key) or {}
    given = {"student": components.student.identity, "trainer": trainer.settings}

    def look() -> dict[str, str]:
        named, found = components.named["trainer"], dict[str, str]()
        for examples in rows:
            found |= returned.unfit(named, trainer.unfit(components.student, examples), examples)
        return found

    told: Mapping[str, str] = journal.once(key, given, look)
    return told


def _work(components: Components, start: Adapter | None, desk: RunDesk | None) -> Callable[..., TrainingReport]:
    """What of the trainer does a training: it is given the examples, the seed, the folder and the listener."""
    student, trainer = components.student, components.trainer
    if desk is not None and isinstance(trainer, Practising):
        return partial(trainer.practise, student, desk)
    if start is None:
        return partial(trainer.train, student)
    if not isinstance(trainer, Continuing):
        named = components.named["trainer"]
        raise UsageError(f"{named} cannot train an adapter further; choose one that can")
    check(start.folder, {ADAPTER_WEIGHTS: start.sha256})
    return partial(trainer.train_further, student, start)


def _perform(
    components: Components,
    start: Adapter | None,
    desk: MakeDesk | None,
    folder: Path,
    examples: Sequence[Example],
    seed: int,
    telling: AbstractContextManager[Advance],
) -> Mapping[str, object]:
    """Trains an adapter, and gives its folder its name once it is whole.

    Each attempt has a folder of its own: what a process of an earlier one still writes gets nowhere near it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    named = components.named["trainer"]
    if start is not None or not isinstance(components.trainer, Practising):
        desk = None
    try:
        with _full_disk_told(named, folder):
            unfinished = run_dirs.unfinished(folder)
            with telling as advance, environment.hidden() as taken:
                held = desk(unfinished, partial(environment.shown, taken)) if desk else None
                work = _work(components, start, held)
                report = work(
                    examples,
                    seed,
                    unfinished,
                    lambda step, steps, loss: advance(step, total=steps, note=f"loss {loss:.3f}"),
                )
            returned.report(named, report)
            report = replace(report, practice=held.practice(report.practice) if held else None)
            returned.saved(named, unfinished, ADAPTER_WEIGHTS)
            folders.sync_tree(unfinished)
            unfinished.rename(folder)
            folders.sync_folder(folder.parent)
            folders.sync_folder(folder.parent.parent)  # where the folder of all adapters may be new
    finally:
        run_dirs.remove_unfinished(folder.parent)
    left = _left(folder)
    value = {"adapter": left[ADAPTER_WEIGHTS], "files": left, "report": files.plain(report)}
    return value | {"asked": held.asked} if held else value


@contextmanager
def _full_disk_told(named: str, folder: Path) -> Iterator[None]:
    """Raises UsageError for a disk that is full, whoever finds it out in whatever words."""
    try:
        yield
    except Exception as error:
        full = full_disk.told(error, folder)
        if full is None or isinstance(error, BudgetError):
            raise
        raise UsageError(
            one_line(f"{full}, while {named} trained {folder.name}; free some room there, then go on with --resume")
        ) from error


def _left(folder: Path) -> dict[str, str]:
    """The digest of every file that a training left, at any depth, by its path in the folder."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: files.file_digest(path) for name, path in found.items() if name != ADAPTER_CARD}


def check(folder: Path, trained: Mapping[str, str]) -> None:
    """Raises JournalError unless every file that the training left is in its folder as it was."""
    for name, digest in trained.items():
        if not (folder / name).is_file():
            raise JournalError(f"{folder}: {name} of the trained adapter is missing; restore it or start a new run")
        if files.file_digest(folder / name) != digest:
            raise JournalError(f"{folder}: {name} is not the one that was trained; restore it or start a new run")
