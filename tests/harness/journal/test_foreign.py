"""A journal whose checksums fit and whose records do not: each ends a replay with one line, whatever is in it."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.api import HarnessError, JournalError, Usage
from harness.boundary import files
from harness.cli import main
from harness.journal import completions
from harness.journal.encoding import Record
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal, ReadOnlyJournal
from tests import hostile
from tests.conftest import ToyRun
from tests.harness.audit.journal import reseal

SAMPLES = (30, pytest.param(120, marks=pytest.mark.slow))
"""How many changes are tried of some thousand."""
WRONG: tuple[Any, ...] = (
    *(None, True, "", "x", -1, 0, 1.5, 10**299, -(10**299), 1e308, [], {}, [None], {"stop": "end"}, {"text": 3}),
    *("\ud800", "a\x1b[31mb", ["\udfff"], {"\ud800": 1}, "x" * 100_000, [[]] * 3, {"a": {"b": {"c": []}}}),
)
"""What a value is replaced by."""
SMALL = ("sizes.test=3", "sizes.reflect=2", "sizes.train=3", "sizes.harder=0", "sizes.skills=1")


def _read(run_dir: Path) -> list[Record]:
    """Every record of a journal, notes included."""
    found: list[Record] = []

    class Listening(ReadOnlyJournal):
        def _keep(self, record: Record, place: int) -> None:  # noqa: ARG002 - as the journal calls it
            found.append(record)

    Listening(run_dir / "journal.jsonl").close()
    return found


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value[:2]):
            yield from _places(inner, (*path, key))


def _put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A copy with another value at a place."""
    if not path:
        return other
    made = copy.deepcopy(value)
    inner = made
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = other
    return made


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    made = copy.deepcopy(value)
    inner = made
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return made


def _kinds(records: list[Record]) -> dict[tuple[str, ...], int]:
    """The place of the first record of each kind."""
    kinds: dict[tuple[str, ...], int] = {}
    for place, record in enumerate(records):
        kinds.setdefault((record.key.split("/")[0], *record.input), place)
    return kinds


