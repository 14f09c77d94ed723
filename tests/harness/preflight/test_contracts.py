from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.api import Message, Problem, Strategy, UsageError
from harness.boundary import files
from harness.measures.problems.shortcuts import automatic
from harness.preflight import actor_contract, task_contract
from harness.preflight.contracts import violations
from harness.preflight.task_contract import Subject
from harness.registry.violations import Contract
from tests.conftest import ToyRun
from tests.toys import Parity, ParityVerifier, Rule, ToyReflection, ToyTeacher


@pytest.mark.parametrize("labels", [("EVEN", "ODD", "Very-likely"), ("EVEN", "ODD", "+")])
def test_a_label_in_any_words_can_be_measured(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch, labels: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Parity, "labels", labels)
    monkeypatch.setattr(Parity, "rules", (Rule("First Digit", "Look.", True),))
    result = files.read(toy_run(stages=("teacher-base",)) / "result.json")
    rules = {rule["rule"] for rule in result["problems"][0]["trivial"]}
    assert rules - set(automatic(closed=True)) == {"First Digit", *(f"always-{label.lower()}" for label in labels)}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("labels", ("EVEN", "Even"), "two labels that differ in case alone"),
        ("labels", ("EVEN", "O" * 60), "expected 1 to 64 printable characters"),
        ("labels", ("EVEN", "O\nDD"), "has a rule named 'always-o\\ndd'"),
        ("rules", (Rule("", "Look.", True),), "has a rule named ''"),
        ("rules", (Rule("one", "Look.", True), Rule("one", "Guess.", True)), "two rules of one name"),
    ],
)
def test_names_that_no_result_could_hold_are_refused_before_anything_is_done(
    toy_run: ToyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: object, message: str
) -> None:
    monkeypatch.setattr(Parity, name, given)
    with pytest.raises(UsageError) as caught:
        toy_run(stages=("teacher-base",))
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_teacher_that_is_never_asked_need_not_be_able_to_answer(
    toy_run: ToyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_key(_: ToyTeacher) -> None:
        raise UsageError("no key is set")

    monkeypatch.setattr(ToyTeacher, "preflight", no_key)
    strategy = tmp_path / "strategy.txt"
    strategy.write_text("Look.")
    given = {"stages": ("student-lora",), "strategy_file": str(strategy)}
    result = files.read(toy_run("run.labels=verifier", out="own", **given) / "result.json")
    assert result["teacher_calls"] == []
    with pytest.raises(UsageError, match="no key is set"):
        toy_run(out="taught", **given)


def test_a_task_is_asked_for_no_problems_but_those_planned(toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()
    problems = Parity.problems

    def noted(self: Parity, split: str, count: int) -> object:
        asked.add((split, count))
        return problems(self, split, count)

    monkeypatch.setattr(Parity, "problems", noted)
    toy_run(stages=("bootstrap",))
    assert asked == {("reflect", 6)}


def test_a_verifier_that_calls_its_own_truth_wrong_is_refused_before_anything_is_done(
    toy_run: ToyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ParityVerifier, "check", lambda *_: False)
    with pytest.raises(UsageError) as caught:
        toy_run(stages=("teacher-base",))
    told = str(caught.value)
    assert "verifier 'parity' (harness-toys 1.0, tests.toys) breaks its contract" in told
    assert "calls its own truth 'ODD' wrong on problem 'test/0000'" in told
    assert "\n" not in told
    assert not (tmp_path / "run").exists()


def test_a_prompt_or_a_problem_that_is_large_is_told_with_its_size(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, ask = Parity.problems, Parity.prompt
    monkeypatch.setattr(
        Parity,
        "problems",
        lambda *given: [replace(each, data={**each.data, "map": "x" * 60_000}) for each in made(*given)],
    )
    monkeypatch.setattr(Parity, "prompt", lambda *given: (*ask(*given)[:1], Message("user", "7" * 70_000)))
    told = files.read(toy_run(stages=("teacher-base",)) / "run_meta.json")["warnings"]
    assert any("the data of problem 'test/00" in each and "has 60,0" in each for each in told)
    assert any("the prompt of problem 'test/00" in each and "has 70,0" in each for each in told)


Change = Callable[[Problem, int], Any]


class Drifts(Parity):
    """Numbers that grow from window to window; ``change`` makes something else of the problems of a window."""

    def __init__(self, change: Change | None = None) -> None:
        super().__init__(0)
        self._change = change

    def window(self, split: str, window: int, windows: int, count: int) -> list[Any]:
        first = 10_000 * window + 1000 * ("test", "train").index(split)
        made = [
            Problem(f"{split}/{window}-{windows}/{index}", split, "ALL", {"number": first + index}, str(first + index))
            for index in range(count)
        ]
        return [self._change(problem, window) for problem in made] if self._change else made


def window_violations(task: Parity, again: Callable[[], Parity] | None = None) -> list[str]:
    planned = {split: task.problems(split, 5) for split in ("test", "train")}
    subject = Subject(task, ParityVerifier(), planned, again)
    return list(violations(task_contract.windows(3, {"test": 4, "train": 2}), subject))


def test_a_sound_drift_keeps_its_contract_though_its_windows_are_planned() -> None:
    task = Drifts()
    planned = {"stream": task.window("test", 2, 3, 4), "test": task.problems("test", 5)}
    subject = Subject(task, ParityVerifier(), planned, Drifts)
    assert list(violations(task_contract.windows(3, {"test": 4, "train": 2}), subject)) == []


FIRST = Parity(0).problems("test", 1)[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda *_: None, "gives None in window 1 of 3 of 'test', expected a Problem"),
        (lambda problem, _: replace(problem, split="x"), "in window 1 of 3 of 'test', that says it is of 'x'"),
        (lambda problem, _: replace(problem, id=["x"]), "gives ['x'] in window 1 of 3 of 'test', whose id is ['x']"),
        (lambda problem, _: replace(problem, id=FIRST.id), "gives 'test/0000' in window 1 of 3 of 'test', whose id an"),
        (lambda problem, _: replace(problem, id="x"), "gives 'x' in window 1 of 3 of 'test', whose id another problem"),
        (
            lambda problem, window: replace(problem, canonical=FIRST.canonical) if window == 3 else problem,
            "gives 'test/3-3/0' in window 3 of 3 of 'test', which is problem 'test/0000' again",
        ),
        (
            lambda problem, window: replace(problem, canonical=f"form {problem.id[-1]}") if window > 1 else problem,
            "gives 'test/3-3/0' in window 3 of 3 of 'test', which is problem 'test/2-3/0' again",
        ),
    ],
)
def test_a_drift_that_breaks_its_contract_is_told_with_the_window(change: Change, told: str) -> None:
    (found,) = window_violations(Drifts(change))
    assert told in found


def test_windows_of_two_splits_share_no_problem() -> None:
    def same_in_both(problem: Problem, _: int) -> Problem:
        return replace(problem, canonical=problem.id.removeprefix(problem.split))

    (found,) = window_violations(Drifts(same_in_both))
    assert found == "gives 'train/1-3/0' in window 1 of 3 of 'train', which is problem 'test/1-3/0' again"


def test_a_window_that_is_made_twice_is_the_same() -> None:
    numbers = count(1)

    def other() -> Drifts:
        shift = next(numbers)
        return Drifts(lambda problem, window: replace(problem, data={"number": shift}) if window == 2 else problem)

    (found,) = window_violations(Drifts(), other)
    assert found == "gives problem 'test/2-3/0' with another data when it is made twice, in window 2 of 3 of 'test'"


def test_a_window_has_as_many_problems_as_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Drifts, "window", lambda *_: [])
    assert window_violations(Drifts()) == ["gives [] as window 1 of 3 of 'test', where 4 problems were asked for"]


