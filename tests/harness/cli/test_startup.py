from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness.api import HarnessError, UsageError
from harness.cli import VERBS, main

FakeDistribution = Callable[..., Path]
COMMAND = Path(sys.executable).parent / "harness"
HEAVY = {"torch", "transformers", "peft", "accelerate", "anthropic", "jsonschema", "pydantic", "scipy", "numpy", "rich"}
PROBE = """
import sys
sys.argv = ["harness", *sys.argv[1:]]
from harness.cli import main
try:
    main()
finally:
    print(sorted({name.partition(".")[0] for name in sys.modules}))
"""


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Lets ``harness plugin list`` end in an error."""

    def installed(_: object) -> None:
        raise error

    monkeypatch.setattr("harness.cli.plugin.installed", installed)


@pytest.mark.parametrize("args", [["--help"], ["plugin", "list"], ["plugin", "--help"], ["plugin", "list", "--json"]])
def test_a_quick_command_imports_nothing_heavy_and_no_plugin(args: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, *args], capture_output=True, text=True, check=True)
    modules = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    assert "harness" in modules
    assert not modules & HEAVY
    assert not {name for name in modules if name.startswith("harness_")}


def test_a_dry_run_with_a_local_student_and_a_trainer_imports_no_library_of_models() -> None:
    few = [f"-osizes.{split}=2" for split in ("test", "reflect", "train", "harder")]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "run", "--dry-run", *few], capture_output=True, text=True, check=True
    )
    modules = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    assert {"harness_qwen_lora", "harness_scheduling"} <= modules
    assert not modules & (HEAVY - {"pydantic"})


def test_the_installed_command_lists_a_third_party_plugin(fake_distribution: FakeDistribution) -> None:
    site = fake_distribution("harness-mine", {"harness.teachers": {"mine": "mine_module"}})
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run([COMMAND, "plugin", "list"], capture_output=True, text=True, check=True, env=environment)
    assert ["teacher", "mine", "harness-mine", "1.0", "mine_module"] in [
        line.split() for line in done.stdout.splitlines()
    ]


def test_the_installed_command_exits_2_with_one_line_on_a_wrong_name() -> None:
    done = subprocess.run([COMMAND, "plugin", "show", "teacher", "nosuch"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("harness: no teacher named 'nosuch'; ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_command_and_its_line_of_help(verb: str) -> None:
    assert isinstance(import_module(f"harness.cli.{verb}").command, click.Command)
    assert VERBS[verb] in CliRunner().invoke(main, ["--help"]).stdout


def test_a_verb_says_the_same_of_itself_wherever_it_is_listed() -> None:
    with click.Context(main) as ctx:
        shown = {name: main.get_command(ctx, name) for name in VERBS}
    assert {name: verb and verb.get_short_help_str(limit=100) for name, verb in shown.items()} == VERBS


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout.startswith("harness, version ")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (HarnessError("no\nluck\x1b[2J"), 1, "harness: no luck [2J"),
        (UsageError("got 0, expected 1"), 2, "harness: got 0, expected 1"),
        (KeyboardInterrupt(), 130, "harness: interrupted"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    fails_with(monkeypatch, error)
    result = CliRunner().invoke(main, ["plugin", "list"])
    assert result.exit_code == code
    assert result.stderr == f"{line}\n"


def test_a_traceback_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, UsageError("got 0, expected 1"))
    result = CliRunner().invoke(main, ["--traceback", "plugin", "list"])
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("UsageError: got 0, expected 1\n")


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, ZeroDivisionError())
    assert isinstance(CliRunner().invoke(main, ["plugin", "list"]).exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["plugn"], f"No command 'plugn'; did you mean 'plugin'? commands: {', '.join(VERBS)}. See: harness --help"),
        (["plugin", "show", "teacher"], "Missing argument 'NAME'. See: harness plugin show --help"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(args: list[str], line: str) -> None:
    result = CliRunner().invoke(main, args, prog_name="harness")
    assert result.exit_code == 2
    assert result.stderr == f"harness: {line}\n"


@pytest.mark.parametrize("args", [["--nope"], ["plugin", "list", "--nope"]])
def test_an_unknown_option_is_one_line_and_exit_2(args: list[str]) -> None:
    result = CliRunner().invoke(main, args, prog_name="harness")
    assert result.exit_code == 2
    assert "--nope" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_verb_at_all_shows_the_help() -> None:
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 2
    assert "Commands:" in result.output
