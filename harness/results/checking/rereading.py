"""Reads the replies of a run again: the plan is walked with the recorded effects, and what comes of it is compared.

It needs the plugins of the plan as they were, and calls neither teacher nor student nor trainer. Plugins are imported
by the names that the plan gives them, as for a replay: those that are installed, with options that they check
themselves. Whoever does not trust an installed plugin must not read its runs again.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.api import HarnessError
from harness.boundary import differences, filenames, files, schemas
from harness.boundary.faults import suspected
from harness.boundary.text import one_line
from harness.design import plan as plans
from harness.design.plan import Plan
from harness.experiment.context import RunContext
from harness.experiment.procedure import Experiment
from harness.journal.ledger import RunLedger
from harness.journal.store import ReadOnlyJournal
from harness.measures.kept import Kept
from harness.preflight import identity, replaying
from harness.preflight.components import Components, assemble
from harness.registry.observers import Observers
from harness.results import result as results
from harness.results.checking.recorded import Unread, told

GIVES = "plan and journal give"
LATER = ("solutions", "agreement")
"""Sections that a result of schema 1 does not have."""


def differing(folder: Path, journal: ReadOnlyJournal, result: Mapping[str, Any]) -> Iterator[str]:
    """Where the files of a run, or what its result says besides its numbers, is not what the replies give.

    The plan must be that of the result, and the journal sound. An ``Unread`` where the plugins are not those of the
    run, as far as it has recorded which they were.
    """
    try:
        plan = plans.read(folder / filenames.PLAN)
        components = assemble(plan, plans.reload(plan))
    except HarnessError as error:
        yield Unread(one_line(f"the replies were not read again: {error}"))
        return
    sources = identity.recorded_sources(journal)
    if others := identity.changed(plan, sources):
        what = f"the source of {' and of '.join(others)} has changed since the run"
        yield Unread(one_line(f"the replies were not read again: {what}"))
        return
    try:
        with suspected("reading the replies again"):
            found = list(_differing(folder, result, plan, components, journal, sources))
    except HarnessError as error:
        said = one_line(f"the replies cannot be read again: {error}")
        yield said if identity.is_known(plan, sources) else Unread(said)
        return
    yield from found


def _differing(
    folder: Path,
    result: Mapping[str, Any],
    plan: Plan,
    components: Components,
    journal: ReadOnlyJournal,
    sources: Mapping[str, str | None] | None,
) -> Iterator[str]:
    """Where it is another one: what the result says besides its numbers, then the files beside it."""
    recorded = replaying.components(plan, components, journal)
    ledger = RunLedger(journal, components.teacher.cost, None)
    data = Experiment(RunContext(plan, recorded, journal, ledger, folder, Observers([]))).run()
    rows = Kept() if data.trainings else None
    others = list(_files(folder, result, results.pieces(plan, recorded, data, rows)))
    yield from _sections(result, files.plain(results.told(plan, recorded, data, rows or Kept(), sources)))
    yield from others


def _sections(result: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    said = {key: value for key, value in result.items() if key in given}
    if said["schema"] == schemas.FIRST_RESULT:
        given = {key: value for key, value in given.items() if key not in LATER} | {"schema": schemas.FIRST_RESULT}
    given = {**given, **{key: _as_old(said[key], given[key]) for key in ("learning", "training")}}
    for place, was, now in differences.between(said, given):
        yield f"{place}: says {told(was)}, {GIVES} {told(now)}"


def _as_old(said: Any, given: Any) -> Any:
    """What is given without what a result that an earlier version wrote does not say of it."""
    if isinstance(said, Mapping) and isinstance(given, Mapping):
        return {key: _as_old(said[key], value) for key, value in given.items() if key in said}
    if isinstance(said, list) and isinstance(given, list) and len(said) == len(given):
        return [_as_old(was, now) for was, now in zip(said, given, strict=True)]
    return given


def _files(folder: Path, result: Mapping[str, Any], texts: Mapping[str, str | Iterable[str]]) -> Iterator[str]:
    """The first line of each file that is another one. What is missing is told of elsewhere, if the result names it."""
    for name in sorted(texts.keys() ^ result["files"].keys()):
        yield f"files.{name}: {f'is named, but {GIVES} no such file' if name not in texts else 'is not named'}"
    for name, text in sorted(texts.items()):
        given = iter(io.BytesIO(text.encode()) if isinstance(text, str) else map(str.encode, text))
        if (path := folder / name).is_file() and (found := _first(path, given)):
            yield f"{name}: {found}"
        for _ in given:
            """What is left is taken all the same: the rows of a file are kept on their way."""


def _first(path: Path, given: Iterator[bytes]) -> str | None:
    """The first line that differs, with its first value where it is JSON."""
    with path.open("rb") as stream:
        for number, (was, now) in enumerate(itertools.zip_longest(stream, given), 1):
            if was != now:
                return f"line {number}: {_told_of(was, now)}"
    return None


def _told_of(was: bytes | None, now: bytes | None) -> str:
    try:
        said, given = (files.parse((line or b"").decode("utf-8", "replace").removesuffix("\n")) for line in (was, now))
        place, first, second = differences.between(said, given)[0]
        return f"{place or 'the line'}: says {told(first)}, {GIVES} {told(second)}"
    except (IndexError, ValueError):
        return f"is not what {GIVES}"
