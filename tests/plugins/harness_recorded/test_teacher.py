from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.api import CallError, HarnessError, Message, Request, Solve, UsageError
from harness.audit import EXIT_BLOCKED
from harness.boundary import files
from harness.cli import main
from harness.journal.replies import RecordedReplies
from harness_recorded.teacher import RecordedTeacher
from tests.conftest import ToyRun
from tests.toys import NoLedger, Parity


def _scores(run_dir: Path) -> dict[str, Any]:
    result = files.read(run_dir / "result.json")
    return {key: result[key] for key in ("arms", "contrasts", "learning", "problems")}


def test_a_recording_gives_the_same_scores_and_asks_nobody(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    first = toy_run(f"teacher.marker={marker}", out="first")
    asked = marker.read_text()
    second = toy_run(f"teacher.from={first}", out="second", teacher="recorded")
    assert _scores(second) == _scores(first)
    assert marker.read_text() == asked


def test_every_output_says_that_it_is_a_recording_and_whose(finished_run: ToyRun) -> None:
    first = finished_run(out="first", stages=("teacher-base",))
    arguments = ["--task=parity", "--student=toy", "--reflection=toy", "--trainer=toy", "--preset=small"]
    recorded = ["--teacher=recorded", "-o", f"teacher.from={first}", "--stages=teacher-base"]
    second = first.with_name("second")
    done = CliRunner().invoke(main, ["run", *arguments, *recorded, "--out", str(second)])
    assert done.exit_code == EXIT_BLOCKED, done.output
    for stream in (done.stdout, done.stderr):
        assert "RECORDED: the teacher's replies" in stream
        assert "SIMULATED: teacher recorded" in stream  # since the toy teacher's replies were
    result = files.read(second / "result.json")
    assert result["identities"]["teacher"]["provider"] == "recorded"
    recorded_of = result["identities"]["teacher"]["recorded"]
    assert recorded_of["teacher"]["model"] == "toy-1"
    assert recorded_of["plan_sha256"] == files.read(first / "result.json")["plan_sha256"]
    assert any("RECORDED" in warning for warning in files.read(second / "run_meta.json")["warnings"])


def test_a_recording_is_simulated_only_if_what_it_gives_again_was(toy_run: ToyRun) -> None:
    first = toy_run(out="first", stages=("teacher-base",))
    plan = first / "plan.json"
    plan.write_text(plan.read_text().replace('"simulated": true', '"simulated": false'))
    second = toy_run(f"teacher.from={first}", out="second", teacher="recorded", stages=("teacher-base",))
    assert files.read(second / "result.json")["simulated"] == []


def test_what_has_no_recording_is_said_before_anything_is_done(toy_run: ToyRun, tmp_path: Path) -> None:
    first = toy_run(out="first", stages=("teacher-base",))
    said = r"has no recording for 3 of 15 requests, the first is teacher-base/test/0012"
    with pytest.raises(UsageError, match=said):
        toy_run(f"teacher.from={first}", "sizes.test=15", out="second", teacher="recorded", stages=("teacher-base",))
    assert not (tmp_path / "second").exists()


def test_a_dry_run_says_so_too_and_foresees_the_worked_solutions(finished_run: ToyRun, tmp_path: Path) -> None:
    first = finished_run(out="first", stages=("teacher-base",))
    toys = ["--task=parity", "--student=toy", "--reflection=toy", "--trainer=toy", "--preset=small"]
    recorded = [*toys, "--teacher=recorded", "-o", f"teacher.from={first}", "--dry-run"]

    def dry(stages: str, *more: str) -> Result:
        return CliRunner().invoke(main, ["run", *recorded, f"--stages={stages}", *more])

    assert dry("teacher-base").exit_code == 0
    done = dry("teacher-base", "-o", "sizes.test=15")
    assert done.exit_code == 2
    assert "has no recording for 3 of 15 requests, the first is teacher-base/test/0012;" in done.stderr
    assert "requests, the first is demonstrate/naive/train/0000;" in dry("teacher-base,lora-naive").stderr
    (tmp_path / "strategy.txt").write_text("Look.")
    given = dry("student-lora", "--strategy-file", str(tmp_path / "strategy.txt"))
    assert "requests, the first is demonstrate/learned/train/0000;" in given.stderr


def test_what_cannot_be_known_before_stops_at_the_first_missing_request(toy_run: ToyRun) -> None:
    first = toy_run(out="first", stages=("teacher-base",))
    with pytest.raises(CallError, match=r"no recording for 6 of 6 requests, the first is bootstrap/reflect/0000"):
        toy_run(f"teacher.from={first}", out="second", teacher="recorded", stages=("teacher-base", "bootstrap"))


def test_a_reply_is_given_to_the_same_messages_alone(finished_run: ToyRun) -> None:
    run_dir = finished_run(stages=("teacher-base",))
    teacher = RecordedTeacher(run_dir)
    teacher.replay(RecordedReplies(run_dir))
    task = Parity(0)
    problem = task.problems("test", 1)[0]
    request = Request("another/key", task.prompt(problem, None), Solve(problem, None))
    (reply,) = teacher.complete([request], NoLedger())
    assert (reply.key, reply.text, reply.model) == ("another/key", "so EVEN", "toy-1")
    changed = Request("teacher-base/test/0000", (Message("user", "other words"),), Solve(problem, None))
    with pytest.raises(CallError, match="no recording for 1 of 1"):
        list(teacher.complete([changed], NoLedger()))


def test_what_is_no_run_or_damaged_is_refused_before_anything_is_done(toy_run: ToyRun, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected a run directory with a plan\.json"):
        toy_run(f"teacher.from={tmp_path}", out="second", teacher="recorded")
    first = toy_run(out="first", stages=("teacher-base",))
    journal = first / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"EVEN", b"ODDS", 1))
    with pytest.raises(HarnessError, match="is damaged"):
        toy_run(f"teacher.from={first}", out="second", teacher="recorded")
    assert not (tmp_path / "second").exists()


def test_a_run_whose_teacher_said_nothing_is_refused(toy_run: ToyRun) -> None:
    first = toy_run(out="first", stages=("student-base",))
    with pytest.raises(UsageError, match="its teacher was asked nothing"):
        toy_run(f"teacher.from={first}", out="second", teacher="recorded", stages=("teacher-base",))
