"""The plugin guide, followed to the letter: its files, installed with pip, make plugins that run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import api
from harness.api import hookspecs
from harness.audit import EXIT_BLOCKED
from harness.boundary import files
from tests import guides

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return guides.install("plugins.md", tmp_path_factory.mktemp("guide"))


def _harness(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    sources = [site, REPOSITORY, *(REPOSITORY / name for name in ("plugins", "tasks", "schemas"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources))}
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_the_guide_has_four_files() -> None:
    modules = {f"harness_larger/{name}.py" for name in ("__init__", "parts", "practice")}
    assert set(guides.files_of("plugins.md")) == {"pyproject.toml", *modules}


def test_the_guide_names_every_hook() -> None:
    guide = (REPOSITORY / "docs" / "plugins.md").read_text()
    hooks = [name for name in vars(hookspecs) if name.startswith("harness_")]
    assert len(hooks) == 15
    assert [name for name in hooks if f"`{name}`" not in guide] == []


def test_the_guide_names_the_whole_interface() -> None:
    guide = (REPOSITORY / "docs" / "plugins.md").read_text()
    table = guide.partition("| of `harness.api` | names |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(api.__all__)


def test_its_code_imports_the_interface_alone() -> None:
    guide = (REPOSITORY / "docs" / "plugins.md").read_text()
    imports = set(re.findall(r"^(?:from|import) (harness\S*)", guide, re.MULTILINE))
    assert imports == {"harness.api", "harness_larger"}


def test_its_plugins_are_listed_and_described(site: Path) -> None:
    listed = _harness(site, "plugin", "list").stdout
    assert "harness-larger" in listed
    shown = _harness(site, "plugin", "show", "teacher", "stubborn").stdout
    assert "what it always says" in shown


def test_its_teacher_and_task_run_and_give_a_valid_result_that_shows_nothing(site: Path, tmp_path: Path) -> None:
    arguments = (
        "--task",
        "larger",
        "--teacher",
        "stubborn",
        "--stages",
        "teacher-base",
        "--out",
        str(tmp_path / "run"),
    )
    process = _harness(site, "run", *arguments)
    assert process.returncode == EXIT_BLOCKED, process.stderr
    assert files.read(tmp_path / "run" / "audit.json")["blocking"] == ["constant-score"]
    (arm,) = files.read(tmp_path / "run" / "result.json")["arms"]
    assert arm["accuracy"]["value"] == 0.5
    assert arm["best_trivial"]["accuracy"] == 0.5
    assert _harness(site, "validate", str(tmp_path / "run")).returncode == 0


def test_its_teacher_refuses_a_wrong_answer_before_the_run(site: Path, tmp_path: Path) -> None:
    arguments = (
        "--task",
        "larger",
        "--teacher",
        "stubborn",
        "--out",
        str(tmp_path / "run"),
        "-o",
        "teacher.answer=MAYBE",
    )
    process = _harness(site, "run", *arguments)
    assert process.returncode == 2
    assert process.stderr == "harness: teacher.answer: got 'MAYBE', expected one of FIRST, SECOND\n"
    assert not (tmp_path / "run").exists()


def test_its_trainer_has_a_local_student_practise(site: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stages = "student-base,bootstrap,student-lora"
    chosen = ("--student", "qwen-tiny", "--trainer", "rejection", "--stages", stages, "--limit", "24")
    process = _harness(site, "run", *chosen, "-o", "trainer.epochs=1", "--out", str(run))
    assert process.returncode in (0, EXIT_BLOCKED), process.stderr
    (training,) = files.read(run / "result.json")["training"]
    practice = training["practice"]
    assert practice["replies"] == 2 * training["examples"]["rows"]
    assert practice["tokens"] > practice["replies"] >= practice["checked"] >= practice["accepted"] > 0
    assert training["logit_change"] > 0
    (found,) = (check for check in files.read(run / "audit.json")["checks"] if check["id"] == "label-source")
    assert any("supervised by the truth" in each["text"] for each in found["findings"])
    assert "told" in files.read_lines(run / "examples" / "student-lora.jsonl")[0]
    validated = _harness(site, "validate", str(run))
    assert validated.returncode == 0, validated.stdout + validated.stderr
