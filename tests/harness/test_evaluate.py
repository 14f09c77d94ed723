from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluate import Asked, ask_student, ask_teacher, judge, score
from harness.journal import Journal
from harness.ledger import Books
from harness.records import Answered, Completion, Failed, Refused, Request, Solve, Stop, Truncated, Unparsed
from tests.toys import Options, Parity, ParityVerifier, ToyStudent, ToyTeacher

TASK = Parity(0)
PROBLEMS = TASK.problems("test", 20)
REQUESTS = [Request(problem.id, TASK.prompt(problem, None), Solve(problem, None)) for problem in PROBLEMS]


def _ask(
    journal: Journal, teacher: ToyTeacher, requests: list[Request], on_done: Callable[[int], None]
) -> list[Completion]:
    return ask_teacher(journal, Books(journal, teacher.cost, None), teacher, requests, on_done)


@given(st.text(), st.sampled_from(["EVEN", "ODD"]), st.sampled_from(["length", "refusal", "error"]))
def test_a_reply_that_did_not_end_by_itself_is_never_read(text: str, label: str, stop: Stop) -> None:
    outcome = judge(TASK, Completion("k", f"{text} {label}", stop, "m", error="Overloaded 529"))
    assert outcome == {"length": Truncated(), "refusal": Refused(), "error": Failed("Overloaded 529")}[stop]


@given(st.text())
def test_a_whole_reply_has_the_label_it_states_or_none(text: str) -> None:
    label = TASK.parse(text)
    assert judge(TASK, Completion("k", text, "end", "m")) == (Answered(label) if label else Unparsed())


@given(st.sampled_from(["end", "length", "refusal", "error"]), st.text())
def test_only_an_answer_can_be_right(stop: Stop, text: str) -> None:
    problem = PROBLEMS[0]
    truth = ParityVerifier().truth(problem)
    completion = Completion("k", text + " ODD", stop, "m")
    item = score("arm", TASK, ParityVerifier(), problem, truth, Asked((), ()), completion)
    assert item.correct == (stop == "end" and truth.label == "ODD")


def test_the_wording_is_what_was_sent_without_the_strategy() -> None:
    problem = PROBLEMS[0]
    truth, completion = ParityVerifier().truth(problem), Completion("k", "ODD", "end", "m")
    plain = TASK.prompt(problem, None)
    told, untold = (
        score("arm", TASK, ParityVerifier(), problem, truth, Asked(TASK.prompt(problem, strategy), plain), completion)
        for strategy in ("Look.", None)
    )
    assert told.wording_sha256 == untold.wording_sha256 == untold.prompt_sha256 != told.prompt_sha256


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
