"""Holds a result and its rows against the journal beside it: what was recorded is what they must tell.

Needs no plugin: a digest, a stop or a model id can be compared without knowing what a reply means. What needs the
plugins of the run is in ``rereading``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import ADAPTER_WEIGHTS, Design, JournalError, Learn
from harness.boundary import differences, filenames, files, folders
from harness.boundary.text import shortened
from harness.design import designs
from harness.design.designs import trained_name
from harness.journal import encoding, keys
from harness.journal.encoding import Record
from harness.journal.store import ReadOnlyJournal
from harness.measures import accounts
from harness.measures.rows import Row
from harness.preflight import identity

LONGEST = 200
"""Characters of a value that are told."""
OUTCOMES = {
    "end": ("answered", "unparsed"),
    "length": ("truncated",),
    "refusal": ("refused",),
    "error": ("failed",),
}
"""What can become of a reply, by how it stopped."""
Reply = tuple[Mapping[str, Any], Record]
"""A completion as it is recorded, and the record that it is in."""


class Unchecked(str):
    """What could not be checked, because what it rests on is not there: no contradiction, and no agreement."""

    __slots__ = ()


class Unread(Unchecked):
    """That the replies could not be read again, because the plugins of the run are not at hand."""

    __slots__ = ()


def told(value: Any) -> str:
    """A value in a message: as much of it as is of use there."""
    return shortened(repr(value), LONGEST)


def opened(folder: Path) -> ReadOnlyJournal | str:
    """The journal in a folder; else what is wrong with it, as ``Unchecked`` where there is none to be read."""
    try:
        path = folders.inside(folder, filenames.JOURNAL)
    except ValueError as error:
        return f"{filenames.JOURNAL}: {error}"
    if not path.exists():
        return Unchecked(f"{filenames.JOURNAL}: is not beside the result, so nothing can be held against it")
    try:
        return ReadOnlyJournal(path)
    except JournalError as error:
        return f"{filenames.JOURNAL}: {str(error).removeprefix(f'{path}: ')}"
    except OSError as error:
        return Unchecked(f"{filenames.JOURNAL}: {error.strerror}, so nothing can be held against it")


def differing(folder: Path, journal: ReadOnlyJournal, result: Mapping[str, Any], sound: bool) -> Iterator[str]:
    """Where a result, or the rows beside it if they are ``sound``, is not what the journal beside them holds."""
    replies = _Replies(journal)
    yield from _head(journal, result, replies)
    yield from _trainings(folder, journal, result)
    if sound and filenames.ITEMS in result["files"]:
        yield from _answers(folder, result, replies)
    if sound and filenames.THOUGHTS in result["files"]:
        yield from _demonstrations(folder, replies)


def another_result(journal: ReadOnlyJournal, result: Mapping[str, Any]) -> Iterator[str]:
    """Where the journal notes another result than this one; versions that noted none recorded no sources either."""
    noted = [key for key in journal.keys if key.startswith(keys.RESULTS)]
    if not noted and identity.recorded_sources(journal) is not None:
        yield Unchecked(f"{filenames.JOURNAL}: does not say which result was written; resume the run to its end")
    elif noted and noted[-1] != keys.result(files.digest(result)):
        yield f"{filenames.JOURNAL}: notes another result than this one"


def _head(journal: ReadOnlyJournal, result: Mapping[str, Any], replies: _Replies) -> Iterator[str]:
    """Plan, identities and sources."""
    if journal.recorded(keys.PLAN) != files.digest(result["plan"]):
        yield "plan: is not the one that the journal was begun with"
    known = journal.recorded(keys.IDENTITY)
    if known is None:
        yield Unchecked(f"{filenames.JOURNAL}: does not say who answered")
        return
    acted = {
        "teacher": replies.of_teacher,
        "student": replies.of_student,
        "trainer": any(journal.trainings()),
    }
    recorded = {**known, "student": known["student"] and known["student"]["identity"]}
    given = {part: recorded[part] if acted[part] else None for part in acted}
    yield from _differences(result["identities"], given, "identities")
    yield from _differences(result.get("sources"), identity.recorded_sources(journal), "sources")


def _answers(folder: Path, result: Mapping[str, Any], replies: _Replies) -> Iterator[str]:
    """Where an item is not the reply of the record, or a reply of the record has no item."""
    design, found = designs.of(result), set()
    for number, row in enumerate(files.stream_lines(folder / filenames.ITEMS), 1):
        if design.voters(row["arm"]):
            continue  # nobody was asked: that it follows from the rows of its voters is seen with the rows
        place = f"{_asked(result, row)}/{row['problem']}"
        found.add(place)
        if place in replies.places:
            told_of = _misquoted(row, *replies.to(place))
        else:
            told_of = iter([f"the journal holds no reply of {row['arm']} to {row['problem']}"])
        yield from (f"{filenames.ITEMS}: line {number}: {what}" for what in told_of)
    learning = {f"{name}/" for name in _learning(design, result)}
    problems = [row["id"] for row in files.stream_lines(folder / filenames.PROBLEMS)]
    tried = {f"{beginning}{name}" for beginning in learning for name in problems}
    for place in sorted(replies.places.keys() - found):
        # what a reflection asks besides has keys of its own choice
        asked_besides = not replies.is_students(place) and any(map(place.startswith, learning)) and place not in tried
        if not asked_besides:
            yield f"{filenames.ITEMS}: has no row for the recorded reply {place}"


def _learning(design: Design, result: Mapping[str, Any]) -> Iterator[str]:
    """Under which names a reflection asks: those of the arms that its calls are counted with, for each seed."""
    seeds = sorted({training["training_seed"] for training in result["training"]})
    for step in design.walk:
        if isinstance(step, Learn):
            yield step.arm
            yield from (trained_name(step.arm, seed, seeds[0]) for seed in seeds if design.by_seed(step))


def _asked(result: Mapping[str, Any], row: Row) -> str:
    """Under which name the record has the replies of an item's arm."""
    if row["training_seed"] is None or not result["training"]:
        return str(row["arm"])
    return accounts.answering_name(result, row)


