from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.boundary import files, schemas
from harness.cli import main
from tests.conftest import ToyRun


def _compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


@pytest.fixture
def runs(finished_run: ToyRun) -> tuple[Path, Path]:
    """The same experiment, and one whose teacher's replies are all cut."""
    return finished_run(out="a"), finished_run(
        "teacher.trouble=cut", out="b", stages=("teacher-base",), accept_unreadable=True
    )


@pytest.fixture
def seeded(finished_run: ToyRun) -> Path:
    return finished_run(out="seeded", training_seeds=2)


def test_no_accuracy_stands_without_n_interval_trivial_score_and_missing_answers(
    runs: tuple[Path, Path], seeded: Path
) -> None:
    for a, b in (runs, (runs[0], runs[0]), (seeded, seeded), (runs[0], seeded)):
        done = _compare(a, b)
        made = json.loads(_compare(a, b, "--json").stdout)
        assert done.exit_code == 0, done.output
        lines = done.stdout.splitlines()
        start = next(index for index, line in enumerate(lines) if line.startswith("arm/split")) + 2
        table = lines[start : lines.index("", start)]
        shown = [line for line in table if re.search(r" [AB] +\d+ ", line)]
        expected = [entry for arm in made["arms"] for entry in (*arm["a"], *arm["b"])]
        assert len(shown) == len(expected)
        for line, entry in zip(shown, expected, strict=True):
            accuracy, best = entry["accuracy"], entry["best_trivial"]
            told = [accuracy["value"], accuracy["low"], accuracy["high"], *([best["accuracy"]] if best else [])]
            assert re.findall(r"\d+\.\d", line) == [f"{100 * share:.1f}" for share in told]
            assert re.search(rf" [AB] +{entry['n']} ", line)
            assert line.endswith(f" {entry['blank']}")
        elsewhere = lines[:start] + lines[start + len(table) :]
        assert not [line for line in elsewhere if "%" in line and re.search(r"\d\.\d", line)]


def test_every_line_fits_in_80_columns(runs: tuple[Path, Path], seeded: Path) -> None:
    for a, b in (runs, (seeded, seeded), (runs[0], seeded)):
        lines = _compare(a, b, "--fail-if", "teacher-base.accuracy < 1").stdout.splitlines()
        assert max(len(line) for line in lines if not line.startswith(("A: ", "B: "))) <= 80


def test_blocked_audits_and_simulated_parts_are_said_on_top(runs: tuple[Path, Path]) -> None:
    lines = _compare(*runs).stdout.splitlines()
    a, b = lines.index(f"A: {runs[0]}"), lines.index(f"B: {runs[1]}")
    assert a == 0
    for start in (a, b):
        told = " ".join(" ".join(lines[start + 1 : start + 5]).split())
        assert told.startswith("audit: BLOCKED by ")
        assert "SIMULATED: teacher toy." in told


def test_the_differences_are_those_of_the_json(runs: tuple[Path, Path]) -> None:
    (arm,) = json.loads(_compare(*runs, "--json").stdout)["arms"]
    assert (arm["arm"], arm["difference"]["blank"]["value"]) == ("teacher-base", 1.0)
    (line,) = [line for line in _compare(*runs).stdout.splitlines() if re.match(r"teacher-base/test +-", line)]
    difference, entry = arm["difference"]["accuracy"], arm["by_seed"][0]
    for value in (difference["value"], difference["low"], difference["high"]):
        assert f"{100 * value:+.1f}" in line
    assert line.split()[-4:] == [str(entry[name]) for name in ("kept", "fixed", "broken", "still_wrong")]


def test_the_json_keeps_its_schema(runs: tuple[Path, Path], seeded: Path) -> None:
    for a, b in (runs, (seeded, seeded)):
        made = json.loads(_compare(a, b, "--json", "--fail-if", "teacher-base.blank > 0.5").stdout)
        assert list(schemas.violations("compare", made)) == []


def test_several_seeds_are_all_shown_with_their_mean(seeded: Path) -> None:
    lines = _compare(seeded, seeded, "--only", "student-lora/test").stdout.splitlines()
    assert [line.split()[0:3] for line in lines if line.startswith("  seed 999 ")][:2] == [
        ["seed", "999", "A"],
        ["seed", "999", "B"],
    ]
    assert sum(line.startswith("student-lora/test") for line in lines) == 2
    assert any(line.startswith("several training seeds: the mean of their differences") for line in lines)


