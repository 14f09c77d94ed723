"""What is not bought, or not bought twice: phases that nobody can read, rows of no use, records set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness import run
from harness.api import Example, Student
from harness.audit import EXIT_BLOCKED
from harness.boundary import files
from harness.cli import main
from harness.experiment.asking import FIRST, UnreadableError
from harness.journal.store import ReadOnlyJournal
from tests.conftest import ToyRun
from tests.toys import Parity, ToyTrainer


def _bought(marker: Path) -> list[str]:
    return [line for line in marker.read_text().splitlines() if "/" in line]


@pytest.mark.parametrize(("trouble", "how"), [("cut", "8 ended with length"), ("refuse", "8 ended with refusal")])
def test_a_teacher_none_of_whose_first_answers_can_be_read_is_asked_no_more(
    toy_run: ToyRun, tmp_path: Path, trouble: str, how: str
) -> None:
    marker = tmp_path / "bought"
    with pytest.raises(UnreadableError, match=how) as caught:
        toy_run(f"teacher.trouble={trouble}", f"teacher.marker={marker}", stages=("teacher-base",))
    assert "stage teacher-base" in str(caught.value)
    assert len(_bought(marker)) == FIRST
    thoughts = files.read_lines(tmp_path / "run" / "thoughts.jsonl")
    assert len(thoughts) == FIRST
    assert all("EVEN" in row["text"] for row in thoughts)


def test_a_resume_buys_nothing_more_of_it_unless_it_is_accepted(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "bought"
    with pytest.raises(UnreadableError):
        toy_run("teacher.trouble=cut", f"teacher.marker={marker}", stages=("teacher-base",))
    again = CliRunner().invoke(main, ["run", "--resume", str(tmp_path / "run")])
    assert again.exit_code == 1
    assert again.stderr.endswith(f"by:\nharness run --resume {tmp_path / 'run'} --accept-unreadable\n")
    assert len(_bought(marker)) == FIRST
    accepted = CliRunner().invoke(main, ["run", "--resume", str(tmp_path / "run"), "--accept-unreadable"])
    assert accepted.exit_code == EXIT_BLOCKED
    assert len(_bought(marker)) == 12


def test_one_answer_among_the_first_that_can_be_read_is_enough(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, asked = Parity.parse, iter(range(10**6))
    replies = {"EVEN", "ODD", "", " \n"}
    monkeypatch.setattr(
        Parity, "parse", lambda self, reply: parse(self, reply) if reply in replies or next(asked) % 8 == 0 else None
    )
    result = files.read(toy_run(stages=("teacher-base",)) / "result.json")
    assert 0 < result["arms"][0]["outcomes"]["answered"] < 12


def test_worked_solutions_that_nobody_can_read_stop_before_the_last_is_bought(
    toy_run: ToyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "bought"
    parse = Parity.parse
    monkeypatch.setattr(Parity, "parse", lambda self, reply: None if reply.startswith("so ") else parse(self, reply))
    with pytest.raises(UnreadableError, match="the naive worked solutions"):
        toy_run(f"teacher.marker={marker}", "sizes.train=20", stages=("lora-naive",))
    assert len(_bought(marker)) == FIRST


def _screening(reason: str, *unfit: str) -> object:
    def told(_: ToyTrainer, student: Student, examples: Sequence[Example]) -> Mapping[str, str]:
        return {each.problem_id: reason for each in examples if each.problem_id in unfit}

    return told


def test_rows_that_cannot_be_trained_on_are_left_out_of_every_arm_counted_and_told(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ToyTrainer, "unfit", _screening("too long", "train/0001", "train/0004"), raising=False)
    run_dir = toy_run()
    result = files.read(run_dir / "result.json")
    assert {row["examples"]["rows"] for row in result["training"]} == {7}
    assert {row["examples"]["left_out"] for row in result["training"]} == {2}
    rows = files.read_lines(run_dir / "examples" / "lora-labels.jsonl")
    assert not {"train/0001", "train/0004"} & {row["problem_id"] for row in rows}
    told = files.read(run_dir / "run_meta.json")["warnings"]
    assert "2 worked solutions left out of every training: too long" in told
    assert not run.replay(run_dir).differing


def test_a_run_of_which_no_row_can_be_trained_on_ends_with_what_it_has(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [f"train/{index:04d}" for index in range(9)]
    monkeypatch.setattr(ToyTrainer, "unfit", _screening("no token fits", *every), raising=False)
    run_dir = toy_run(stages=("student-base", "bootstrap", "student-lora"))
    result = files.read(run_dir / "result.json")
    assert result["training"] == []
    assert "student-lora" not in {arm["arm"] for arm in result["arms"]}
    told = files.read(run_dir / "run_meta.json")["warnings"]
    assert "student-lora was not trained: 0 of 9 worked solutions are of use: too few to train" in told
    assert "coverage" in files.read(run_dir / "audit.json")["blocking"]


def test_a_record_that_is_set_aside_is_made_again_and_stays_paid_for(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "bought"
    run_dir = toy_run(f"teacher.marker={marker}", stages=("teacher-base",))
    before, spent = _bought(marker), files.read(run_dir / "run_meta.json")["teacher"]["committed_usd"]
    dropped = CliRunner().invoke(main, ["journal", "drop", str(run_dir), "teacher-base/test/0003"])
    assert dropped.exit_code == 0, dropped.output
    assert not (run_dir / "result.json").exists()
    again = CliRunner().invoke(main, ["run", "--resume", str(run_dir)])
    assert again.exit_code == EXIT_BLOCKED, again.output
    assert _bought(marker) == [*before, "teacher-base/test/0003"]
    assert files.read(run_dir / "run_meta.json")["teacher"]["committed_usd"] == pytest.approx(spent * 13 / 12)
    journal = ReadOnlyJournal(run_dir / "journal.jsonl")
    assert [value["key"] for key, value in journal.notes if key == "journal/dropped"] == ["teacher-base/test/0003"]
    journal.close()
    assert not run.replay(run_dir).differing


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("plan", "is what the run was begun with"),
        ("setting", "is what the run was begun with"),
        ("teacher-base/test/003", "did you mean 'teacher-base/test/0003'?"),
    ],
)
def test_what_cannot_be_set_aside_is_one_line(finished_run: ToyRun, key: str, says: str) -> None:
    run_dir = finished_run(stages=("teacher-base",))
    refused = CliRunner().invoke(main, ["journal", "drop", str(run_dir), key])
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert (run_dir / "result.json").exists()


def test_a_record_for_another_input_says_how_to_set_it_aside(
    finished_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = finished_run(stages=("teacher-base",))
    (run_dir / "result.json").unlink()
    ask = Parity.prompt
    monkeypatch.setattr(
        Parity, "prompt", lambda self, each, told: ask(self, each, told) * (1 + (each.id == "test/0005"))
    )
    stuck = CliRunner().invoke(main, ["run", "--resume", str(run_dir)])
    assert stuck.exit_code == 1
    assert f"harness journal drop {run_dir} teacher-base/test/0005" in stuck.stderr
