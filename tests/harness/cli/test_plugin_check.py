from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.api import UsageError
from harness.cli import main
from tests.toys import Parity, ParityVerifier, ToyTeacher

SHIPPED = [
    ("task", "scheduling"),
    ("verifier", "sweep-line"),
    ("teacher", "simulated"),
    ("student", "qwen-tiny"),
    ("reflection", "lrl"),
    ("trainer", "lora"),
    ("trainer", "lora-all-linear"),
]


def _check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugin", "check", *arguments], env={"COLUMNS": "80"})


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_a_plugin_that_ships_keeps_its_contracts(kind: str, name: str) -> None:
    done = _check(kind, name, "--count", "12")
    assert done.exit_code == 0, done.output
    assert "BROKEN" not in done.output
    assert done.output.startswith(f"{kind} '{name}' (transfer-harness ")


def test_every_violation_is_told_in_80_columns(toy_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - installs
    monkeypatch.setattr(Parity, "seed_strategy", None)
    monkeypatch.setattr(Parity, "prompt", lambda *_: ())
    done = _check("task", "parity")
    assert done.exit_code == 1
    assert done.output.count("BROKEN") == 2
    assert "has a seed strategy that is None, expected text" in " ".join(done.output.split())
    assert "is (), expected messages" in " ".join(done.output.split())
    assert "4 of 6 contracts hold" in done.output
    assert max(map(len, done.output.splitlines())) <= 80


def test_a_verifier_is_looked_at_on_the_problems_of_its_task(
    toy_site: Path,  # noqa: ARG001 - installs
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ParityVerifier, "check", lambda *_: True)
    done = _check("verifier", "parity", "--task", "parity")
    assert done.exit_code == 1
    assert "where it says that 'ODD' is the truth" in " ".join(done.output.split())


def test_a_plugin_that_is_not_ready_here_is_told_as_that(toy_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - installs
    def no_key(_: ToyTeacher) -> None:
        raise UsageError("no key is set")

    monkeypatch.setattr(ToyTeacher, "preflight", no_key)
    done = _check("teacher", "toy", "--task", "parity")
    assert done.exit_code == 0
    assert "not ready here, so its identity was not looked at: no key is set" in " ".join(done.output.split())


def test_a_split_that_a_task_cannot_supply_is_told(toy_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - installs
    made = Parity.problems

    def some(self: Parity, split: str, count: int) -> object:
        if split == "harder":
            raise UsageError("there are none harder")
        return made(self, split, count)

    monkeypatch.setattr(Parity, "problems", some)
    done = _check("task", "parity")
    assert done.exit_code == 0, done.output
    assert "harder was not looked at: there are none harder" in done.output


def test_as_json_it_says_the_same(toy_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - installs
    monkeypatch.setattr(ToyTeacher, "identity", [])
    done = _check("teacher", "toy", "--task", "parity", "--json")
    told = json.loads(done.output)
    assert done.exit_code == 1
    assert [each["broken"] for each in told["contracts"] if each["broken"]] == [
        ["has identity that is [], expected a mapping"]
    ]
    assert (told["kind"], told["name"], told["distribution"]) == ("teacher", "toy", "harness-toys")


@pytest.mark.parametrize(
    ("window", "code", "told"),
    [
        (lambda self, *asked: self.problems(asked[0], asked[-1]), 1, "whose id another problem has"),
        (lambda *_: (_ for _ in ()).throw(UsageError("there are two")), 0, "windows were not looked at: there are two"),
    ],
)
def test_the_windows_of_a_task_that_drifts_are_looked_at(
    toy_site: Path,  # noqa: ARG001 - installs
    monkeypatch: pytest.MonkeyPatch,
    window: object,
    code: int,
    told: str,
) -> None:
    monkeypatch.setattr(Parity, "window", window, raising=False)
    done = _check("task", "parity", "--count", "12")
    assert done.exit_code == code
    assert told in " ".join(done.output.split())
