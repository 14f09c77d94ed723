"""One training of the student: through the journal, into a folder that takes its name only when it is whole.

What is trained on, and when, is for ``procedure`` to say.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from harness.api import (
    ADAPTER_CARD,
    ADAPTER_WEIGHTS,
    Adapter,
    Example,
    JournalError,
    Request,
    Screening,
    TrainingReport,
)
from harness.boundary import files, secrets
from harness.experiment import returned
from harness.journal import keys
from harness.journal.completions import restored_report
from harness.journal.store import Journal
from harness.preflight.components import Components
from harness.registry.observers import Advance


def train(
    journal: Journal,
    components: Components,
    folder: Path,
    examples: Sequence[Example],
    seed: int,
    telling: AbstractContextManager[Advance],
) -> tuple[Adapter, TrainingReport]:
    """Trains an adapter into a folder, or finds it trained. ``telling`` is entered only for a training that is done.

    Raises JournalError for an adapter that is not as its training left it, and HarnessError for one without weights.
    """
    given = {
        "student": components.student.identity,
        "trainer": components.trainer.settings,
        "examples": examples,
        "seed": seed,
    }
    value = journal.once(
        keys.training(folder.name), given, lambda: _perform(components, folder, examples, seed, telling)
    )
    if journal.live:
        check(folder, value["files"])
    return Adapter(folder, value["adapter"]), restored_report(value)


def probe(journal: Journal, components: Components, adapter: Adapter, requests: Sequence[Request]) -> float:
    """The largest absolute change of a logit that an adapter makes on these prompts."""
    given = {"adapter": adapter.sha256}
    change: float = journal.once(
        keys.probe(adapter.folder.name),
        given,
        lambda: returned.change(components.named["student"], components.student.probe(requests, adapter)),
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


def _perform(
    components: Components,
    folder: Path,
    examples: Sequence[Example],
    seed: int,
    telling: AbstractContextManager[Advance],
) -> Mapping[str, object]:
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    for leftover in (unfinished, folder):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with telling as advance, secrets.hidden():
        report = components.trainer.train(
            components.student,
            examples,
            seed,
            unfinished,
            lambda step, steps, loss: advance(step, total=steps, note=f"loss {loss:.3f}"),
        )
    returned.report(components.named["trainer"], report)
    returned.saved(components.named["trainer"], unfinished, ADAPTER_WEIGHTS)
    files.sync_tree(unfinished)
    unfinished.rename(folder)
    files.sync_folder(folder.parent)
    files.sync_folder(folder.parent.parent)  # where the folder of all adapters may be new
    left = _left(folder)
    return {"adapter": left[ADAPTER_WEIGHTS], "files": left, "report": files.plain(report)}


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
