"""A run and the source of its plugins: what was measured stays what it was, whatever they have become since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness import run
from harness.api import CallError, UsageError
from harness.audit import EXIT_BLOCKED
from harness.boundary import files
from harness.cli import main
from harness.design.plan import UserSettings
from harness.journal.encoding import Record
from harness.journal.store import ReadOnlyJournal
from harness.preflight import identity
from harness.registry.observers import Observers
from harness.results.checking import validation
from tests.conftest import ToyRun
from tests.harness.audit.journal import reseal

CHANGED = "the source of task 'parity' (harness-toys 1.0, tests.toys)"


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Gives the task's package another source."""

    def edit() -> None:
        before = identity.sources
        monkeypatch.setattr(identity, "sources", lambda plan: before(plan) | {"task": "f" * 64})

    return edit


def _state(run_dir: Path) -> dict[str, bytes]:
    """Every file but the notes on sessions and the lock."""
    kept = {path for path in run_dir.rglob("*") if path.is_file() and path.name not in ("run_meta.json", "lock")}
    return {str(path): path.read_bytes() for path in kept}


def _command(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def _old(run_dir: Path) -> None:
    """Makes a journal what the version before would have written: without sources, and without a noted result."""
    journal = ReadOnlyJournal(run_dir / "journal.jsonl")
    records = [record for record in journal.records if not record.key.startswith("result/")]
    journal.close()
    setting = next(record for record in records if record.key == "setting")
    value = {key: part for key, part in setting.value.items() if key != "sources"}
    index = records.index(setting)
    records[index] = Record("setting", setting.input, value, final=True)
    reseal(run_dir / "journal.jsonl", records)
    result = files.read(run_dir / "result.json")
    del result["sources"]
    (run_dir / "result.json").write_text(files.pretty(result))


def test_the_digest_of_every_plugin_that_a_run_uses_is_in_its_journal_and_its_result(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    journal = ReadOnlyJournal(run_dir / "journal.jsonl")
    recorded = identity.recorded_sources(journal)
    journal.close()
    assert recorded is not None
    assert recorded.keys() == {"task", "verifier", "teacher", "student", "reflection", "trainer"}
    assert all(len(digest or "") == 64 for digest in recorded.values())
    assert files.read(run_dir / "result.json")["sources"] == recorded
    assert files.read(finished_run(out="part", stages=("student-base",)) / "result.json")["sources"].keys() == {
        "task",
        "verifier",
        "student",
    }


def test_an_unfinished_run_is_not_gone_on_with_under_another_source(
    toy_run: ToyRun, tmp_path: Path, edited: Callable[[], None]
) -> None:
    with pytest.raises(CallError):
        toy_run("teacher.trouble=silent")
    before = (tmp_path / "run" / "journal.jsonl").read_bytes()
    edited()
    done = _command("run", "--resume", str(tmp_path / "run"))
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert f"{CHANGED} has changed since" in line
    assert "take over what still holds by --fork" in line
    assert (tmp_path / "run" / "journal.jsonl").read_bytes() == before


def test_a_fork_takes_over_what_still_holds_under_another_source(
    toy_run: ToyRun, tmp_path: Path, edited: Callable[[], None]
) -> None:
    marker = tmp_path / "effects"
    origin = toy_run(f"teacher.marker={marker}")
    asked = marker.read_text()
    edited()
    plan, components = run.prepare_fork(origin, UserSettings())
    run.start(plan, components, tmp_path / "fork", Observers([]), origin=origin)
    assert marker.read_text() == asked
    assert files.read(tmp_path / "fork" / "result.json")["sources"]["task"] == "f" * 64


def test_a_finished_run_is_told_of_again_and_no_file_of_it_is_written(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    before, meta = _state(run_dir), files.read(run_dir / "run_meta.json")
    done = _command("run", "--resume", str(run_dir))
    assert done.exit_code == EXIT_BLOCKED
    assert "this run is finished: nothing is done again" in " ".join(done.stderr.split())
    assert "student-lora" in done.stdout
    assert _state(run_dir) == before
    now = files.read(run_dir / "run_meta.json")
    assert [now[key] for key in ("training", "economy", "warnings")] == [
        meta[key] for key in ("training", "economy", "warnings")
    ]


def test_a_parser_that_is_mended_later_changes_nothing_of_a_finished_run(
    toy_run: ToyRun, edited: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = toy_run()
    before = _state(run_dir)
    monkeypatch.setattr("tests.toys.Parity.parse", lambda _self, reply: "ODD" if "EVEN" in reply else "EVEN")
    edited()
    done = _command("run", "--resume", str(run_dir))
    assert done.exit_code == EXIT_BLOCKED
    assert f"{CHANGED} has changed since this run" in " ".join(done.stderr.split())
    assert _state(run_dir) == before
    (run_dir / "result.json").unlink()
    assert _command("run", "--resume", str(run_dir)).exit_code == 2
    assert not (run_dir / "result.json").exists()


@pytest.mark.parametrize("name", ["audit.json", "report.html", "result.json", "items.jsonl"])
def test_what_a_kill_left_undone_is_done_from_the_record(toy_run: ToyRun, tmp_path: Path, name: str) -> None:
    marker = tmp_path / "effects"
    run_dir = toy_run(*(f"{kind}.marker={marker}" for kind in ("teacher", "student", "trainer")))
    effects, before = marker.read_text(), _state(run_dir)
    (run_dir / name).unlink()
    if name == "items.jsonl":  # written before the result
        (run_dir / "result.json").unlink()
    run.resume(run_dir, Observers([]))
    assert _state(run_dir) == before
    assert marker.read_text() == effects


def test_a_result_that_was_changed_is_no_finished_run_and_made_anew(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    before = _state(run_dir)
    result = files.read(run_dir / "result.json")
    result["arms"][0]["correct"] += 1
    (run_dir / "result.json").write_text(files.pretty(result))
    run.resume(run_dir, Observers([]))
    assert _state(run_dir) == before


def test_a_run_of_a_version_that_recorded_no_sources_works_and_says_that_it_cannot_be_told(
    finished_run: ToyRun,
) -> None:
    run_dir = finished_run()
    _old(run_dir)
    assert validation.held(run_dir) == []
    (run_dir / "audit.json").unlink()
    told = _command("run", "--resume", str(run_dir))
    assert told.exit_code == EXIT_BLOCKED
    assert "whether the plugin has changed since the run began cannot be told" in " ".join(told.stderr.split())
    assert _command("replay", str(run_dir)).exit_code == 0
    assert _command("report", str(run_dir)).exit_code == 0
    assert _command("validate", str(run_dir)).exit_code == 0
    again = _command("run", "--resume", str(run_dir))
    assert "this run is finished" in " ".join(again.stderr.split())


def test_a_source_that_cannot_be_read_is_not_known_and_refuses_nothing(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.registry.sources.digest", lambda *_: None)
    run_dir = toy_run(stages=("student-base",))
    assert files.read(run_dir / "result.json")["sources"] == {"task": None, "verifier": None, "student": None}
    warnings: list[Any] = files.read(run_dir / "run_meta.json")["warnings"]
    assert identity.UNKNOWN in warnings
    monkeypatch.undo()


def test_a_changed_plan_is_still_refused_for_a_finished_run(finished_run: ToyRun, toy_site: Path) -> None:
    run_dir = finished_run()
    metadata = toy_site / "harness_toys-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.0", "2.0"))
    with pytest.raises(UsageError, match=r"version: was '1\.0', is '2\.0'"):
        run.resume(run_dir, Observers([]))
