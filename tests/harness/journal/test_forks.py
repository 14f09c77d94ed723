from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import run
from harness.api import JournalError, UsageError
from harness.boundary import files
from harness.design.plan import UserSettings
from harness.registry.observers import Observers
from tests.conftest import ToyRun


def _fork(origin: Path, *assignments: str, out: str = "fork", **user: Any) -> Path:
    plan, components = run.prepare_fork(origin, UserSettings(user, assignments=assignments))
    run.start(plan, components, origin.with_name(out), Observers([]), origin=origin)
    return origin.with_name(out)


def _arms(run_dir: Path) -> list[Any]:
    return list(files.read(run_dir / "result.json")["arms"])


def test_a_fork_buys_only_what_its_origin_has_not(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    origin = toy_run(f"teacher.marker={marker}", out="origin")
    before = marker.read_text().splitlines()
    fork = _fork(origin, "sizes.test=15")
    bought = marker.read_text().splitlines()[len(before) :]
    assert sorted(bought) == [
        f"{stage}/test/{n:04d}" for stage in ("teacher-base", "teacher-strategy") for n in range(12, 15)
    ]
    whole = toy_run(f"teacher.marker={marker}", "sizes.test=15", out="whole")
    assert _arms(fork) == _arms(whole)


def test_a_fork_says_where_it_came_from_and_how_much_it_took_over(finished_run: ToyRun) -> None:
    origin = finished_run(out="origin")
    fork = _fork(origin, stages=("teacher-base", "bootstrap"))
    meta = files.read(fork / "run_meta.json")
    plan_sha256 = files.read(origin / "result.json")["plan_sha256"]
    assert meta["forked"] == {"run_id": "origin", "plan_sha256": plan_sha256, "answers": 12 + 6 + 1}
    assert str(origin.parent) not in (fork / "run_meta.json").read_text()
    assert meta["teacher"]["committed_usd"] == 0
    assert files.read(origin / "run_meta.json")["forked"] is None


def test_a_fork_that_was_interrupted_goes_on_without_its_origin(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    origin = toy_run(f"teacher.marker={marker}", out="origin")
    expected, asked = _arms(origin), marker.read_text()
    fork = _fork(origin)
    lines = (fork / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (fork / "journal.jsonl").write_bytes(b"".join(lines[:5]))
    origin.rename(tmp_path / "gone")
    run.resume(fork, Observers([]))
    assert _arms(fork) == expected
    assert marker.read_text() == asked
    assert files.read(fork / "run_meta.json")["forked"]["answers"] > 5


def test_an_answer_to_another_prompt_is_not_taken_over(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    origin = toy_run(f"teacher.marker={marker}", out="origin", stages=("teacher-base",))
    before = marker.read_text().splitlines()
    _fork(origin, seed="500")
    assert len(marker.read_text().splitlines()) == len(before) + 12


def test_a_call_that_failed_for_good_in_the_origin_is_made_again(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    sizes = ("sizes.reflect=12", "sizes.train=20")
    origin = toy_run("teacher.trouble=one", f"teacher.marker={marker}", *sizes, out="origin", stages=("bootstrap",))
    before = marker.read_text()
    fork = _fork(origin, "teacher.trouble=")
    assert marker.read_text().removeprefix(before).splitlines()[0] == "bootstrap/reflect/0003"
    (arm,) = _arms(fork)
    assert arm["outcomes"]["failed"] == 0


def test_what_is_no_run_cannot_be_forked(tmp_path: Path, finished_run: ToyRun) -> None:
    with pytest.raises(UsageError, match=r"expected a run directory with a plan\.json"):
        run.prepare_fork(tmp_path, UserSettings())
    origin = finished_run(out="origin")
    journal = origin / "journal.jsonl"
    journal.write_bytes(b"x" + journal.read_bytes())
    with pytest.raises(JournalError, match="line 1 is damaged"):
        _fork(origin)
    assert not (tmp_path / "fork").exists()