def test_without_rows_it_says_that_it_is_weaker(runs: tuple[Path, Path], tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_bytes((runs[0] / "result.json").read_bytes())
    told = " ".join(_compare(alone, runs[0]).stdout.split())
    assert "UNPAIRED: items.jsonl is not beside A, so the answers" in told
    assert "These intervals are weaker than paired ones" in told
    assert "kept" not in told


def test_the_settings_that_differ_are_told(runs: tuple[Path, Path]) -> None:
    told = _compare(*runs).stdout
    assert "A and B differ in\n  plan.plugins.teacher.options.trouble:  -> cut\n" in told
    assert "A and B do not differ in plan" in _compare(runs[0], runs[0]).stdout
    assert "in A alone: student-base/test," in told


def test_a_condition_that_holds_gives_exit_1(runs: tuple[Path, Path]) -> None:
    done = _compare(*runs, "--fail-if", "teacher-base.accuracy < -0.02", "--fail-if", "teacher-base.blank.high < 0")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [
        "FAILED, as asked: teacher-base.accuracy < -0.02 (it is -0.666667)",
        "does not hold: teacher-base.blank.high < 0 (it is +1)",
    ]


def test_a_condition_that_does_not_hold_gives_exit_0(runs: tuple[Path, Path]) -> None:
    done = _compare(runs[0], runs[0], "--fail-if", "student-lora.accuracy < -0.02", "--json")
    assert done.exit_code == 0
    made = json.loads(done.stdout)
    assert made["conditions"] == [{"condition": "student-lora.accuracy < -0.02", "value": 0.0, "holds": False}]
    assert made["failed"] is False


def _refused(*arguments: object) -> str:
    done = _compare(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_what_cannot_be_compared_gives_one_line_and_exit_2(runs: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = runs
    assert _refused(tmp_path / "none", b).startswith(f"harness: {tmp_path}/none: No such file or directory; give a run")
    assert "--fail-if: no metric 'acuracy'; did you mean" in _refused(a, b, "--fail-if", "student-lora.acuracy < 0")
    assert "student-lora/test is not compared" in _refused(a, b, "--fail-if", "student-lora.accuracy < 0")
    only = "--only: no 'student-lora' in both results; they share: teacher-base"
    assert _refused(a, b, "--only", "student-lora") == f"harness: {only}"
    assert _refused(a, b, "--only", "teacher-base/x").endswith("they share: teacher-base/test")
    assert "Missing argument 'B'" in _refused(a)
    result = files.read(b / "result.json")
    result["plan"]["plugins"]["task"]["version"] = "1.1\x1b[2J"
    (b / "result.json").write_text(json.dumps(result))
    assert "plan.plugins.task.version: 1.0 in A, 1.1 [2J in B;" in _refused(a, b)


@pytest.mark.parametrize(
    "text", ["", "[]", "NaN", '{"a": 1, "a": 2}', "[" * 100_000, '{"schema": 1}', "\udcff", '"\\ud800"']
)
def test_a_hostile_file_gives_one_line_and_exit_2(runs: tuple[Path, Path], tmp_path: Path, text: str) -> None:
    path = tmp_path / "hostile.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    for arguments in ((path, runs[1]), (runs[1], path)):
        assert _refused(*arguments).startswith(f"harness: {path}: not ")


def test_what_a_result_says_of_itself_cannot_act_on_the_terminal(finished_run: ToyRun) -> None:
    run_dir = finished_run(stages=("student-base",))
    result: Any = files.read(run_dir / "result.json")
    result["simulated"] = ["teacher \x1b[2J\x9b2J"]
    result["identities"]["student"]["model"] = "\x1b]0;x\x07"
    (run_dir / "result.json").write_text(json.dumps(result))
    (run_dir / "other.json").write_text(
        json.dumps({**result, "identities": {**result["identities"], "student": {"provider": "x"}}})
    )
    done = _compare(run_dir, run_dir / "other.json")
    assert done.exit_code == 0, done.output
    assert not [char for char in done.stdout if not char.isprintable() and char != "\n"]
