from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.api import StoppedError
from harness.audit import EXIT_BLOCKED
from harness.boundary import files
from harness.cli import main
from tests import toys
from tests.conftest import ToyRun

TOYS = ("--task=parity", "--teacher=toy", "--student=toy", "--reflection=toy", "--trainer=toy", "--preset=small")

GO_ON = "go on with:\nharness run --resume run\n"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *TOYS, *arguments])


pytestmark = pytest.mark.usefixtures("toy_site")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_prints_the_table_and_where_the_result_is() -> None:
    result = _run()
    assert result.exit_code == EXIT_BLOCKED, result.output
    run_dir = next(Path("runs").iterdir())
    assert result.stdout.endswith(f"result: {run_dir / 'result.json'}\nreport: {run_dir / 'report.html'}\n")
    assert run_dir.name.endswith("-parity-toy-toy")
    assert "SIMULATED: teacher toy" in result.stdout
    assert "SIMULATED: teacher toy" in result.stderr


def test_a_run_ends_with_its_audit_and_exits_with_3_where_that_blocks() -> None:
    result = _run("--out", "run", "--training-seeds", "2", "--stages", "student-base,teacher-base")
    assert result.exit_code == EXIT_BLOCKED
    assert "audit: BLOCKED by imbalance" in result.stdout
    assert files.read(Path("run/audit.json"))["verdict"] == "blocked"


@pytest.mark.parametrize("seeds", ["1", "3"])
def test_every_line_fits_in_80_columns(seeds: str) -> None:
    result = _run("--out", "run", "--training-seeds", seeds)
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_piped_progress_is_plain_lines() -> None:
    result = _run("--out", "run")
    assert "\x1b" not in result.output
    assert "[1/9] student-base: answers test problems 12/12 in " in result.stderr


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing() -> None:
    result = _run("--dry-run")
    assert result.exit_code == 0, result.output
    assert "teacher-base     solve test              12" in result.stdout
    assert "teacher in USD: low 0.0" in result.stdout
    assert list(Path().glob("runs")) == []


def test_trainings_are_told_apart_in_progress_and_counted_in_a_dry_run() -> None:
    seeds = ("--training-seeds", "2", "--stages", "bootstrap,student-lora")
    forecast = _run(*seeds, "--dry-run").stdout
    told = "training: each trained arm 2 times, seeds 999, 101002; calls are those of all"
    assert told in " ".join(forecast.split())
    assert "student-lora     solve test              24" in forecast
    progress = _run(*seeds, "--out", "run").stderr
    for seed in ("999", "101002"):
        assert f"[2/2] student-lora, seed {seed}: training " in progress
        assert f"[2/2] student-lora, seed {seed}: answers test problems 12/12 in " in progress
    assert "training: each trained arm once, seed 999" in _run("--dry-run").stdout
    assert "seed 999" not in _run("--dry-run", "--stages", "teacher-base").stdout


def test_a_dry_run_refuses_what_the_run_would_refuse() -> None:
    refused = ["-o", "run.prompts=separate"], ["--verifier", "sweep-line"]
    for arguments in refused:
        assert _run(*arguments, "--dry-run").stderr == _run(*arguments).stderr != ""


def test_resume_goes_on_with_the_plan_of_the_directory(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    (run_dir / "result.json").unlink()
    result = CliRunner().invoke(main, ["run", "--resume", str(run_dir)])
    assert result.exit_code == EXIT_BLOCKED, result.output
    assert (run_dir / "result.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--teacher", "nosuch"], "no teacher named 'nosuch'"),
        (["-o", "teacher.nope=1"], "option teacher.nope: no such option"),
        (["--config", "none.toml"], "none.toml: No such file or directory"),
        (["--config", "empty.toml"], "empty.toml: empty"),
        (["--config", "damaged.toml"], "damaged.toml: not a TOML file"),
        (["--resume", "nowhere"], "--resume takes its plan from the run directory"),
        (["--observer", "nosuch"], "no observer named 'nosuch'"),
        (["--seed", "99999999999999999999"], "expected a value less than or equal to 1000000000"),
        (
            ["--verifier", "sweep-line"],
            "leave --verifier out to take the task's own",
        ),
        (["--out", "empty.toml"], "--out empty.toml: exists already; give a new directory\n"),
        (["-o", "observer.bell.volume=1"], "observer 'bell', which is not chosen"),
        (["--training-seeds", "none"], "option run.training_seeds: got 'none'"),
        (["--check", "nosuch"], "no check named 'nosuch'"),
        (["-o", "run.prompts=separate"], "prompts = separate: task 'parity' has one wording for all stages"),
        (["--frobnicate"], "No such option '--frobnicate'"),
    ],
)
def test_bad_input_is_one_line_with_exit_2_and_leaves_nothing(arguments: list[str], message: str) -> None:
    Path("empty.toml").touch()
    Path("damaged.toml").write_text("[run")
    before = sorted(os.listdir())
    result = _run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_a_plugin_that_breaks_in_the_middle_is_told_of_in_one_line() -> None:
    result = _run("--out", "run", "--stages", "teacher-base", "-o", "teacher.trouble=boom")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-3] == (
        "harness: teacher 'toy' (harness-toys 1.0, tests.toys) failed in complete: RuntimeError: two lines; "
        "mend or update the plugin; put --traceback after `harness` to see where"
    )


