"""Plugins that break somewhere: one line with the plugin's name, the right exit code, and the way to go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import URLError

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel, field_validator

from harness.api import hookimpl
from harness.cli import main
from tests import toys
from tests.harness.conftest import FakeDistribution

TOYS = ("--task=parity", "--teacher=toy", "--student=toy", "--reflection=toy", "--trainer=toy", "--preset=small")
STAGES = "--stages=teacher-base,bootstrap,student-lora"
AT_RUN_TIME = [
    (toys.ToyTeacher, "teacher 'toy'", "complete"),
    (toys.ToyReflection, "reflection 'toy'", "learn"),
    (toys.ToyStudent, "student 'toy'", "generate"),
    (toys.ToyStudent, "student 'toy'", "probe"),
    (toys.ToyTrainer, "trainer 'toy'", "train"),
]
BEFORE = [
    (toys.Parity, "task 'parity'", "problems"),
    (toys.Parity, "task 'parity'", "prompt"),
    (toys.Parity, "task 'parity'", "rules"),
    (toys.ParityVerifier, "verifier 'parity'", "truth"),
    (toys.ParityVerifier, "verifier 'parity'", "steps"),
    (toys.ToyTeacher, "teacher 'toy'", "cost"),
    (toys.ToyTeacher, "teacher 'toy'", "worst_cost"),
    (toys.ToyTeacher, "teacher 'toy'", "preflight"),
    (toys.ToyTeacher, "teacher 'toy'", "identity"),
    (toys.ToyStudent, "student 'toy'", "preflight"),
    (toys.ToyStudent, "student 'toy'", "identity"),
    (toys.ToyStudent, "student 'toy'", "batch_size"),
    (toys.ToyReflection, "reflection 'toy'", "calls"),
    (toys.ToyTrainer, "trainer 'toy'", "preflight"),
    (toys.ToyTrainer, "trainer 'toy'", "settings"),
]
PROPERTIES = ("identity", "settings", "batch_size", "rules")

pytestmark = pytest.mark.usefixtures("toy_site")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *TOYS, STAGES, "--out", "run", *arguments])


def _breaks(monkeypatch: pytest.MonkeyPatch, part: type, name: str, error: BaseException) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr(part, name, property(broken) if name in PROPERTIES else broken)


def _told(result: Result, who: str, name: str) -> str:
    """The line that names the plugin."""
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("harness: "))
    assert f"{who} (harness-toys 1.0, tests.toys) failed in {name}: " in line or who in line
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    return line


@pytest.mark.parametrize(("part", "who", "name"), AT_RUN_TIME, ids=lambda value: str(value))
def test_a_plugin_that_ends_the_program_in_the_middle_is_an_error_with_its_name(
    monkeypatch: pytest.MonkeyPatch, part: type, who: str, name: str
) -> None:
    _breaks(monkeypatch, part, name, SystemExit(0))
    result = _run()
    line = _told(result, who, name)
    assert f"{who} (harness-toys 1.0, tests.toys) failed in {name}: SystemExit: 0; mend or update the plugin" in line
    assert result.exit_code == 1
    assert result.stderr.endswith("go on, once the plugin is mended, with:\nharness run --fork run\n")


@pytest.mark.parametrize(("part", "who", "name"), BEFORE, ids=lambda value: str(value))
def test_a_plugin_that_ends_the_program_before_the_run_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, part: type, who: str, name: str
) -> None:
    _breaks(monkeypatch, part, name, SystemExit(0))
    result = _run()
    _told(result, who, name)
    assert result.exit_code == 2
    assert "go on with" not in result.stderr
    assert b"complete" not in (Path("run/journal.jsonl").read_bytes() if Path("run/journal.jsonl").exists() else b"")


@pytest.mark.parametrize("error", [TimeoutError("timed out"), URLError("no host"), ConnectionResetError(104, "reset")])
def test_a_teacher_s_network_is_no_file(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    _breaks(monkeypatch, toys.ToyTeacher, "complete", error)
    result = _run()
    line = _told(result, "teacher 'toy'", "complete")
    assert f"failed in complete: {type(error).__name__}" in line
    assert "if it comes again, mend or update the plugin" in line
    assert result.exit_code == 1
    assert result.stderr.endswith("go on with:\nharness run --resume run\n")


@pytest.mark.parametrize("error", [SystemExit(0), RuntimeError("no"), ZeroDivisionError()])
def test_a_validator_of_options_that_breaks_names_its_plugin(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    class Options(BaseModel):
        level: int = 1

        @field_validator("level")
        @classmethod
        def _broken(cls, value: int) -> int:  # noqa: ARG003 - a validator's signature
            raise error

    (teacher, *_) = toys.harness_teachers()
    changed: Any = {**vars(teacher), "options": Options}
    monkeypatch.setattr(toys, "harness_teachers", hookimpl(lambda: [type(teacher)(**changed)]))
    result = _run("-o", "teacher.level=3")
    assert result.exit_code == 2
    assert "teacher 'toy' (harness-toys 1.0, tests.toys) failed in its options: " in _told(result, "teacher 'toy'", "")


def test_what_plugins_print_is_no_part_of_the_output_of_a_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, create = toys.Parity.parse, toys.ToyTeacher.__init__

    def talkative(self: toys.Parity, reply: str) -> str | None:
        print("a plugin says")
        return parse(self, reply)

    def made(self: toys.ToyTeacher, options: toys.Options) -> None:
        print("a plugin says")
        create(self, options)

    monkeypatch.setattr(toys.Parity, "parse", talkative)
    monkeypatch.setattr(toys.ToyTeacher, "__init__", made)
    result = _run()
    assert "a plugin says" in result.stderr
    assert "a plugin says" not in result.stdout
    assert result.stdout.startswith("\narm ")
    assert result.stdout.endswith("result: run/result.json\nreport: run/report.html\n")


def test_a_check_that_prints_does_not_spoil_the_audit_as_json(fake_distribution: FakeDistribution) -> None:
    assert _run().exit_code == 3
    source = """
