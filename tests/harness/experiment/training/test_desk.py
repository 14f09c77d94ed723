"""What must hold of a training in which the student practises: what it takes is counted, and bought once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import run
from harness.api import (
    ADAPTER_WEIGHTS,
    Adapter,
    Completion,
    Desk,
    Distil,
    Example,
    Message,
    OnStep,
    PluginError,
    Practice,
    Request,
    Student,
    TrainingReport,
    Usage,
    UsageError,
)
from harness.boundary import files
from harness.design.plan import UserSettings
from harness.output.terminal import summary
from harness.registry.observers import Observers
from harness.results.checking.validation import problems_of
from harness.run import replay
from tests import toys
from tests.conftest import ToyRun
from tests.toys import ToyStudent, ToyTrainer

STAGES = ("student-base", "bootstrap", "student-lora", "lora-labels")
Practise = Callable[..., TrainingReport]


def sample(
    _student: ToyStudent, requests: Sequence[Request], _adapter: Adapter | None, _seed: int, temperature: float
) -> list[Completion]:
    """Some are right, some wrong, and some state no answer."""
    said = ("so EVEN", "so ODD", "hm", "so EVEN")
    return [
        Completion(request.key, said[at % 4], "end", f"{temperature}", Usage(3, 2))
        for at, request in enumerate(requests)
    ]


def practise(
    trainer: ToyTrainer,
    student: Student,
    desk: Desk,
    examples: Sequence[Example],
    seed: int,
    folder: Path,
    on_step: OnStep,
) -> TrainingReport:
    """Two rounds, each with a request to the teacher, and a checkpoint in between."""
    for name in ("first", "second"):
        desk.ask(Request(name, (Message("user", name),), Distil((), "")))
        report = trainer.train(student, examples, seed, folder, on_step)
        told = all(example.told for example in examples)
        for example, reply in zip(examples, desk.sample(examples, told, desk.adapter(folder), seed), strict=True):
            desk.check(example.problem_id, reply.text)
    return replace(report, practice=Practice(divergence=0.25, accepted=10**6))


@pytest.fixture
def practising(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy student can be sampled, and the toy trainer has it practise."""
    monkeypatch.setattr(ToyStudent, "sample", sample, raising=False)
    monkeypatch.setattr(ToyTrainer, "practise", practise, raising=False)


def _result(run_dir: Path) -> Any:
    return files.read(run_dir / "result.json")


@pytest.mark.usefixtures("practising")
def test_all_that_is_practised_is_counted_and_accounted_for(toy_run: ToyRun) -> None:
    run_dir = toy_run(stages=STAGES)
    result = _result(run_dir)
    for training in result["training"]:
        practice, rows = training["practice"], training["examples"]["rows"]
        assert (practice["replies"], practice["tokens"], practice["asked"]) == (2 * rows, 4 * rows, 2)
        assert 0 < practice["accepted"] < practice["checked"] < practice["replies"]
        assert practice["divergence"] == 0.25
    accounts = [(row["stage"], row["purpose"], row["calls"]) for row in result["teacher_calls"]]
    assert ("student-lora", "distil", 2) in accounts
    assert ("lora-labels", "distil", 2) in accounts
    said = " ".join(summary.text(result).split())
    assert f"practised: {practice['tokens']} tokens in {practice['replies']} replies, " in said
    assert f"{practice['accepted']} of {practice['checked']} judged right; divergence 0.2500" in said
    assert "What was practised" in (run_dir / "report.html").read_text()
    assert problems_of(run_dir) == []
    assert replay(run_dir).differing == ()


@pytest.mark.usefixtures("practising")
def test_the_prompt_with_the_strategy_is_in_the_rows_of_worked_solutions_alone(toy_run: ToyRun) -> None:
    run_dir = toy_run(stages=STAGES)
    worked, labels = (files.read_lines(run_dir / "examples" / f"{arm}.jsonl") for arm in STAGES[2:])
    assert all(toys.GOOD in row["told"][0]["text"] for row in worked)
    assert not any(toys.GOOD in row["prompt"][0]["text"] for row in worked)
    assert not any("told" in row for row in labels)


