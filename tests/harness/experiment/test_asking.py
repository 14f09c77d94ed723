from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import Completion, Request, Solve
from harness.experiment.asking import ask_student, ask_teacher
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from tests.toys import Options, Parity, ToyStudent, ToyTeacher

TASK = Parity(0)
PROBLEMS = TASK.problems("test", 20)
REQUESTS = [Request(problem.id, TASK.prompt(problem, None), Solve(problem, None)) for problem in PROBLEMS]


def _ask(
    journal: Journal, teacher: ToyTeacher, requests: list[Request], on_done: Callable[[int], None]
) -> list[Completion]:
    return ask_teacher(journal, RunLedger(journal, teacher.cost, None), teacher, requests, on_done)


def test_completions_come_back_in_the_order_of_requests(tmp_path: Path) -> None:
    done: list[int] = []
    completions = _ask(Journal(tmp_path / "j"), ToyTeacher(Options()), REQUESTS, done.append)
    assert [completion.key for completion in completions] == [request.key for request in REQUESTS]
    assert done == list(range(1, 21))


def test_a_second_asking_calls_nobody(tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    journal = Journal(tmp_path / "j")
    teacher = ToyTeacher(Options(marker=str(marker)))
    first = _ask(journal, teacher, REQUESTS, lambda _: None)
    assert _ask(journal, teacher, REQUESTS, lambda _: None) == first
    assert len(marker.read_text().splitlines()) == len(REQUESTS)


def test_a_student_is_asked_in_batches_of_its_own_size(tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    student = ToyStudent(Options(marker=str(marker)))
    completions, seconds = ask_student(Journal(tmp_path / "j"), student, REQUESTS, None, "arm/test", lambda _: None)
    assert len(completions) == 20
    assert seconds >= 0
    assert marker.read_text().split("\n")[:-1] == ["generate 7", "generate 7", "generate 6"]


def test_half_a_surrogate_pair_in_a_reply_does_not_break_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = ToyTeacher(Options())
    monkeypatch.setattr(teacher, "_reply", lambda request: Completion(request.key, "a\ud800b", "end", "m"))
    (completion,) = _ask(Journal(tmp_path / "j"), teacher, REQUESTS[:1], lambda _: None)
    assert completion.text == "a?b"