def test_a_pipe_that_breaks_in_a_plugin_is_told_of_with_the_way_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(toys.ToyTeacher, "complete", broken)
    result = _run("--out", "run", "--stages", "teacher-base")
    assert result.exit_code == 1
    assert "harness: teacher 'toy' (harness-toys 1.0, tests.toys) failed in complete: BrokenPipeError" in result.stderr
    assert result.stderr.endswith(GO_ON)


@pytest.mark.parametrize("arguments", [["--out", "run"], ["--dry-run"]])
def test_a_plugin_that_breaks_before_the_run_is_told_of_in_one_line(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no problems today")

    monkeypatch.setattr(toys.Parity, "problems", broken)
    result = _run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "harness: task 'parity' (harness-toys 1.0, tests.toys) failed in problems: RuntimeError: no problems today; "
    )
    assert "Traceback" not in result.output


def test_a_stop_before_the_first_stage_tells_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise StoppedError("stopped as asked")

    monkeypatch.setattr("harness.preflight.identity.check", stopped)
    result = _run("--out", "run")
    assert result.exit_code == StoppedError.exit_code
    assert result.stderr.endswith("harness: stopped as asked\n" + GO_ON)
    monkeypatch.undo()


def test_a_full_disk_is_one_line_and_the_run_can_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "result.json")

    with monkeypatch.context() as patch:
        patch.setattr("harness.results.result.write", full)
        result = _run("--out", "run")
    assert result.exit_code == 1
    assert result.stderr.endswith("harness: result.json: No space left on device; resume when it is mended\n" + GO_ON)
    assert CliRunner().invoke(main, ["run", "--resume", "run"]).exit_code == EXIT_BLOCKED


def test_a_run_that_stops_says_how_to_go_on() -> None:
    result = _run("--out", "run", "--max-cost", "0.0005")
    assert result.exit_code == 4
    assert result.stderr.endswith("\ngo on with:\nharness run --resume run --max-cost 0.0005\n")
    assert result.stderr.splitlines()[-3].startswith("harness: --max-cost 0.0005: ")
    assert CliRunner().invoke(main, ["run", "--resume", "run", "--max-cost", "1"]).exit_code == EXIT_BLOCKED


def test_resuming_what_is_no_run_is_one_line() -> None:
    result = CliRunner().invoke(main, ["run", "--resume", "nowhere"])
    assert result.exit_code == 2
    assert (
        result.stderr
        == "harness: nowhere/plan.json: No such file or directory; expected a run directory with a plan.json\n"
    )


def test_an_out_directory_that_cannot_be_made_is_one_line() -> None:
    Path("file").touch()
    result = _run("--out", "file/run")
    assert result.exit_code == 2
    assert result.stderr == "harness: --out file/run: its parent is no directory; give one that can be made\n"


def test_a_directory_that_is_taken_is_left_as_it_was(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    before = sorted(path.name for path in run_dir.iterdir())
    result = _run("--out", str(run_dir))
    assert result.exit_code == 2
    assert f"or continue the run in it by --resume {run_dir}" in result.stderr
    assert sorted(path.name for path in run_dir.iterdir()) == before


def test_a_run_directory_may_have_a_name_that_is_no_text() -> None:
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    name, fork = os.fsdecode(b"run \xff\xfe"), os.fsdecode(b"fork \xff")
    stopped = _run("--out", name, "--max-cost", "0.0005")
    assert stopped.exit_code == 4
    assert stopped.stderr.endswith("harness run --resume $'run \\xff\\xfe' --max-cost 0.0005\n")
    assert invoke("audit", name).exit_code == 2
    ended = invoke("run", "--resume", name)
    assert ended.exit_code == EXIT_BLOCKED, ended.output
    assert "harness audit $'run \\xff\\xfe'" in ended.stdout
    assert files.read(Path(name, "run_meta.json"))["run_id"] == "run \\xff\\xfe"
    assert [invoke(verb, name).exit_code for verb in ("validate", "replay", "report")] == [0, 0, 0]
    assert invoke("audit", name).exit_code == EXIT_BLOCKED
    assert _run("--fork", name, "--out", fork).exit_code == EXIT_BLOCKED
    assert invoke("compare", name, fork).exit_code == 0
