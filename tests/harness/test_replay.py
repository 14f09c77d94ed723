from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.api import JournalError, UsageError
from harness.cli import main
from harness.run import replay
from tests.conftest import ToyRun


def test_a_run_replays_to_the_same_bytes_without_its_adapters_and_calls_nobody(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    run_dir = toy_run(*(f"{kind}.marker={marker}" for kind in ("teacher", "student", "trainer")))
    effects = marker.read_text()
    before = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    shutil.rmtree(run_dir / "adapters")
    found = replay(run_dir)
    assert found.differing == ()
    assert found.rebuilt >= 9
    assert marker.read_text() == effects
    after = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    assert after == {path: data for path, data in before.items() if "adapters" not in path.parts}


def test_a_run_in_which_calls_failed_replays_too(finished_run: ToyRun) -> None:
    assert replay(finished_run("teacher.trouble=fail", stages=("teacher-base",))).differing == ()


@pytest.mark.parametrize("name", ["result.json", "items.jsonl", "strategy.md", "examples/student-lora.jsonl"])
def test_a_file_that_was_changed_or_taken_away_is_named(finished_run: ToyRun, name: str) -> None:
    run_dir = finished_run()
    path = run_dir / name
    path.write_bytes(path.read_bytes() + b" ")
    assert replay(run_dir).differing == (f"{name}: is not what plan and journal give",)
    path.unlink()
    assert replay(run_dir).differing == (f"{name}: is missing",)
    path.symlink_to(run_dir / "plan.json")
    assert replay(run_dir).differing == (f"{name}: is a symbolic link; a run directory holds none",)


def test_a_run_that_did_not_end_is_refused(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    journal = run_dir / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-4]))
    with pytest.raises(JournalError, match="holds no record of lora-shuffled/test/batch-0000"):
        replay(run_dir)


def test_what_is_no_run_is_refused(tmp_path: Path, finished_run: ToyRun) -> None:
    with pytest.raises(UsageError, match=r"expected a run directory with a plan\.json"):
        replay(tmp_path)
    run_dir = finished_run()
    (run_dir / "journal.jsonl").unlink()
    with pytest.raises(UsageError, match=r"journal\.jsonl: No such file"):
        replay(run_dir)


def test_the_command_tells_and_exits_with_0_or_1(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    same = CliRunner().invoke(main, ["replay", str(run_dir)])
    assert same.exit_code == 0
    assert same.stdout.endswith("files rebuilt from plan and journal: the same bytes\n")
    (run_dir / "strategy.md").write_text("mine")
    other = CliRunner().invoke(main, ["replay", str(run_dir)])
    assert other.exit_code == 1
    assert other.stdout.endswith("  strategy.md: is not what plan and journal give\n")
