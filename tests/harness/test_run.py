from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import run
from harness.api import CallError, JournalError, PluginError, UsageError
from harness.boundary import files, schemas
from harness.design.transfer import TRANSFER
from harness.registry.observers import Observers
from tests.conftest import ToyRun


def _read(run_dir: Path) -> dict[str, dict[str, object]]:
    result = files.read(run_dir / "result.json")
    return {f"{arm['arm']}/{arm['split']}": arm for arm in result["arms"]}


def test_a_run_measures_every_arm_on_its_problems(finished_run: ToyRun) -> None:
    arms = _read(finished_run())
    assert {key.split("/")[0] for key in arms} == {*TRANSFER.standard, *TRANSFER.controls("standard")}
    assert arms["student-lora/harder"]["n"] == 8
    assert (arms["student-base/skills"]["correct"], arms["student-lora/skills"]["correct"]) == (4, 0)
    assert arms["teacher-strategy/test"]["steps"] == {"shown": 12, "right": 12}
    assert arms["student-lora/test"]["correct"] == 12
    assert arms["lora-labels/test"]["correct"] != 12


def test_the_teacher_is_better_with_what_it_learned(finished_run: ToyRun) -> None:
    arms = _read(finished_run())
    assert (arms["teacher-base/test"]["correct"], arms["teacher-strategy/test"]["correct"]) == (8, 12)


