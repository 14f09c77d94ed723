from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import harness.audit as auditing
from harness.api import Evidence, Finding, MissingEvidenceError, Severity
from harness.audit import UNKNOWN, audit, runs
from harness.audit.checks import RULESET, CoreCheck
from harness.boundary import files, schemas
from harness.results.checking import beside, validation
from tests.harness.audit.cases import by_teacher_lead
from tests.harness.audit.results import Made, Row, honest, table


@pytest.fixture(scope="module")
def run() -> Made:
    return honest()


@pytest.fixture(scope="module")
def clean(run: Made) -> Row:
    return run.result()


def test_an_honest_run_is_valid_clean_and_shows_every_claim(clean: Row) -> None:
    assert not list(schemas.violations("result", clean))
    made = audit(clean, [])
    assert not list(schemas.violations("audit", made))
    assert (made["verdict"], made["blocking"], made["warnings"], made["claims"]["rung"]) == ("clean", [], [], 6)


def test_what_an_honest_run_leaves_is_what_validate_recomputes(run: Made, tmp_path: Path) -> None:
    folder = run.write(tmp_path)
    assert validation.problems_of(folder) == []
    for name in beside.BESIDE:
        assert validation.problems_of(folder / name) == []
    result, mismatches = runs.read(folder)
    assert audit(result, mismatches)["verdict"] == "clean"


def test_a_changed_number_blocks_once_the_rows_are_asked(run: Made, tmp_path: Path) -> None:
    folder = run.write(tmp_path)
    result = files.read(folder / "result.json")
    result["contrasts"][0]["worst_case"]["low"] += 0.01
    (folder / "result.json").write_text(files.pretty(result))
    made = audit(*runs.read(folder))
    assert made["blocking"] == ["recompute"]
    (folder / "items.jsonl").unlink()
    made = audit(*runs.read(folder))
    assert made["blocking"] == ["recompute"]
    assert [check["status"] for check in made["checks"] if check["id"] == "recompute"] == ["unknown"]


def test_a_table_of_counts_is_valid_and_never_clean(run: Made) -> None:
    counts = table(run)
    assert not list(schemas.violations("result", counts))
    assert audit(counts, None)["verdict"] == "blocked"


def test_an_audit_is_a_function_of_the_result(clean: Row) -> None:
    assert files.canonical(audit(clean, [])) == files.canonical(audit(files.parse(files.pretty(clean)), []))
    assert audit(clean, [])["result_sha256"] == files.digest(clean)
    assert audit(clean, [])["ruleset"] == RULESET


class _Toy:
    """A check that finds what it is told to."""

    id, rule, advice = "toy", "Holds.", "None."
    severity: Severity = "block"

    def __init__(self, *found: Any) -> None:
        self._found = found

    def look(self, evidence: Evidence) -> Iterable[Finding]:
        made = []
        assert evidence["arms"][0]["n"]
        for each in self._found:
            if isinstance(each, Exception):
                raise each
            made.append(each)
        return made


@pytest.mark.parametrize(
    ("found", "status", "weight"),
    [
        ([], "not-applicable", "none"),
        ([Finding("run", "pass", "")], "pass", "none"),
        ([Finding("run", "not-applicable", "")], "not-applicable", "none"),
        ([Finding("run", "fail", "")], "fail", "block"),
        ([Finding("run", "unknown", "")], "unknown", "block"),
        ([Finding("run", "fail", "", "warn"), Finding("x", "pass", "")], "fail", "warn"),
        ([Finding("run", "fail", "", "note"), Finding("x", "unknown", "")], "unknown", "block"),
        ([MissingEvidenceError("gone")], "unknown", "block"),
        ([KeyError("a text of a model")], "unknown", "block"),
        (["fine"], "unknown", "block"),
        ([Finding("run", "fine", "")], "unknown", "block"),  # type: ignore[arg-type]
        ([Finding("run", "fail", "", "fatal")], "unknown", "block"),  # type: ignore[arg-type]
        ([Finding("run", "pass", "", "fatal")], "unknown", "block"),  # type: ignore[arg-type]
        ([Finding("run", "pass", 1)], "unknown", "block"),  # type: ignore[arg-type]
        ([Finding("run", "pass", "", split=1)], "unknown", "block"),  # type: ignore[arg-type]
    ],
)
def test_a_check_says_and_weighs_what_is_worst_in_its_findings(
    clean: Row, found: list[Any], status: str, weight: str
) -> None:
    made = audit(clean, [], [_Toy(*found)])
    check = made["checks"][-1]
    assert (check["id"], check["status"], check["weight"]) == ("toy", status, weight)
    assert made["verdict"] == ("blocked" if weight == "block" else "clean")
    assert check["advice"] == (UNKNOWN if status == "unknown" else "None.")
    assert {"arms", "arms[0]", "arms[0].n"} <= set(check["read"])
    assert "a text of a model" not in files.canonical(made)


def test_what_was_found_before_a_check_broke_is_kept(clean: Row) -> None:
    class Broken(_Toy):
        def look(self, evidence: Evidence) -> Iterator[Finding]:
            assert evidence["arms"]
            yield Finding("run", "fail", "this is wrong", "warn")
            raise ValueError

    check = audit(clean, [], [Broken()])["checks"][-1]
    assert [row["text"] for row in check["findings"]] == ["this is wrong", "the check broke: ValueError"]


@pytest.mark.parametrize(("split", "rung"), [("harder", 4), ("test", 6), (None, 6)])
def test_what_is_wrong_on_the_harder_split_withholds_its_rung_whatever_it_is_called(
    clean: Row, split: str | None, rung: int
) -> None:
    for subject in ("run", "harder to read/test"):
        made = audit(clean, [], [_Toy(Finding(subject, "fail", "wrong", "warn", split))])
        assert made["claims"]["rung"] == rung


def test_a_check_of_the_harness_that_breaks_is_a_fault_to_be_seen(clean: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(evidence: Evidence) -> Iterator[Finding]:
        yield Finding("run", "pass", str(evidence["arms"][0]["n"]))
        raise KeyError("what went wrong")

    ours = CoreCheck("ours", "Holds.", "block", "None.", broken)
    monkeypatch.setattr(auditing, "checks", lambda _: (ours,))
    with pytest.raises(KeyError, match="what went wrong"):
        audit(clean, [])


def test_a_difference_of_which_the_design_finds_none_is_told_as_such() -> None:
    made = audit(by_teacher_lead(6).result(), [])
    (check,) = (check for check in made["checks"] if check["id"] == "underpowered")
    (told,) = (row for row in check["findings"] if row["status"] != "pass")
    assert told["subject"] == "teacher-strategy - teacher-base/test"
    assert told["text"] == "differ by 5.0 points on 120 problems; they differ on too few to rely on any"