def changes(records: list[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Every way to change one record of each kind, to take it out, to swap it or to give it another key."""
    kinds = _kinds(records)
    for kind, place in kinds.items():
        record = records[place]

        def changed(other: Record, place: int = place) -> list[Record]:
            return [*records[:place], other, *records[place + 1 :]]

        yield f"{kind} taken out", records[:place] + records[place + 1 :]
        yield f"{kind} not final", changed(replace(record, final=not record.final))
        for other in kinds.values():
            yield f"{kind} with the value of {records[other].key}", changed(replace(record, value=records[other].value))
            yield f"{kind} as {records[other].key}", changed(replace(record, key=records[other].key))
        for key in ("", "\ud800", "train/", "ledger/sending", "no such key", "setting"):
            yield f"{kind} as {key!r}", changed(replace(record, key=key))
        for path in _places(record.value):
            if path:
                yield f"{kind} without {path}", changed(replace(record, value=_without(record.value, path)))
            for wrong in WRONG:
                yield f"{kind} {path} {wrong!r:.40}", changed(replace(record, value=_put(record.value, path, wrong)))
        inputs: tuple[Any, ...] = ({}, {"input": 3}, {"model": [], "messages": {}}, {"model": "x", "messages": "y"})
        for given in inputs:
            yield f"{kind} input {given}", changed(replace(record, input=given))


def one_line_of(run_dir: Path, *arguments: str) -> str | None:
    """What is wrong with how a command ended, or None."""
    done = CliRunner().invoke(main, [*arguments, str(run_dir)])
    if not isinstance(done.exception, SystemExit | None):
        return f"raised {type(done.exception).__name__}: {done.exception}"
    if done.exit_code not in (0, 1, 2):
        return f"exit code {done.exit_code}"
    if done.exit_code and not done.stdout and len(done.stderr.splitlines()) != 1:
        return f"told {done.stderr!r}"
    if done.exit_code == 0 and arguments == ("replay",) and "same bytes" not in done.stdout:
        return f"told {done.stdout!r}"
    return str(found) if (found := hostile.on_terminal(done.output)) else None


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_journal_that_was_changed_and_sealed_again_ends_replay_and_validate_with_one_line(
    finished_run: ToyRun, sample: int
) -> None:
    run_dir = finished_run(*SMALL)
    records = _read(run_dir)
    tried = list(changes(records))
    assert len(tried) > 1000
    wrong = {}
    for name, changed in random.Random(3).sample(tried, sample):
        reseal(run_dir / "journal.jsonl", changed)
        for verb in ("replay", "validate"):
            if told := one_line_of(run_dir, verb):
                wrong[f"{verb}: {name}"] = told
    assert wrong == {}


def test_the_journal_of_another_run_ends_a_replay_with_one_line(finished_run: ToyRun) -> None:
    run_dir, other = finished_run(*SMALL), finished_run(*SMALL, out="other", seed=3)
    shutil.copy(other / "journal.jsonl", run_dir / "journal.jsonl")
    done = CliRunner().invoke(main, ["replay", str(run_dir)])
    assert (done.exit_code, done.stderr) == (
        1,
        "harness: plan.json is not the plan that the journal was begun with; restore it\n",
    )


@pytest.mark.parametrize(
    ("key", "path", "value", "told"),
    [
        ("student-base/test/batch-0000", ("completions", 0, "stop"), "done", "completions.0.stop: Input should be"),
        ("student-base/test/batch-0000", ("seconds",), -1, "seconds: Input should be greater than or equal to 0"),
        ("teacher-base/test/0000", ("usage", "input_tokens"), -1, "usage.input_tokens: Input should be greater than"),
        ("teacher-base/test/0000", ("usage", "input_tokens"), 10**299, "usage.input_tokens: Input should be less"),
        ("teacher-base/test/0000", ("text",), None, "text: Input should be a valid string"),
        ("train/student-lora", ("report", "steps"), "3", "report.steps: Input should be a valid integer"),
        ("probe/student-lora", (), "big", "Input should be a valid number"),
        ("setting", ("student",), 3, "student: Input should be"),
        ("plan", (), {}, "Input should be a valid string"),
        ("teacher-base/test/0000", ("text",), "\ud800", "half of a surrogate pair is no text"),
    ],
)
def test_a_record_that_does_not_hold_what_belongs_there_is_named(
    finished_run: ToyRun, key: str, path: tuple[Any, ...], value: Any, told: str
) -> None:
    run_dir = finished_run(*SMALL)
    records = _read(run_dir)
    changed = [replace(one, value=_put(one.value, path, value)) if one.key == key else one for one in records]
    reseal(run_dir / "journal.jsonl", changed)
    with pytest.raises(JournalError) as caught:
        ReadOnlyJournal(run_dir / "journal.jsonl")
    assert f"the record '{key}' does not hold what belongs there ({told}" in str(caught.value)
    with pytest.raises(JournalError, match="does not hold what belongs there"):
        Journal(run_dir / "journal.jsonl")


def test_replies_of_a_batch_that_are_not_those_asked_for_are_refused() -> None:
    one: dict[str, Any] = {"key": "test/0000", "text": "", "stop": "end", "model": "m", "usage": {}, "error": None}
    assert len(completions.restored_batch("b", {"completions": [one]}, ["test/0000"])) == 1
    for asked in (["test/0001"], [], ["test/0000", "test/0000"]):
        with pytest.raises(JournalError, match=r"the record 'b' .*its replies are not those to what was asked"):
            completions.restored_batch("b", {"completions": [one]}, asked)


def test_a_note_of_which_the_ledger_knows_nothing_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.note("foreign", 3)
    journal.note("ledger/sending", {"key": "plan", "attempt": 1, "worst_cost": None})
    journal.once("plan", None, lambda: "x")
    assert len(RunLedger(journal, lambda _: 0.0, None).in_doubt) == 1
    journal.close()


def test_what_a_provider_says_of_a_failure_is_kept_whatever_it_is(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    ledger = RunLedger(journal, lambda _: 0.0, None)
    ledger.failed("a", 1, "half \ud800", billed=False)
    ledger.note("batches", ["\udfff"])
    journal.close()
    again = Journal(tmp_path / "journal.jsonl")
    assert RunLedger(again, lambda _: 0.0, None).noted("batches") == ["\udfff"]
    again.close()


def test_what_a_trainer_reports_wrongly_is_refused_before_it_is_recorded(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    before = (tmp_path / "journal.jsonl").read_bytes()
    with pytest.raises(HarnessError, match=r"probe/a: a plugin gave what cannot be recorded \(Input should be a valid"):
        journal.once("probe/a", None, lambda: "large")
    assert (tmp_path / "journal.jsonl").read_bytes() == before
    journal.close()


@pytest.mark.parametrize("usage", [Usage(-1), Usage(10**12), Usage(True), Usage(1.5), Usage("3")])  # type: ignore[arg-type]
def test_a_count_that_none_can_be_is_refused_on_the_way_in(usage: Usage) -> None:
    from harness.api import Completion

    with pytest.raises(HarnessError, match="the reply to a has a stop, a text or a count that no reply can have"):
        completions.recordable(Completion("a", "", "end", "m", usage))


def test_what_is_recorded_reads_back_the_same(finished_run: ToyRun) -> None:
    run_dir = finished_run(*SMALL)
    before = (run_dir / "journal.jsonl").read_bytes()
    reseal(run_dir / "journal.jsonl", _read(run_dir))
    assert (run_dir / "journal.jsonl").read_bytes() == before
    assert files.read(run_dir / "result.json")["source"] == "run"