def test_every_file_of_a_run_directory_is_there(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    names = {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()}
    trained = ("student-lora", "lora-labels", "lora-naive", "lora-shuffled")
    assert names == {
        *("plan.json", "journal.jsonl", "lock", "problems.jsonl", "items.jsonl", "thoughts.jsonl", "journal.md"),
        *("strategy.md", "strategy.txt", "strategy-evolution.md", "result.json", "audit.json", "run_meta.json"),
        "report.html",
        *(f"examples/{arm}.jsonl" for arm in trained),
        *(f"adapters/{arm}/{name}" for arm in trained for name in ("adapter_model.safetensors", "README.md")),
    }
    assert run_dir.stat().st_mode & 0o777 == 0o700


def test_readable_files_say_what_is_simulated(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    for name in ("journal.md", "strategy.md", "strategy-evolution.md"):
        assert "Simulated: teacher toy" in (run_dir / name).read_text()
    assert files.read(run_dir / "result.json")["simulated"] == ["teacher toy"]


def test_two_runs_of_one_plan_give_the_same_result(toy_run: ToyRun) -> None:
    first, second = toy_run(out="first"), toy_run(out="second")
    assert (first / "result.json").read_bytes() == (second / "result.json").read_bytes()


def test_resuming_a_finished_run_repeats_no_effect_and_changes_no_byte(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    run_dir = toy_run(*(f"{kind}.marker={marker}" for kind in ("teacher", "student", "trainer")))
    effects, result = marker.read_text(), (run_dir / "result.json").read_bytes()
    run.resume(run_dir, Observers([]))
    assert marker.read_text() == effects
    assert (run_dir / "result.json").read_bytes() == result


@pytest.mark.parametrize(("trouble", "kind"), [("fail", "failed"), ("refuse", "refused"), ("cut", "truncated")])
def test_a_call_that_gives_no_whole_reply_is_never_an_answer(finished_run: ToyRun, trouble: str, kind: str) -> None:
    run_dir = finished_run(f"teacher.trouble={trouble}", stages=("teacher-base",), accept_unreadable=True)
    (arm,) = _read(run_dir).values()
    assert arm["correct"] == 0
    assert arm["outcomes"] == {"answered": 0, "unparsed": 0, "refused": 0, "truncated": 0, "failed": 0, kind: 12}


def test_learning_stops_with_one_line_when_the_teacher_does_not_reply(toy_run: ToyRun, tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"reflect/batch-01 ended with error \(Overloaded 529\)"):
        toy_run("teacher.trouble=silent")
    assert not (tmp_path / "run" / "result.json").exists()


def test_a_cut_reflection_is_asked_again_by_a_resume(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    with pytest.raises(CallError, match="reflect/batch-01 ended with length"):
        toy_run("teacher.trouble=cut", f"teacher.marker={marker}", stages=("bootstrap",))
    with pytest.raises(CallError, match="reflect/batch-01 ended with length"):
        run.resume(tmp_path / "run", Observers([]))
    assert marker.read_text().count("bootstrap/reflect/batch-01") == 2


def test_what_failed_before_something_was_built_on_it_stays_failed(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    options = ("teacher.trouble=one", f"teacher.marker={marker}", "sizes.reflect=12", "sizes.train=20")
    run_dir = toy_run(*options)
    asked, result = marker.read_text(), (run_dir / "result.json").read_bytes()
    trained = {row["arm"]: row["examples"]["left_out"] for row in files.read(run_dir / "result.json")["training"]}
    assert trained == {"student-lora": 1, "lora-labels": 1, "lora-naive": 1, "lora-shuffled": 1}
    run.resume(run_dir, Observers([]))
    assert marker.read_text() == asked
    assert (run_dir / "result.json").read_bytes() == result


def test_learning_stops_when_too_many_calls_fail(toy_run: ToyRun) -> None:
    with pytest.raises(CallError, match=r"6 of 6 calls failed, the first with: Overloaded 529"):
        toy_run("teacher.trouble=fail", stages=("bootstrap",))


def test_failed_calls_are_tried_again_by_a_resume_and_answers_are_not(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    run_dir = toy_run("teacher.trouble=fail", f"teacher.marker={marker}", stages=("teacher-base",))
    run.resume(run_dir, Observers([]))
    assert len(marker.read_text().splitlines()) == 24


def test_a_strategy_learned_elsewhere_takes_the_place_of_learning(toy_run: ToyRun, tmp_path: Path) -> None:
    path = tmp_path / "strategy.md"
    path.write_text("Look at the last digit.\n")
    run_dir = toy_run(strategy_file=str(path))
    assert "bootstrap/reflect" not in _read(run_dir)
    assert _read(run_dir)["teacher-strategy/test"]["correct"] == 12


def test_limit_takes_the_first_problems_of_each_split(finished_run: ToyRun) -> None:
    whole, part = (
        finished_run(out="whole", stages=("teacher-base",)),
        finished_run(out="part", stages=("teacher-base",), limit=5),
    )
    ids = [row["problem"] for row in files.read_lines(part / "items.jsonl")]
    assert ids == [row["problem"] for row in files.read_lines(whole / "items.jsonl")][:5]


def test_a_damaged_adapter_is_refused_by_a_resume(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    (run_dir / "adapters" / "student-lora" / "adapter_model.safetensors").write_text('{"so": true}')
    with pytest.raises(JournalError, match="not the one that was trained"):
        run.resume(run_dir, Observers([]))


def test_a_plan_that_cannot_be_followed_any_more_is_refused_with_the_difference(
    finished_run: ToyRun, toy_site: Path
) -> None:
    run_dir = finished_run()
    (toy_site / "harness_toys-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: harness-toys\nVersion: 2.0\n"
    )
    with pytest.raises(UsageError, match=r"plugins\.reflection\.version: was '1\.0', is '2\.0'"):
        run.resume(run_dir, Observers([]))


def test_a_directory_in_use_is_not_written_over(toy_run: ToyRun) -> None:
    run_dir = toy_run()
    before = (run_dir / "result.json").read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        toy_run()
    assert (run_dir / "result.json").read_bytes() == before


def test_control_arms_differ_from_the_treatment_in_the_target_alone(finished_run: ToyRun) -> None:
    run_dir = finished_run(controls="all")
    rows = {path.stem: files.read_lines(path) for path in (run_dir / "examples").iterdir()}
    treatment = rows.pop("student-lora")
    for arm, control in rows.items():
        assert [row["problem_id"] for row in control] == [row["problem_id"] for row in treatment], arm
        assert [row["prompt"] for row in control] == [row["prompt"] for row in treatment], arm
    assert sorted(row["target"] for row in rows["lora-shuffled"]) == sorted(row["target"] for row in treatment)
    assert [row["target"] for row in rows["lora-labels"]] == [row["label"] for row in treatment]


def test_every_arm_can_be_run(finished_run: ToyRun) -> None:
    assert {key.split("/")[0] for key in _read(finished_run(controls="all"))} == set(TRANSFER.names)


def test_a_damaged_journal_is_refused_by_a_resume_and_named(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    journal = run_dir / "journal.jsonl"
    data = journal.read_bytes()
    journal.write_bytes(data[:100] + b"x" + data[101:])
    with pytest.raises(JournalError, match="line 1 is damaged"):
        run.resume(run_dir, Observers([]))
    assert files.read(run_dir / "run_meta.json")["sessions"][-1]["finished"] is False


def test_a_run_whose_record_is_gone_is_not_bought_again(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    (run_dir / "journal.jsonl").unlink()
    with pytest.raises(JournalError, match=r"has a result but no journal\.jsonl"):
        run.resume(run_dir, Observers([]))


def test_a_plan_that_was_edited_is_refused_as_such(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    path = run_dir / "plan.json"
    path.write_text(path.read_text().replace('"test": 12', '"test": 11'))
    with pytest.raises(JournalError, match=r"plan\.json was changed after the run began"):
        run.resume(run_dir, Observers([]))


def test_a_missing_adapter_is_said_to_be_missing(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    (run_dir / "adapters" / "student-lora" / "adapter_model.safetensors").unlink()
    with pytest.raises(JournalError, match="the trained adapter is missing"):
        run.resume(run_dir, Observers([]))


def test_a_run_ends_with_its_audit(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    made = files.read(run_dir / "audit.json")
    assert list(schemas.violations("audit", made)) == []
    assert made["result_sha256"] == files.digest(files.read(run_dir / "result.json"))
    assert (made["verdict"], made["simulated"]) == ("blocked", ["teacher toy"])
    assert "imbalance" in made["blocking"]


MISNAMED = """
from harness.api import hookimpl
from harness.api import CheckSpec
from tests.toys import Options

class Check:
    id, rule, severity, advice = "other", "Nothing.", "block", "Nothing."

    def look(self, evidence):
        return []

@hookimpl
def harness_checks():
    return [CheckSpec(name="mine", summary="A check.", options=Options, create=lambda options: Check())]
"""


def test_a_check_that_cannot_be_made_is_refused_before_anything_is_done(
    toy_run: ToyRun, tmp_path: Path, fake_distribution: Callable[..., Path]
) -> None:
    fake_distribution("harness-mine", {"harness.checks": {"mine": "misnamed_check"}}, {"misnamed_check": MISNAMED})
    with pytest.raises(PluginError, match=r"check 'mine' .* calls itself 'other'; its plugin is broken"):
        toy_run(checks=("mine",))
    assert not (tmp_path / "run").exists()


def test_run_meta_notes_every_session(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    run.resume(run_dir, Observers([]))
    meta = files.read(run_dir / "run_meta.json")
    assert [session["finished"] for session in meta["sessions"]] == [True, True]
    assert set(meta["training"]) == {"student-lora", "lora-labels", "lora-naive", "lora-shuffled"}
