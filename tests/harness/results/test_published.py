from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api import UsageError
from harness.audit import audit
from harness.boundary import files, schemas
from harness.design.plan import UserSettings
from harness.design.transfer import TRANSFER
from harness.results import published

HEAD = "arm,stratum,correct,n\n"
pytestmark = pytest.mark.usefixtures("toy_site")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts.csv"


def _imported(path: Path, text: str, *assignments: str) -> dict[str, Any]:
    path.write_text(text)
    return published.imported(path, UserSettings({"task": "parity", "preset": "small"}, None, assignments))


def test_counts_become_a_valid_result_that_says_where_it_is_from(path: Path) -> None:
    result = _imported(path, f"{HEAD}teacher-base,SMALL,5,6\nteacher-base,LARGE,3,6\nstudent-lora,,9,12\n")
    assert list(schemas.violations("result", result)) == []
    assert (result["source"], result["files"]) == ("table", {"counts.csv": files.file_digest(path)})
    teacher, student = result["arms"]
    assert (teacher["arm"], teacher["correct"], teacher["n"], teacher["problems"]) == ("teacher-base", 8, 12, 12)
    assert [(stratum["stratum"], stratum["correct"]) for stratum in teacher["strata"]] == [("SMALL", 5), ("LARGE", 3)]
    assert (student["correct"], student["strata"]) == (9, [])
    assert teacher["best_trivial"] == {"rule": "always-even", "correct": 8, "accuracy": 0.666667}
    assert {entry["split"] for entry in result["problems"]} == {"reflect", "test", "train"}


def test_what_a_table_does_not_hold_is_null_and_blocks_the_audit(path: Path) -> None:
    result = _imported(path, f"{HEAD}student-lora,,9,12\n")
    (arm,) = result["arms"]
    for name in ("outcomes", "predictions", "bounds", "over_trivial", "models", "wording_sha256", "steps"):
        assert arm[name] is None, name
    assert {kind: choice is None for kind, choice in result["plan"]["plugins"].items()} == {
        "task": False,
        "verifier": False,
        **dict.fromkeys(published.UNKNOWN_PLUGINS, True),
    }
    assert result["quoted"] is None
    made = audit(result, None)
    assert made["verdict"] == "blocked"
    assert {"no-information", "unparsed", "errors-present", "model-drift", "recompute"} <= set(made["blocking"])


def test_only_the_sets_that_the_arms_learned_from_are_drawn(path: Path) -> None:
    result = _imported(path, f"{HEAD}teacher-base,,8,12\n")
    assert [entry["split"] for entry in result["problems"]] == ["test"]
    assert result["plan"]["stages"] == ["teacher-base"]


def test_the_setting_can_be_given_as_in_a_run(path: Path) -> None:
    (arm,) = _imported(path, f"{HEAD}teacher-base,,8,30\n", "sizes.test=30")["arms"]
    assert arm["problems"] == 30
    result = _imported(path, f"{HEAD}teacher-base,,3,5\n", "run.limit=5")
    assert (result["plan"]["limit"], result["arms"][0]["problems"], result["problems"][0]["n"]) == (5, 5, 5)


def test_spaces_and_the_mark_that_spreadsheets_put_in_front_do_no_harm(path: Path) -> None:
    plain = _imported(path, f"{HEAD}teacher-base,SMALL,5,6\n")["arms"]
    assert _imported(path, f"\ufeff{HEAD}\r\n teacher-base , SMALL , 5 , 6 \r\n")["arms"] == plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected the columns arm,stratum,correct,n, got nothing"),
        ("arm;stratum;correct;n\n", "line 1: expected the columns arm,stratum,correct,n, got arm;stratum;correct;n"),
        ("arm,correct,n\n", "line 1: expected the columns arm,stratum,correct,n, got arm,correct,n"),
        (HEAD, "no rows; expected one for each arm and stratum"),
        (f"{HEAD}teacher-bas,,8,12\n", "line 2: no arm 'teacher-bas'; did you mean 'teacher-base'? arms: student-base"),
        (f"{HEAD}bootstrap,,3,6\n", "line 2: no arm 'bootstrap'"),
        (f"{HEAD}x\x1b[31m,,3,6\n", r"line 2: no arm 'x\x1b[31m'"),
        (f"{HEAD}teacher-base,8,12\n", "line 2: expected the 4 values arm,stratum,correct,n"),
        (f"{HEAD}teacher-base,,8,12,13\n", "line 2: expected the 4 values arm,stratum,correct,n"),
        (f"{HEAD}teacher-base,,8.5,12\n", "line 2: correct is '8.5'; expected a whole number"),
        (f"{HEAD}teacher-base,,8,1_2\n", "line 2: n is '1_2'; expected a whole number"),
        (f"{HEAD}teacher-base,,-8,12\n", "line 2: correct is '-8'; expected a whole number"),
        (f"{HEAD}teacher-base,,,12\n", "line 2: correct is ''; expected a whole number"),
        (f"{HEAD}teacher-base,,8,{'9' * 5000}\n", "line 2: n is '99999999999999999999'; expected a whole number"),
        (f"{HEAD}teacher-base,,13,12\n", "line 2: 13 of 12 right; expected at least one problem, and at most n"),
        (f"{HEAD}teacher-base,,0,0\n", "line 2: 0 of 0 right; expected at least one problem"),
        (f"{HEAD}teacher-base,,8,13\n", "teacher-base in all: 13 problems; this setting has 12. Choose the preset"),
        (f"{HEAD}teacher-base,SMALL,5,7\n", "teacher-base SMALL: 7 problems; this setting has 6"),
        (f"{HEAD}teacher-base,TINY,5,6\n", "teacher-base: no stratum 'TINY' in this setting; it has LARGE, SMALL"),
        (f"{HEAD}teacher-base,SMALL,5,6\nteacher-base,SMALL,5,6\n", "line 3: teacher-base has 'SMALL' already; give"),
        (f"{HEAD}teacher-base,SMALL,5,6\nteacher-base,,5,6\n", "line 3: teacher-base has 'SMALL' already; give"),
        (f"{HEAD}teacher-base,,5,6\nteacher-base,SMALL,5,6\n", "line 3: teacher-base has all together already; give"),
        (f'{HEAD}teacher-base,"SMALL,5,6\n', "line 2: not CSV (unexpected end of data)"),
        (f"{HEAD}{'x' * 200_000},,5,6\n", "line 2: not CSV (field larger than field limit (131072))"),
    ],
)
def test_a_table_that_is_wrong_is_one_line_with_its_place(path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _imported(path, text)
    assert str(caught.value).startswith(f"--table {path}: {message}")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe", "UTF-16 text; save it as UTF-8; give a CSV file"),
        (None, "No such file or directory; give a CSV file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(path: Path, data: bytes | None, message: str) -> None:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UsageError, match=message):
        published.read(path, TRANSFER)
    with pytest.raises(UsageError, match="not a regular file; give a CSV file"):
        published.read(path.parent, TRANSFER)


@pytest.mark.parametrize("run", [{"task": "nosuch"}, {"preset": "nosuch"}])
def test_a_setting_that_does_not_exist_is_one_line(path: Path, run: dict[str, str]) -> None:
    path.write_text(f"{HEAD}teacher-base,,8,12\n")
    with pytest.raises(UsageError, match="nosuch"):
        published.imported(path, UserSettings({"task": "parity", "preset": "small", **run}))