class _Replies:
    """What teacher and student answered, found in one reading of a journal."""

    def __init__(self, journal: ReadOnlyJournal) -> None:
        self._journal = journal
        self._last: Record | None = None
        self.of_teacher = self.of_student = False
        self.places: dict[str, tuple[str, int | None]] = {}
        """By who was asked, and the problem: the key of the record, and the position in it where it is a batch."""
        self.demonstrations: dict[str, str] = {}
        """The text of each worked solution, by its key."""
        for record in journal.records:
            if _is_batch(record):
                self.of_student = True
                name = record.key.rpartition("/")[0].rpartition("/")[0]
                for position, completion in enumerate(record.value["completions"]):
                    self.places[f"{name}/{completion['key']}"] = record.key, position
            elif _is_teachers(record):
                self.of_teacher = True
                if record.key.startswith("demonstrate/"):
                    self.demonstrations[record.key] = record.value["text"]
                elif not record.key.startswith(keys.PRACTICE):
                    self.places[record.key] = record.key, None

    def is_students(self, place: str) -> bool:
        """Whether the student gave the answer."""
        return self.places[place][1] is not None

    def to(self, place: str) -> Reply:
        """The answer, and the record that it is in."""
        key, position = self.places[place]
        if self._last is None or self._last.key != key:
            self._last = self._journal.record(key)
        value = self._last.value
        return value if position is None else value["completions"][position], self._last


def _is_batch(record: Record) -> bool:
    return {"adapter", "model", "messages"} <= record.input.keys()


def _is_teachers(record: Record) -> bool:
    return {"model", "messages"} <= record.input.keys() and "adapter" not in record.input


