from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.audit.checks import RULESET
from harness.boundary import files
from harness.cli import main
from harness.results.result import SCHEMA
from tests.conftest import ToyRun


def test_valid_files_give_exit_0(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    result = CliRunner().invoke(main, ["validate", str(run_dir / "result.json"), str(run_dir / "plan.json")])
    assert result.exit_code == 0
    assert result.output == f"{run_dir}/result.json: valid\n{run_dir}/plan.json: valid\n"


def test_one_changed_digit_gives_exit_1_and_names_the_field(finished_run: ToyRun) -> None:
    path = finished_run() / "result.json"
    text = path.read_text()
    place = text.index('"value": 0.')
    path.write_text(text[: place + 11] + str((int(text[place + 11]) + 1) % 10) + text[place + 12 :])
    result = CliRunner().invoke(main, ["validate", str(path)])
    assert result.exit_code == 1
    assert "arms[0].accuracy.value: says 0." in result.output


def test_every_file_is_told_of_even_after_a_bad_one(finished_run: ToyRun, tmp_path: Path) -> None:
    run_dir = finished_run()
    result = CliRunner().invoke(main, ["validate", str(tmp_path / "none.json"), str(run_dir / "plan.json")])
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"harness: {tmp_path}/none.json: No such file or directory; give a run directory or its result.json\n"
    )
    assert result.stdout == f"{run_dir}/plan.json: valid\n"


def test_a_file_is_of_the_kind_that_its_name_or_else_its_schema_says(finished_run: ToyRun, tmp_path: Path) -> None:
    run_dir = finished_run()
    comparison = CliRunner().invoke(main, ["compare", str(run_dir), str(run_dir), "--json"]).stdout
    for name in ("c.json", "result.json"):
        (tmp_path / name).write_text(comparison)
    (tmp_path / "a.json").write_bytes((run_dir / "audit.json").read_bytes())
    assert _validate(tmp_path / "c.json", tmp_path / "a.json")[0] == 0
    code, output = _validate(tmp_path / "result.json")
    assert (code, f"schema: '{SCHEMA}' was expected" in output) == (1, True)
    (tmp_path / "c.json").write_text(comparison.replace('"paired": true', '"paired": 1'))
    assert _validate(tmp_path / "c.json")[1].startswith(f"{tmp_path}/c.json: 1 problem\n  paired: 1 is not")
    (tmp_path / "plan.jsonl").write_text("{}\n")
    assert "no schema for plan.jsonl; known: problems.jsonl, items.jsonl" in _validate(tmp_path / "plan.jsonl")[1]


def test_problems_are_counted_in_words(finished_run: ToyRun) -> None:
    path = finished_run() / "plan.json"
    path.write_text("{")
    assert _validate(path)[1].startswith(f"{path}: 1 problem\n")
    path.write_text("{}")
    assert re.match(rf"{re.escape(str(path))}: \d+ problems\n", _validate(path)[1])


def _validate(*paths: Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["validate", *map(str, paths)])
    return result.exit_code, result.output


def test_a_run_directory_stands_for_its_result_and_its_audit(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    path = run_dir / "audit.json"
    assert _validate(run_dir, path) == (0, f"{run_dir}: valid\n{path}: valid\n")
    path.write_text(path.read_text().replace('"blocked"', '"clean"', 1))
    code, output = _validate(run_dir)
    assert code == 1
    assert output == f"{run_dir}: 1 problem\n  audit.json: verdict: says 'clean', the result gives 'blocked'\n"


def test_a_finding_of_an_audit_cannot_be_left_out_or_reworded(finished_run: ToyRun) -> None:
    path = finished_run() / "audit.json"
    made = files.read(path)
    place = next(index for index, check in enumerate(made["checks"]) if check["id"] == "imbalance")
    reworded = copy.deepcopy(made)
    reworded["checks"][place]["findings"][0]["text"] = "balanced"
    path.write_text(files.pretty(reworded))
    assert f"  checks[{place}].findings[0].text: says 'balanced', the result gives '8 EVEN" in _validate(path)[1]
    del made["checks"][place]
    path.write_text(files.pretty(made))
    code, output = _validate(path)
    assert (code, output.splitlines()[0]) == (1, f"{path}: 1 problem")
    assert output.splitlines()[1].startswith("  checks: says [")
    assert max(map(len, output.splitlines())) < 600


def test_an_audit_of_another_result_is_noticed(finished_run: ToyRun) -> None:
    path = finished_run(stages=("student-base",)) / "audit.json"
    shutil.copy(finished_run(out="other", stages=("teacher-base",)) / "audit.json", path)
    code, output = _validate(path)
    assert code == 1
    assert "  result_sha256: says " in output


def test_an_audit_by_other_rules_is_said_to_be_one(finished_run: ToyRun) -> None:
    path = finished_run() / "audit.json"
    path.write_text(path.read_text().replace('"ruleset": "', '"ruleset": "0.'))
    code, output = _validate(path)
    assert code == 1
    assert output.splitlines()[1:] == [
        f"  ruleset: says '0.{RULESET}', this harness has '{RULESET}'; harness audit judges anew"
    ]


def test_an_audit_that_is_damaged_or_alone_is_told_of_in_one_line(finished_run: ToyRun, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    shutil.copy(finished_run() / "audit.json", path)
    assert _validate(path) == (
        1,
        f"{path}: 1 problem\n  the result beside it cannot be audited: {tmp_path}: "
        "holds neither result.json nor plan.json; give a run directory\n",
    )
    path.write_text("{")
    assert _validate(path)[1].splitlines()[1].startswith("  the file: not sound JSON")
    path.write_text("{}")
    assert "  the file: 'ruleset' is a required property\n" in _validate(path)[1]


@pytest.mark.parametrize("hash_seed", ["1", "4"])  # sets of two names come in one order, and in the other
def test_an_audit_does_not_depend_on_the_order_of_sets(finished_run: ToyRun, tmp_path: Path, hash_seed: str) -> None:
    command = [sys.executable, "-m", "harness", "validate", str(finished_run())]
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
