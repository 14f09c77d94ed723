"""An audit of files: rows that contradict each other, files that are not named, arms that do not exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.audit import audit, runs
from harness.boundary import files
from harness.cli import main
from harness.measures.problems import shortcuts
from harness.results.checking import validation
from tests.conftest import ToyRun
from tests.harness.audit.results import Made, Row, honest

SIZES = {"test": 60, "harder": 60, "reflect": 4, "train": 4, "skills": 4}


@pytest.fixture
def run() -> Made:
    return honest(seeds=1, sizes=SIZES)


def _of(folder: Path, check: str) -> Row:
    (found,) = (row for row in audit(*runs.read(folder))["checks"] if row["id"] == check)
    assert isinstance(found, dict)
    return found


def _split(made: Made) -> None:
    made.of("student-base")[0]["split"] = "harder"


def _stratum(made: Made) -> None:
    made.of("student-base")[0]["stratum"] = "HARD"


def _truth(made: Made) -> None:
    row = made.of("teacher-base")[0]
    row["truth"] = row["outcome"]["label"]
    row["correct"] = True


def _rule(made: Made) -> None:
    made.split("test")[0]["trivial"]["shortcut"]["correct"] = True


def _twice(made: Made) -> None:
    made.items.append(made.of("student-base")[0])


def _seedless(made: Made) -> None:
    made.of("student-lora")[0]["training_seed"] = None


def _unadapted(made: Made) -> None:
    made.of("student-lora")[0]["adapter_sha256"] = None


def _adapted(made: Made) -> None:
    made.of("student-base")[0]["adapter_sha256"] = "0" * 64


def _seeded(made: Made) -> None:
    made.of("teacher-base")[0]["training_seed"] = 0


def _no_constant(made: Made) -> None:
    for row in made.split("test"):
        del row["trivial"]["always-no"]


def _no_true_constant(made: Made) -> None:
    rule = made.split("test")[0]["trivial"]["always-no"]
    rule["label"], rule["correct"] = "YES", False


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_split, "split and stratum are not those of its problem"),
        (_stratum, "split and stratum are not those of its problem"),
        (_truth, "truth 'YES', problems.jsonl says 'NO'"),
        (_rule, "rule 'shortcut' says 'YES', truth 'NO'"),
        (_twice, "arm student-base has problem test/0000 twice"),
        (_seedless, "training_seed is None, but arm student-lora is trained"),
        (_unadapted, "adapter_sha256 is None, but arm student-lora is trained"),
        (_adapted, "but arm student-base is not trained"),
        (_seeded, "training_seed is 0, but arm teacher-base is not trained"),
        (_no_constant, "has no rule 'always-no' that says 'NO'"),
        (_no_true_constant, "has no rule 'always-no' that says 'NO'"),
    ],
)
def test_rows_that_contradict_each_other_block(
    run: Made, tmp_path: Path, change: Callable[[Made], None], told: str
) -> None:
    change(run)
    found = _of(run.write(tmp_path), "recompute")
    assert (found["status"], found["weight"]) == ("fail", "block")
    assert told in found["findings"][0]["text"]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("journal.md", "overlap"),
        ("strategy-evolution.md", "overlap"),
        ("examples/student-lora.jsonl", "label-source"),
        ("examples/lora-naive.jsonl", "label-source"),
    ],
)
def test_what_a_result_does_not_name_passes_no_check_that_rests_on_it(
    run: Made, tmp_path: Path, name: str, check: str
) -> None:
    folder = run.write(tmp_path)
    assert _of(folder, check)["status"] == "pass"
    result = files.read(folder / "result.json")
    del result["files"][name]
    (folder / "result.json").write_text(files.pretty(result))
    (folder / name).unlink()
    assert validation.problems_of(folder) == []
    found = _of(folder, check)
    assert (found["status"], found["weight"]) == ("unknown", "block")
    assert found["findings"][-1]["text"] == f"files.{name} is missing"


def test_an_arm_that_does_not_exist_is_refused_in_one_line(run: Made, tmp_path: Path) -> None:
    folder = run.write(tmp_path)
    result = files.read(folder / "result.json")
    result["arms"][0]["arm"] = "student-nosuch"
    (folder / "result.json").write_text(files.pretty(result))
    shown = CliRunner().invoke(main, ["audit", str(folder)])
    assert shown.exit_code == 2
    (line,) = shown.output.strip().splitlines()
    assert "not a valid result (arms[0].arm: no arm 'student-nosuch'; arms: student-base" in line


def test_a_given_strategy_with_a_test_problem_in_it_blocks(toy_run: ToyRun, tmp_path: Path) -> None:
    given = {"task": "scheduling", "preset": None, "teacher": "simulated", "stages": ("teacher-strategy",)}
    strategy = tmp_path / "strategy.txt"
    strategy.write_text("Sort by start.")
    honestly = toy_run("sizes.test=4", **given, strategy_file=str(strategy))
    assert _of(honestly, "overlap")["weight"] == "warn"
    (known, *_) = files.read_lines(honestly / "problems.jsonl")
    strategy.write_text(f"Sort by start. As in:\n{known['text']}\nit fits.")
    leaked = toy_run("sizes.test=4", **given, strategy_file=str(strategy), out="leaked")
    assert files.read(leaked / "result.json")["quoted"] == 1
    assert _of(leaked, "overlap")["weight"] == "block"


def test_a_worked_solution_whose_call_failed_is_told_of(finished_run: ToyRun) -> None:
    (told,) = [
        row
        for row in _of(finished_run("teacher.trouble=one", "sizes.reflect=12", "sizes.train=20"), "errors-present")[
            "findings"
        ]
        if "worked" in row["subject"]
    ]
    assert (told["status"], told["severity"]) == ("fail", "warn")
    assert told["text"].startswith("1 of ")


def test_an_older_result_is_valid_and_what_it_does_not_hold_is_unknown(run: Made, tmp_path: Path) -> None:
    folder = run.write(tmp_path)
    result = files.read(folder / "result.json")
    ruled = shortcuts.automatic(closed=True)
    for entry in result["problems"]:
        del entry["truth_in_text"]
        for each in (entry, *entry["strata"]):
            each["trivial"] = [rule for rule in each["trivial"] if rule["rule"] not in ruled]
    for training in result["training"]:
        del training["quoted"], training["examples"]["right"]
    (folder / "result.json").write_text(files.pretty(result))
    assert validation.problems_of(folder) == []
    found = {row["id"]: (row["status"], row["weight"]) for row in audit(*runs.read(folder))["checks"]}
    assert found["recompute"] == ("unknown", "warn")  # no plugin of it is at hand to read its replies again
    assert found["overlap"] == found["below-trivial"] == ("unknown", "block")
    assert found["label-source"] == ("unknown", "warn")


def _removed_rules(result: Row) -> None:
    for entry in result["problems"]:
        entry["trivial"] = [rule for rule in entry["trivial"] if rule["rule"] != shortcuts.MAJORITY]


def _all_right(result: Row) -> None:
    result["training"][0]["examples"]["right"] += -1


def _nothing_quoted(result: Row) -> None:
    result["training"][0]["quoted"][0]["problems"] += 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_removed_rules, "problems[0].trivial: says"),
        (_all_right, "training[0].examples.right: says 19, the rows give 20"),
        (_nothing_quoted, "training[0].quoted[0].problems: says 1, the rows give 0"),
    ],
)
def test_what_a_result_says_of_rules_and_training_rows_is_held_against_the_rows(
    run: Made, tmp_path: Path, change: Callable[[Row], None], told: str
) -> None:
    folder = run.write(tmp_path)
    result = files.read(folder / "result.json")
    change(result)
    (folder / "result.json").write_text(files.pretty(result))
    found = _of(folder, "recompute")
    assert (found["status"], found["weight"]) == ("fail", "block")
    assert told in found["findings"][0]["text"]


def test_training_rows_that_quote_a_test_problem_block_from_the_files_alone(run: Made, tmp_path: Path) -> None:
    folder = run.write(tmp_path)
    path = folder / "examples/student-lora.jsonl"
    rows = files.read_lines(path)
    for row in rows:
        row["target"] = f"As in {run.split('test')[0]['text']}\n{row['target']}"
    path.write_text(files.lines(rows))
    result = files.read(folder / "result.json")
    result["files"]["examples/student-lora.jsonl"] = files.file_digest(path)
    (folder / "result.json").write_text(files.pretty(result))
    assert "training[0].quoted[1].problems: says 0, the rows give 1" in _of(folder, "recompute")["findings"][0]["text"]
