"""The published setting, by the real command: its problem sets, and what the audit says of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.audit import EXIT_BLOCKED
from harness.boundary import files
from harness.results.checking.validation import problems_of

STAGES = "student-base,teacher-base,bootstrap,student-lora"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published") / "run"
    command = [
        sys.executable,
        "-m",
        "harness",
        "run",
        "--preset",
        "published",
        "--stages",
        STAGES,
        "--out",
        str(folder),
    ]
    done = subprocess.run([*command, "-o", "sizes.harder=0", "-o", "sizes.skills=0"], check=False)
    assert done.returncode == EXIT_BLOCKED
    return folder


@pytest.fixture(scope="module")
def result(run_dir: Path) -> Any:
    return files.read(run_dir / "result.json")


@pytest.mark.timeout(600)
def test_the_result_is_valid(run_dir: Path) -> None:
    assert problems_of(run_dir) == []


def test_the_test_set_has_the_published_labels(result: Any) -> None:
    (test,) = (entry for entry in result["problems"] if entry["split"] == "test")
    assert (test["n"], test["labels"]) == (150, {"NO": 18, "YES": 132})
    assert {stratum["stratum"]: (stratum["n"], stratum["labels"]["YES"]) for stratum in test["strata"]} == {
        "EASY": (50, 50),
        "MEDIUM": (50, 45),
        "HARD": (50, 37),
    }
    always_yes = next(rule for rule in test["trivial"] if rule["rule"] == "always-yes")
    assert always_yes["correct"] == 132


def test_it_trains_on_answers_of_the_verifier_and_asks_each_stage_in_its_own_words(result: Any) -> None:
    assert [row["examples"]["labelled_by_verifier"] for row in result["training"]] == [100]
    wordings = [arm["wording_sha256"] for arm in result["arms"] if arm["split"] == "test"]
    assert len(set(wordings)) == len(wordings) == 3


def test_the_audit_names_what_the_setting_does_not_show(run_dir: Path) -> None:
    made = files.read(run_dir / "audit.json")
    assert {"imbalance", "prompt-mismatch", "overlap", "label-source"} <= set(made["blocking"])
    assert made["claims"]["rung"] == 0
    (imbalance,) = (check for check in made["checks"] if check["id"] == "imbalance")
    assert imbalance["findings"][0]["text"].startswith("132 YES, 18 NO of 150")
