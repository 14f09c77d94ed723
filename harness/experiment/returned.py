"""What plugins return while a run goes on, looked at before it is recorded: no journal holds what it cannot read.

Each function gives the value back, or raises PluginError, which names the plugin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from harness.api import (
    Completion,
    Example,
    JournalEntry,
    PluginError,
    Practice,
    Request,
    Stop,
    Strategy,
    TrainingReport,
    Usage,
)
from harness.boundary import folders
from harness.boundary.text import one_line
from harness.registry.violations import of_count, of_object, of_text, shown

MOST_TOKENS = 10**12
USAGE = tuple(field.name for field in fields(Usage))


def completion(named: str, value: object, awaited: set[str]) -> Completion:
    """A completion for one of the keys that are awaited; takes its key from them."""
    wrong = next(_of_completion(value, awaited), None)
    if wrong is not None or not isinstance(value, Completion):
        raise _broken(named, f"gave a completion that {wrong}")
    awaited.discard(value.key)
    return value


def _of_completion(value: object, awaited: set[str]) -> Iterator[str]:
    if not isinstance(value, Completion):
        yield f"is {shown(value)}, expected a Completion"
        return
    if not isinstance(value.key, str) or value.key not in awaited:
        yield f"has the key {shown(value.key)}, which was not asked for, or had been answered"
    if value.stop not in get_args(Stop):
        yield f"has the stop {shown(value.stop)}, expected one of {', '.join(get_args(Stop))}"
    yield from (
        f"has a {name} that is {shown(made)}, expected text"
        for name, made in _texts(value)
        if not isinstance(made, str)
    )
    if (value.error is None) == (value.stop == "error"):
        yield f"has the stop {value.stop!r} and the error {shown(value.error)}; one with a stop by error has one"
    yield from (f"has a usage that {wrong}" for wrong in of_usage(value.usage))


def _texts(value: Completion) -> Iterator[tuple[str, object]]:
    yield "text", value.text
    yield "model", value.model
    if value.error is not None:
        yield "error", value.error


def of_usage(value: object) -> Iterator[str]:
    """Why a value is no usage that can be booked."""
    if not isinstance(value, Usage):
        yield f"is {shown(value)}, expected a Usage"
        return
    for name in USAGE:
        count = getattr(value, name)
        if name == "batched":
            if not isinstance(count, bool):
                yield f"has batched = {shown(count)}, expected True or False"
        else:
            yield from (f"has {name} that {wrong}" for wrong in of_count(count, most=MOST_TOKENS - 1))


def replies(named: str, value: object, batch: Sequence[Request]) -> list[Completion]:
    """A student's replies to a batch: one for each prompt, in its order."""
    if not isinstance(value, list | tuple) or len(value) != len(batch):
        raise _broken(named, f"gave {shown(value)} for {len(batch)} prompts, expected as many completions")
    awaited = {request.key for request in batch}
    made = [completion(named, each, awaited) for each in value]
    if [each.key for each in made] != [request.key for request in batch]:
        raise _broken(named, f"gave its replies to {len(batch)} prompts in another order")
    return made


def strategy(named: str, value: object) -> Strategy:
    """A strategy of a reflection."""
    if not isinstance(value, Strategy):
        raise _broken(named, f"gave {shown(value)} as a strategy, expected a Strategy")
    counts = {name: getattr(value, name) for name in ("after_batch", "correct", "n")}
    wrong = [
        *(f"id {each}" for each in of_text(value.id, 1)),
        *(f"text {each}" for each in of_text(value.text)),
        *(f"parent {each}" for each in (of_text(value.parent, 1) if value.parent is not None else ())),
        *(f"{name} {each}" for name, count in counts.items() for each in of_count(count)),
    ]
    _refuse(named, "gave a strategy whose", wrong)
    if value.correct > value.n:
        raise _broken(named, f"gave strategy {value.id!r} with {value.correct} of {value.n} right")
    return value


def entry(named: str, value: object) -> JournalEntry:
    """A journal entry of a reflection."""
    if not isinstance(value, JournalEntry):
        raise _broken(named, f"gave {shown(value)} as a journal entry, expected a JournalEntry")
    wrong = [
        *(f"batch {each}" for each in of_count(value.batch, least=1)),
        *(f"n {each}" for each in of_count(value.n, least=1)),
        *(f"correct {each}" for each in of_count(value.correct)),
        *(f"{name} {each}" for name in ("strategy", "text") for each in of_text(getattr(value, name))),
    ]
    _refuse(named, "gave a journal entry whose", wrong)
    if value.correct > value.n:
        raise _broken(named, f"gave an entry on batch {value.batch} with {value.correct} of {value.n} right")
    return value


def report(named: str, value: object) -> TrainingReport:
    """What a trainer says of a training."""
    if not isinstance(value, TrainingReport):
        raise _broken(named, f"gave {shown(value)} as the report of a training, expected a TrainingReport")
    counts = ("examples", "steps", "supervised_tokens", "prompt_tokens", "truncated_rows", "peak_memory_bytes")
    unknown = ("supervised_prompt_tokens", "rows_without_loss")
    told = {name: getattr(value, name) for name in (*counts, *unknown)}
    wrong = [f"settings {each}" for each in of_object(value.settings)]
    wrong += [
        f"{name} {each}"
        for name, count in told.items()
        if count is not None or name in counts
        for each in of_count(count, most=MOST_TOKENS)
    ]
    if not isinstance(value.losses, list | tuple) or not all(map(_is_number, value.losses)):
        wrong.append(f"losses are {shown(value.losses)}, expected finite numbers")
    if value.practice is not None and not _is_practice(value.practice):
        wrong.append(f"practice is {shown(value.practice)}, expected a Practice with a number as divergence, or None")
    if not _is_number(value.seconds) or value.seconds < 0:
        wrong.append(f"seconds are {shown(value.seconds)}, expected a number")
    _refuse(named, "gave a report whose", wrong)
    return value


def change(named: str, value: object) -> float:
    """The largest change of a logit, as a student's probe gives it."""
    if not _is_number(value) or float(value) < 0:  # type: ignore[arg-type]  # a number by now
        raise _broken(named, f"gave {shown(value)} as the largest change of a logit, expected a number from 0")
    return float(value)  # type: ignore[arg-type]  # the same


def unfit(named: str, value: object, examples: Sequence[Example]) -> dict[str, str]:
    """Why rows cannot be trained on, by problem id."""
    known = {example.problem_id for example in examples}
    if not isinstance(value, Mapping) or not all(
        key in known and isinstance(reason, str) and reason for key, reason in value.items()
    ):
        raise _broken(named, f"gave {shown(value)} as what cannot be trained on, expected reasons by problem id")
    return {key: one_line(reason) for key, reason in value.items()}


def saved(named: str, folder: Path, name: str) -> None:
    """Raises PluginError unless a trainer has saved a file of that name, and nothing but plain files and folders."""
    for path, what in folders.foreign(folder):
        place = path.relative_to(folder).as_posix()
        raise _broken(named, f"left {what} in the folder of its adapter: {place}; an adapter is plain files of its own")
    if not (folder / name).is_file():
        raise _broken(named, f"saved no {name}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_practice(value: object) -> bool:
    return isinstance(value, Practice) and (value.divergence is None or _is_number(value.divergence))


def _refuse(named: str, what: str, wrong: Sequence[str]) -> None:
    if wrong:
        raise _broken(named, f"{what} {wrong[0]}")


def _broken(named: str, what: str) -> PluginError:
    return PluginError(one_line(f"{named} breaks its contract: it {what}"))
