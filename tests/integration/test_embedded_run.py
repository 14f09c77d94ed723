"""The embedded default, whole and by the real command: a capability moves, and the controls say why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.boundary import files
from harness.results.checking.validation import problems_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedded") / "run"
    subprocess.run([sys.executable, "-m", "harness", "run", "--out", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def arms(run_dir: Path) -> dict[tuple[str, str], dict[str, Any]]:
    result = files.read(run_dir / "result.json")
    return {(arm["arm"], arm["split"]): arm for arm in result["arms"]}


Arms = dict[tuple[str, str], dict[str, Any]]


def _share(arms: Arms, name: str, split: str = "test") -> float:
    return float(arms[name, split]["accuracy"]["value"])


@pytest.mark.timeout(900)
def test_the_result_is_valid(run_dir: Path) -> None:
    assert problems_of(run_dir / "result.json") == []


def test_the_student_could_not_do_the_task_and_then_can(arms: Arms) -> None:
    assert _share(arms, "student-base") <= 0.55
    assert _share(arms, "student-lora") >= 0.95
    assert _share(arms, "student-lora") > arms["student-lora", "test"]["best_trivial"]["accuracy"]


def test_answers_without_the_work_do_not_suffice(arms: Arms) -> None:
    assert _share(arms, "lora-labels") <= 0.70


def test_every_control_is_clearly_under_the_treatment(run_dir: Path) -> None:
    contrasts = {
        (row["first"], row["second"], row["split"]): row for row in files.read(run_dir / "result.json")["contrasts"]
    }
    for control in ("lora-labels", "lora-naive", "lora-shuffled"):
        assert contrasts["student-lora", control, "test"]["difference"]["low"] > 0.1, control


def test_trained_arms_took_the_same_items_and_steps_and_their_tokens_are_recorded(run_dir: Path) -> None:
    trained = {row["arm"]: row for row in files.read(run_dir / "result.json")["training"]}
    assert len({(row["examples"]["rows"], row["steps"]) for row in trained.values()}) == 1
    assert all(row["examples"]["labelled_by_teacher"] == 200 for row in trained.values())
    assert trained["lora-labels"]["supervised_tokens"] < trained["student-lora"]["supervised_tokens"]
    assert trained["lora-shuffled"]["supervised_tokens"] == trained["student-lora"]["supervised_tokens"]
    assert all(row["logit_change"] > 0 for row in trained.values())


def test_the_students_written_steps_are_checked(arms: Arms) -> None:
    steps = arms["student-lora", "test"]["steps"]
    assert steps["right"] >= 0.9 * steps["shown"] >= 0.9 * 0.95 * 300
    assert arms["student-base", "test"]["steps"]["shown"] == 0


def test_the_students_own_skills_are_asked_before_and_after(arms: Arms) -> None:
    assert _share(arms, "student-base", "skills") >= 0.8
    assert arms["student-lora", "skills"]["n"] == arms["student-base", "skills"]["n"] == 150


def test_the_audit_is_clean_and_supports_that_what_the_teacher_learned_matters(run_dir: Path) -> None:
    audit = files.read(run_dir / "audit.json")
    assert (audit["verdict"], audit["blocking"]) == ("clean", [])
    assert audit["claims"]["rung"] >= 4
    assert all(rung["reasons"] for rung in audit["claims"]["rungs"])
    assert [check["id"] for check in audit["checks"] if check["status"] == "unknown"] == []