from pydantic import BaseModel
from harness.api import CheckSpec, hookimpl

class Options(BaseModel): ...

class Loud:
    id, rule, severity, advice = "loud", "Be quiet.", "note", "Be quiet."

    def look(self, evidence):
        print("a check says")
        return []

@hookimpl
def harness_checks():
    return [CheckSpec(name="loud", summary="Loud.", options=Options, create=lambda options: Loud())]
"""
    fake_distribution("harness-loud", {"harness.checks": {"loud": "loud_module"}}, {"loud_module": source})
    result = CliRunner().invoke(main, ["audit", "run", "--check", "loud", "--json"])
    assert result.exit_code == 3, result.output
    assert json.loads(result.stdout)["checks"][-1]["id"] == "loud"
    assert result.stderr == "a check says\n"


def test_a_record_that_is_not_what_it_was_is_not_told_to_be_gone_on_with() -> None:
    assert _run().exit_code == 3
    (Path("run/adapters/student-lora") / "adapter_model.safetensors").write_text("other")
    result = CliRunner().invoke(main, ["run", "--resume", "run"])
    assert result.exit_code == 1
    assert "is not the one that was trained; restore it or start a new run" in result.stderr
    assert "go on with" not in result.stderr


def test_an_observer_that_breaks_is_told_with_where_it_comes_from(fake_distribution: FakeDistribution) -> None:
    source = """
from pydantic import BaseModel
from harness.api import ObserverSpec, hookimpl

class Options(BaseModel): ...

class Breaking:
    @hookimpl
    def harness_run_finished(self, event):
        raise SystemExit(0)

@hookimpl
def harness_observers():
    return [ObserverSpec(name="bad", summary="Bad.", options=Options, create=lambda options: Breaking())]
"""
    fake_distribution("harness-bad", {"harness.observers": {"bad": "bad_observer"}}, {"bad_observer": source})
    result = _run("--observer", "bad")
    assert result.exit_code == 3, result.output
    told = "observer 'bad' (harness-bad 1.0, bad_observer) failed in harness_run_finished: SystemExit: 0\n"
    assert result.stderr.endswith(f"harness: warning: {told}")