def test_a_task_without_windows_breaks_the_contract_of_windows() -> None:
    assert window_violations(Parity(0)) == ["has no method window"]


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (lambda self, *asked: self.problems(asked[0], asked[-1]), "whose id another problem has"),
        (lambda *_: None, "gives None as window 1 of"),
    ],
)
def test_a_broken_drift_is_refused_before_anything_is_done(
    toy_run: ToyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: object, told: str
) -> None:
    monkeypatch.setattr(Parity, "window", window, raising=False)
    with pytest.raises(UsageError) as caught:
        toy_run(design="stream")
    assert told in str(caught.value)
    assert not (tmp_path / "run").exists()


class Amends(ToyReflection):
    def __init__(self, calls: object) -> None:
        self._calls = calls

    def amending_calls(self, attempts: int) -> Any:  # noqa: ARG002 - the protocol's signature
        return self._calls

    def amend(self, attempts: object, strategy: Strategy, environment: object) -> Strategy:  # noqa: ARG002 - the same
        return strategy


@pytest.mark.parametrize(
    ("calls", "broken"),
    [
        ({"reflect": 1, "distil": 0}, []),
        (
            {"guess": 1},
            ["plans the calls {'guess': 1}, expected counts by purpose: solve, reflect, distil, demonstrate"],
        ),
        (
            {"distil": -1},
            ["plans distil calls, of which the count is -1, expected a whole number from 0 to 1000000000"] * 2,
        ),
    ],
)
def test_amending_calls_are_held_to_the_contract_of_calls(calls: object, broken: list[str]) -> None:
    found = [wrong for contract in actor_contract.REFLECTION for wrong in violations(contract, Amends(calls))]
    assert found == broken


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), SystemExit("division by zero")])
def test_an_error_of_a_plugin_breaks_the_contract_that_met_it(error: BaseException) -> None:
    def broken(_: object) -> Iterator[str]:
        raise error

    (told,) = violations(Contract("it must count", broken), None)
    assert told == f"raises {type(error).__name__}: division by zero, where it must count"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["sizes.test=3"], "problem set test: 3 problems cannot be divided into 4 windows; give 4 or"),
        (["run.limit=3"], "problem set test: 12 problems, and --limit 3 cannot be divided into 4 windows"),
    ],
)
def test_a_set_with_fewer_problems_than_windows_is_refused_before_anything_is_spent(
    toy_run: ToyRun, tmp_path: Path, given: list[str], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        toy_run(*given, design="stream")
    assert not (tmp_path / "run").exists()
