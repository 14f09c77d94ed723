from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from harness.cli import main
from tests.conftest import ToyRun


def test_valid_files_give_exit_0(toy_run: ToyRun) -> None:
    run_dir = toy_run()
    result = CliRunner().invoke(main, ["validate", str(run_dir / "result.json"), str(run_dir / "plan.json")])
    assert result.exit_code == 0
    assert result.output == f"{run_dir}/result.json: valid\n{run_dir}/plan.json: valid\n"


def test_one_changed_digit_gives_exit_1_and_names_the_field(toy_run: ToyRun) -> None:
    path = toy_run() / "result.json"
    text = path.read_text()
    place = text.index('"value": 0.')
    path.write_text(text[: place + 11] + str((int(text[place + 11]) + 1) % 10) + text[place + 12 :])
    result = CliRunner().invoke(main, ["validate", str(path)])
    assert result.exit_code == 1
    assert "arms[0].accuracy.value: says 0." in result.output


def test_every_file_is_told_of_even_after_a_bad_one(toy_run: ToyRun, tmp_path: Path) -> None:
    run_dir = toy_run()
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "none.json"), str(run_dir / "plan.json")])
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{tmp_path}/none.json: 1 problem(s)",
        "  the file: No such file or directory",
        f"{run_dir}/plan.json: valid",
    ]