def _misquoted(row: Row, completion: Mapping[str, Any], record: Record) -> Iterator[str]:
    """Where an item does not tell what is recorded of its reply."""
    if row["text_sha256"] != hashlib.sha256(completion["text"].encode()).hexdigest():
        yield "text_sha256 is not that of the recorded reply"
    if row["outcome"]["kind"] not in OUTCOMES[completion["stop"]]:
        yield f"outcome is {row['outcome']['kind']}, but the recorded reply ended with {completion['stop']}"
    for key in ("model", "usage"):
        if row[key] != completion[key]:
            yield from _differences(row[key], completion[key], key)
    if _is_batch(record) and record.input["adapter"] != files.digest(row["adapter_sha256"]):
        yield "adapter_sha256 is not that of the adapter that answered"
    if _is_teachers(record) and record.input["messages"] != row["prompt_sha256"]:
        yield "prompt_sha256 is not that of the recorded prompt"


def _demonstrations(folder: Path, replies: _Replies) -> Iterator[str]:
    """Where a worked solution is not the recorded one."""
    said = {
        f"demonstrate/{row['arm'].removeprefix('demonstrations/')}/{row['problem']}": row["text"]
        for row in files.stream_lines(folder / filenames.THOUGHTS)
        if row["arm"].startswith("demonstrations/")
    }
    for key, text in sorted(replies.demonstrations.items()):
        if said.get(key) != text:
            yield f"{filenames.THOUGHTS}: does not hold the recorded reply {key}"


def _trainings(folder: Path, journal: ReadOnlyJournal, result: Mapping[str, Any]) -> Iterator[str]:
    """Where a training is not told as the record has it, or left other files; the weights are told of elsewhere."""
    named = set()
    for index, training in enumerate(result["training"]):
        name = accounts.training_name(result, training)
        named.add(name)
        made, change = journal.recorded(keys.training(name)), journal.recorded(keys.probe(name))
        if made is None:
            yield f"{filenames.JOURNAL}: holds no training {name}"
            continue
        given = accounts.trained(made["report"], change) | {"adapter_sha256": made["adapter"]}
        yield from _differences({key: training.get(key) for key in given}, given, f"training[{index}]")
        yield from _rows(folder, journal, name, training)
        yield from _changed(folder, f"{filenames.ADAPTERS}/{name}", made["files"])
    for name, _ in journal.trainings():
        if name not in named:
            yield f"training: does not tell of the recorded training {name}"


def _rows(folder: Path, journal: ReadOnlyJournal, name: str, training: Mapping[str, Any]) -> Iterator[str]:
    """Where the rows that an adapter was trained on, or its seed, are others. A missing file is told of elsewhere."""
    path = folder / filenames.examples(name)
    now: dict[str, Any] = {"seed": training["training_seed"]}
    try:
        rows = files.read_lines(path) if path.is_file() else []
    except (OSError, ValueError):
        rows = []  # told of where the rows are counted
    if rows and all(isinstance(row, dict) for row in rows):
        now["examples"] = rows
    given = journal.input(keys.training(name))
    for part, digest in encoding.digests(now).items():
        if part in given and given[part] != digest:
            where = str(path.relative_to(folder)) if part == "examples" else f"training {name}: {part}"
            yield f"{where}: is not what the adapter was trained with"


def _changed(folder: Path, adapter: str, trained: Mapping[str, str]) -> Iterator[str]:
    """A trainer may name its files as it likes, as long as they lie in the adapter's own folder."""
    for name in sorted(trained.keys() - {ADAPTER_WEIGHTS}):
        path = folder / adapter / name
        try:
            within = path.resolve().is_relative_to(folder.resolve() / adapter)
        except ValueError:  # no name at all, with a null byte in it
            within = False
        if not within:
            yield f"{adapter}/{name}: leads out of the adapter's folder"
        elif not path.is_file():
            if path.parent.is_dir():  # the weights stand for an adapter that is missing as a whole
                yield f"{adapter}/{name}: is missing"
        elif (found := files.file_digest(path)) != trained[name]:
            yield f"{adapter}/{name}: has digest {found}, the journal says {trained[name]}"


def _differences(said: Any, recorded: Any, path: str) -> Iterator[str]:
    for place, was, now in differences.between(said, recorded, path):
        yield f"{place}: says {told(was)}, the journal {told(now)}"
