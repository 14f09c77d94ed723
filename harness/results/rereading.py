"""Reads the replies of a run again: the plan is walked with the recorded effects, and what comes of it is compared.

It needs the plugins of the plan as they were, and calls neither teacher nor student nor trainer. Plugins are imported
by the names that the plan gives them, as for a replay: those that are installed, with options that they check
themselves. Whoever does not trust an installed plugin must not read its runs again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from harness.api import HarnessError
from harness.boundary import differences, filenames, files
from harness.boundary.faults import suspected
from harness.boundary.text import one_line
from harness.design import plan as plans
from harness.design.plan import Plan
from harness.experiment.procedure import Experiment
from harness.journal.ledger import RunLedger
from harness.journal.store import ReadOnlyJournal
from harness.measures.rows import Row
from harness.preflight import identity, replaying
from harness.preflight.components import Components, assemble
from harness.registry.observers import Observers
from harness.results import result as results
from harness.results.recorded import Unread, told

GIVES = "plan and journal give"


def differing(folder: Path, result: Row) -> Iterator[str]:
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
    with closing(ReadOnlyJournal(folder / filenames.JOURNAL)) as journal:
        sources = identity.recorded_sources(journal)
        if others := identity.changed(plan, sources):
            what = f"the source of {' and of '.join(others)} has changed since the run"
            yield Unread(one_line(f"the replies were not read again: {what}"))
            return
        try:
            with suspected("reading the replies again"):
                given, texts = _made(folder, plan, components, journal, sources)
        except HarnessError as error:
            said = one_line(f"the replies cannot be read again: {error}")
            yield said if identity.is_known(plan, sources) else Unread(said)
            return
    yield from _sections(result, given)
    yield from _files(folder, result, texts)


def _made(
    folder: Path,
    plan: Plan,
    components: Components,
    journal: ReadOnlyJournal,
    sources: Mapping[str, str | None] | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the result says besides its numbers, and the text of every file beside it."""
    recorded = replaying.components(plan, components, journal)
    ledger = RunLedger(journal, components.teacher.cost, None)
    data = Experiment(plan, recorded, journal, ledger, folder, Observers([])).run()
    problems, _, texts = results.rows_and_texts(plan, recorded, data)
    return files.plain(results.told(plan, recorded, data, problems, texts, sources)), texts


def _sections(result: Row, given: Row) -> Iterator[str]:
    said = {key: value for key, value in result.items() if key in given and key != "files"}
    given = {**given, "training": _as_old(said["training"], given["training"])}
    for place, was, now in differences.between(said, {key: given[key] for key in given if key != "files"}):
        yield f"{place}: says {told(was)}, {GIVES} {told(now)}"


def _as_old(said: Sequence[Row], given: Sequence[Row]) -> list[Row]:
    """The trainings without what a result that an earlier version wrote does not say of them."""
    if len(said) != len(given):
        return list(given)
    return [
        {key: now[key] for key in now if key in was}
        | {"examples": {key: value for key, value in now["examples"].items() if key in was["examples"]}}
        for was, now in zip(said, given, strict=True)
    ]


def _files(folder: Path, result: Row, texts: Mapping[str, str]) -> Iterator[str]:
    """The first line of each file that is another one. What is missing is told of elsewhere, if the result names it."""
    for name in sorted(texts.keys() ^ result["files"].keys()):
        yield f"files.{name}: {f'is named, but {GIVES} no such file' if name not in texts else 'is not named'}"
    for name, text in sorted(texts.items()):
        if (path := folder / name).is_file() and path.read_bytes() != text.encode():
            yield f"{name}: {_first(path.read_text('utf-8', 'replace').splitlines(), text.splitlines())}"


def _first(said: list[str], given: list[str]) -> str:
    """The first line that differs, with its first value where it is JSON."""
    pairs = zip(said, given, strict=False)
    number = next((at for at, (a, b) in enumerate(pairs, 1) if a != b), min(len(said), len(given)) + 1)
    try:
        was, now = (files.parse(lines[number - 1]) for lines in (said, given))
        place, first, second = differences.between(was, now)[0]
        return f"line {number}: {place or 'the line'}: says {told(first)}, {GIVES} {told(second)}"
    except (IndexError, ValueError):
        return f"line {number}: is not what {GIVES}"
