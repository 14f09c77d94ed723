"""Whole runs with a random checkpoint: what must hold between a stop and a resume, and before anything is bought."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import run
from harness.api import Completion, UsageError
from harness.boundary import files
from harness.design.plan import UserSettings
from harness.registry.observers import Observers
from harness_qwen_lora.student import QwenStudent

Prepare = Callable[..., Any]


@pytest.fixture
def folder(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def settings(folder: Path, *assignments: str, **user: Any) -> UserSettings:
    given = {"student": "qwen-lora", "stages": ["student-base"], "limit": 4} | user
    small = (f"student.model={folder}", "student.device=cpu", "student.max_new_tokens=4", "student.batch_size=1")
    return UserSettings(given, assignments=(*small, *assignments))


def stopped(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *assignments: str) -> None:
    """A run that ends after its student's first call."""
    real = QwenStudent.generate
    calls: list[int] = []

    def generate(self: QwenStudent, *given: Any) -> list[Completion]:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return real(self, *given)

    plan, components = run.prepare(settings(folder, *assignments, limit=6))
    with monkeypatch.context() as patch:
        patch.setattr(QwenStudent, "generate", generate)
        with pytest.raises(KeyboardInterrupt):
            run.start(plan, components, out, Observers([]))


def test_template_that_was_edited_between_a_stop_and_a_resume_is_refused_by_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "chat_template.jinja"
    stopped(folder, tmp_path / "run", monkeypatch)
    text = (folder / name).read_text()
    (folder / name).write_text(text + "\n")
    with pytest.raises(UsageError, match=rf"student\.identity\.files_sha256\.{name}: is another"):
        run.resume(tmp_path / "run", Observers([]))
    (folder / name).write_text(text)
    run.resume(tmp_path / "run", Observers([]))
    assert files.read(tmp_path / "run" / "result.json")["arms"][0]["n"] == 6


def test_arguments_and_date_of_a_template_are_part_of_the_plan_and_of_the_result(folder: Path, tmp_path: Path) -> None:
    plan, components = run.prepare(
        settings(folder, "student.template_arguments={enable_thinking=false}", "student.template_date=2026-05-06")
    )
    run.start(plan, components, tmp_path / "run", Observers([]))
    result = files.read(tmp_path / "run" / "result.json")
    options = result["plan"]["plugins"]["student"]["options"]
    for said in (options, result["identities"]["student"]):
        assert (said["template_arguments"], said["template_date"]) == ({"enable_thinking": False}, "2026-05-06")


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("student.template_arguments={messages=[]}", "not for the user to set"),
        ("student.template_date=yesterday", "template_date"),
    ],
)
def test_argument_that_is_none_of_the_templates_is_refused(folder: Path, assignment: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        run.prepare(settings(folder, assignment))


def test_checkpoint_that_cannot_be_trained_is_refused_before_the_run_directory_is_made(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")
    plan, components = run.prepare(settings(folder))
    run.start(plan, components, tmp_path / "base", Observers([]))
    plan, components = run.prepare(
        settings(folder, "trainer.target_modules=all-linear", stages=["student-base", "bootstrap", "student-lora"])
    )
    with pytest.raises(UsageError, match="ends a reply with no control token"):
        run.start(plan, components, tmp_path / "trained", Observers([]))
    assert not (tmp_path / "trained").exists()