@pytest.mark.usefixtures("practising")
def test_a_training_that_is_killed_buys_nothing_twice_and_ends_in_the_same_bytes(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = toy_run(stages=STAGES, out="whole")

    def killed(*given: Any) -> TrainingReport:
        desk: Desk = given[2]
        desk.ask(Request("first", (Message("user", "first"),), Distil((), "")))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ToyTrainer, "practise", killed)
        with pytest.raises(KeyboardInterrupt):
            toy_run(stages=STAGES, out="killed")
    asked = b'"key":"practice/student-lora/first"'
    journal = tmp_path / "killed" / "journal.jsonl"
    assert asked in journal.read_bytes()
    run.resume(tmp_path / "killed", Observers([]))
    lines = [line for line in journal.read_bytes().splitlines() if asked in line and b"ledger" not in line]
    assert len(lines) == 1
    for name in ("result.json", "items.jsonl", "thoughts.jsonl", f"adapters/student-lora/{ADAPTER_WEIGHTS}"):
        assert (whole / name).read_bytes() == (tmp_path / "killed" / name).read_bytes(), name


@pytest.mark.usefixtures("practising")
def test_a_secret_is_there_for_the_teacher_and_for_nobody_else_in_a_training(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str | None] = {}
    monkeypatch.setenv("SOME_API_KEY", "secret")
    complete, train = toys.ToyTeacher.complete, ToyTrainer.train

    def asked(teacher: toys.ToyTeacher, requests: Sequence[Request], ledger: Any) -> Any:
        seen[requests[0].key] = os.environ.get("SOME_API_KEY")
        return complete(teacher, requests, ledger)

    def trained(*given: Any) -> TrainingReport:
        seen["train"] = os.environ.get("SOME_API_KEY")
        return train(*given)

    monkeypatch.setattr(toys.ToyTeacher, "complete", asked)
    monkeypatch.setattr(ToyTrainer, "train", trained)
    toy_run(stages=("bootstrap", "student-lora"))
    assert seen["practice/student-lora/second"] == "secret"
    assert seen["train"] is None


def test_a_student_that_cannot_be_sampled_is_refused_before_the_run(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ToyTrainer, "practise", practise, raising=False)
    with pytest.raises(UsageError, match=r"has the student practise, and student 'toy' .* cannot be sampled"):
        toy_run(stages=STAGES)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("practising")
@pytest.mark.parametrize(
    ("use", "what"),
    [
        (lambda desk, rows, folder: desk.ask("what"), "asks something that is no Request"),  # noqa: ARG005
        (lambda desk, rows, folder: desk.check("test/0000", "so ODD"), "asks for 'test/0000', which is none of"),  # noqa: ARG005
        (lambda desk, rows, folder: desk.adapter(folder.parent), "has no adapter_model.safetensors in the folder"),  # noqa: ARG005
        (lambda desk, rows, folder: desk.sample([replace(rows[0], told=None)], True, None, 1), "its row has none"),  # noqa: ARG005
    ],
)
def test_what_a_desk_does_not_have_is_the_trainers_fault(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch, use: Callable[..., object], what: str
) -> None:
    def wrong(*given: Any) -> TrainingReport:
        use(given[2], given[3], given[5])
        raise AssertionError("it was let pass")

    monkeypatch.setattr(ToyTrainer, "practise", wrong)
    with pytest.raises(Exception, match=f"trainer 'toy' .*breaks its contract: it .*{what}") as error:
        toy_run(stages=("bootstrap", "student-lora"))
    assert isinstance(error.value.__cause__, PluginError) or isinstance(error.value, PluginError)


@pytest.mark.usefixtures("practising")
def test_a_fork_takes_over_what_was_asked_in_a_training_that_it_takes_over(toy_run: ToyRun, tmp_path: Path) -> None:
    origin = toy_run(stages=STAGES)
    plan, components = run.prepare_fork(origin, UserSettings())
    run.start(plan, components, tmp_path / "fork", Observers([]), origin=origin)
    assert _result(tmp_path / "fork")["teacher_calls"] == _result(origin)["teacher_calls"]
    assert problems_of(tmp_path / "fork") == []
