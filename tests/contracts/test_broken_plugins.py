"""Plugins with one mistake each: every one is told in one line that names it, and nothing is bought.

Each row is a kind of mistake: which toy, what of it is other than it should be, and a part of the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.api import (
    Completion,
    JournalEntry,
    Message,
    Skill,
    StepCheck,
    Strategy,
    TrainingReport,
    Truth,
    Usage,
    Worked,
)
from harness.audit import EXIT_BLOCKED
from harness.cli import main
from tests.toys import Parity, ParityVerifier, Rule, ToyReflection, ToyStudent, ToyTeacher, ToyTrainer

HALF = "\ud800"
PROBLEM = Parity(0).problems("test", 1)[0]
DEEP: Any = 0
for _ in range(30):
    DEEP = [DEEP]
MISSING = object()
ARGUMENTS = [
    "run",
    "--task=parity",
    "--teacher=toy",
    "--student=toy",
    "--reflection=toy",
    "--trainer=toy",
    "--preset=small",
]


def _each(**changed: Any) -> Callable[..., Any]:
    """Problems of which each has something else."""
    made = Parity.problems
    return lambda self, split, count: [replace(problem, **changed) for problem in made(self, split, count)]


def _given(value: Any) -> Callable[..., Any]:
    return lambda *_, **__: value


class _Property:
    """An attribute that gives a value, or raises it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __get__(self, made: object, owner: type) -> Any:
        if isinstance(self._value, BaseException):
            raise self._value
        return self._value


def _random_numbers() -> Callable[..., Any]:
    made, calls = Parity.problems, iter(range(10**6))
    return lambda self, split, count: [
        replace(problem, data={"number": 10**6 * next(calls) + 1}) for problem in made(self, split, count)
    ]


def _without_strategy(made: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, problem, strategy: made(self, problem, None)


def _always_told(made: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, problem, strategy: made(self, problem, "MARK-4F1C: work step by step and check each step")


BEFORE: list[tuple[type, str, Any, str]] = [
    # the task
    (Parity, "labels", ("EVEN",), "has the labels ('EVEN',), expected at least two"),
    (Parity, "labels", (), "expected at least two"),
    (Parity, "labels", "EVEN", "expected at least two"),
    (Parity, "labels", ("EVEN", 7), "has a label that is 7, expected text"),
    (Parity, "labels", ("EVEN", ""), "has a label that is empty"),
    (Parity, "labels", ("EVEN", f"ODD{HALF}"), "half of a surrogate pair"),
    (
        Parity,
        "labels",
        ("EVEN", "ODD", "NEITHER EVEN"),
        "reads its own reply 'NEITHER EVEN' for 'NEITHER EVEN' as 'EVEN'",
    ),
    (Parity, "seed_strategy", None, "has a seed strategy that is None, expected text"),
    (Parity, "rules", (Rule("one", "", True),), "has a rule whose text is empty"),
    (
        Parity,
        "rules",
        (Rule("one", "Say EVEN.", True), Rule("two", "Say EVEN. Always.", False)),
        "is part of the other's",
    ),
    (Rule, "work", _given("EVEN"), "which gives 'EVEN' in place of Worked"),
    (Rule, "work", _given(Worked("so EVEN", 7)), "whose work is 7, expected text"),  # type: ignore[arg-type]
    (Parity, "problems", _given([]), "it gave 0 problems of the split"),
    (Parity, "problems", _given(None), "it gave a NoneType of the split"),
    (Parity, "problems", _given([PROBLEM] * 3), "it gave 3 problems of the split"),
    (Parity, "problems", lambda self, split, count: [None] * count, "as problem 0 of 'test', expected a Problem"),
    (Parity, "problems", _each(id="same"), "whose id another problem has"),
    (Parity, "problems", _each(id=7), "whose id is 7, expected text"),
    (Parity, "problems", _each(id=""), "whose id is empty"),
    (Parity, "problems", _each(split="other"), "that says it is of 'other'"),
    (Parity, "problems", _each(stratum=3), "whose stratum is 3, expected text"),
    (Parity, "problems", _each(stratum=HALF), "whose stratum is"),
    (Parity, "problems", _each(canonical=None), "whose canonical is None, expected text"),
    (Parity, "problems", _each(data=[1]), "whose data is [1], expected a mapping"),
    (Parity, "problems", _each(data={"number": {1}}), "which is no JSON"),
    (Parity, "problems", _each(data={"number": math.nan}), "holds nan, which is no JSON"),
    (Parity, "problems", _each(data={1: 1}), "has the key 1, expected text"),
    (Parity, "problems", _each(data={"number": DEEP}), "is nested deeper than"),
    (Parity, "problems", _each(data={"number": HALF}), "half of a surrogate pair"),
    (Parity, "problems", _each(data={"number": "9" * 2_000_000}), "characters of JSON, expected at most"),
    (Parity, "problems", _random_numbers(), "with another data when it is made twice"),
    (Parity, "prompt", _given(()), "is (), expected messages"),
    (Parity, "prompt", _given("Even or odd?"), "expected messages"),
    (Parity, "prompt", _given(("Even or odd?",)), "expected a Message of system, user or assistant"),
    (Parity, "prompt", _given((Message("robot", "1"),)), "expected a Message of system"),  # type: ignore[arg-type]
    (Parity, "prompt", _given((Message("user", HALF),)), "half of a surrogate pair"),
    (Parity, "prompt", _given((Message("user", None),)), "is None, expected text"),  # type: ignore[arg-type]
    (Parity, "prompt", _given((Message("user", "1" * 1_000_001),)), "is longer than"),
    (Parity, "prompt", _without_strategy(Parity.prompt), "does not hold the strategy that it was given"),
    (Parity, "prompt", _always_told(Parity.prompt), "holds a strategy though none was given"),
    (Parity, "demonstration", _without_strategy(Parity.prompt), "gives a demonstration for problem"),
    (Parity, "demonstration", MISSING, "has no method demonstration"),
    (Parity, "parse", MISSING, "has no method parse"),
    (Parity, "parse", _given("EVEN"), "reads its own reply 'ODD' for 'ODD' as 'EVEN'"),
    (Parity, "parse", lambda self, reply: reply or "EVEN", "reads a blank reply as 'EVEN'"),
    (Parity, "parse", lambda self, reply: reply if reply in ("EVEN", "ODD") else 7 if reply.strip() else None, "as 7"),
    (Parity, "parse", lambda self, reply: (reply or None) if reply.strip() else None, "which is none of its labels"),
    (Parity, "reply", _given(None), "gives a reply for 'EVEN' that is None"),
    (Parity, "reply", lambda self, label: label.lower(), "they must agree"),
    # the verifier
    (ParityVerifier, "truth", _given("EVEN"), "as truth on problem 'test/0000', expected a Truth"),
    (ParityVerifier, "truth", _given(Truth("NEITHER", {}, "so")), "which is none of the task's labels"),
    (ParityVerifier, "truth", _given(Truth("", {}, "so")), "gives a truth whose label is empty"),
    (ParityVerifier, "truth", _given(Truth("ODD", {"a": {1}}, "so")), "gives a truth whose witness"),  # type: ignore[dict-item]
    (ParityVerifier, "truth", _given(Truth("ODD", {}, 3)), "gives a truth whose reason is 3"),  # type: ignore[arg-type]
    (ParityVerifier, "truth", MISSING, "has no method truth"),
    (ParityVerifier, "check", MISSING, "has no method check"),
    (ParityVerifier, "check", _given(False), "calls its own truth 'ODD' wrong on problem 'test/0000'"),
    (ParityVerifier, "check", _given(True), "where it says that 'ODD' is the truth"),
    (ParityVerifier, "check", _given("yes"), "judges 'ODD' as 'yes'"),
    (ParityVerifier, "check", _given(None), "judges 'ODD' as None"),
    (ParityVerifier, "steps", _given(True), "expected a StepCheck or None"),
    (ParityVerifier, "steps", _given(StepCheck({1}, 2)), "with a value that holds"),  # type: ignore[arg-type]
    (ParityVerifier, "steps", MISSING, "has no method steps"),
    # those who act
    (ToyTeacher, "complete", MISSING, "has no method complete"),
    (ToyTeacher, "cost", MISSING, "has no method cost"),
    (ToyTeacher, "worst_cost", _given("dear"), "gives a worst cost that is 'dear'"),
    (ToyTeacher, "cost", _given(-1.0), "gives a cost that is -1.0"),
    (ToyTeacher, "cost", _given(math.nan), "gives a cost that is nan"),
    (ToyTeacher, "identity", [1], "has identity that is [1], expected a mapping"),
    (ToyTeacher, "identity", {"path": Path("x")}, "which is no JSON"),
    (ToyStudent, "identity", None, "has identity that is None"),
    (ToyStudent, "batch_size", 0, "has a batch_size that is 0"),
    (ToyStudent, "batch_size", "7", "has a batch_size that is '7'"),
    (ToyStudent, "batch_size", True, "has a batch_size that is True"),
    (ToyStudent, "generate", MISSING, "has no method generate"),
    (ToyStudent, "skills", _given([Skill("a", (), "b")]), "gives a skill of which something is (), expected messages"),
    (ToyStudent, "skills", _given(["a"]), "expected a Skill"),
    (ToyStudent, "skills", _given(None), "gives None as its skills"),
    (ToyReflection, "learn", MISSING, "has no method learn"),
    (ToyReflection, "calls", _given({"guess": 1}), "plans the calls {'guess': 1}"),
    (ToyReflection, "calls", _given({"solve": -1}), "plans solve calls, of which the count is -1"),
    (ToyReflection, "calls", _given(7), "plans the calls 7"),
    (ToyTrainer, "settings", {"rank": {1}}, "has settings that holds"),
    (ToyTrainer, "train", MISSING, "has no method train"),
    (ToyTrainer, "preflight", MISSING, "has no method preflight"),
]
"""What is known before anything is spent."""


@pytest.mark.parametrize(
    ("toy", "name", "value", "says"), BEFORE, ids=[f"{row[0].__name__}.{row[1]}-{at}" for at, row in enumerate(BEFORE)]
)
def test_a_mistake_that_can_be_known_is_told_before_anything_is_bought(
    toy_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: type, name: str, value: Any, says: str
) -> None:
    if value is MISSING:
        monkeypatch.delattr(toy, name)
    else:
        monkeypatch.setattr(toy, name, value)
    done = _run(tmp_path)
    assert done.exit_code == 2
    _one_line(done, says)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "bought").exists()


USAGE = Usage(10, 5)


def _reply(**changed: Any) -> Callable[..., Any]:
    """A teacher whose replies have something else."""

    def complete(self: ToyTeacher, requests: Any, ledger: Any) -> Any:
        for request in requests:
            ledger.sending(request.key, 1, 30e-6)
            self._mark(request.key)
            yield replace(self._reply(request), **changed)

    return complete


def _unwritten(self: ToyTeacher, requests: Any, ledger: Any) -> Any:
    for request in requests:
        self._mark(request.key)
        yield self._reply(request)


def _batch(change: Callable[[list[Completion]], Any]) -> Callable[..., Any]:
    made = ToyStudent.generate
    return lambda self, requests, adapter: change(made(self, requests, adapter))


_STOP: dict[str, Any] = {"stop": "x"}


def _learned(strategy: Any) -> Callable[..., Any]:
    return lambda self, problems, seed, environment: strategy


def _recording(**changed: Any) -> Callable[..., Any]:
    entry = JournalEntry(1, 1, 6, "s0", "text", USAGE)
    return lambda self, problems, seed, environment: environment.entry(replace(entry, **changed))


def _trained(**changed: Any) -> Callable[..., Any]:
    made = ToyTrainer.train
    return lambda self, *given: replace(made(self, *given), **changed)


DURING: list[tuple[type, str, Any, str, int]] = [
    (ToyTeacher, "complete", lambda self, requests, ledger: iter([None]), "is None, expected a Completion", 0),
    (ToyTeacher, "complete", lambda self, requests, ledger: iter([]), "no answer came for 12 of 12 requests", 0),
    (ToyTeacher, "complete", _reply(key="other"), "has the key 'other', which was not asked for", 1),
    (ToyTeacher, "complete", _reply(key=7), "has the key 7", 1),
    (ToyTeacher, "complete", _reply(stop="done"), "has the stop 'done', expected one of end, length", 1),
    (ToyTeacher, "complete", _reply(text=None), "has a text that is None", 1),
    (ToyTeacher, "complete", _reply(model=None), "has a model that is None", 1),
    (ToyTeacher, "complete", _reply(error="boom"), "has the stop 'end' and the error 'boom'", 1),
    (ToyTeacher, "complete", _reply(usage=None), "has a usage that is None", 1),
    (ToyTeacher, "complete", _reply(usage=Usage(-1, 5)), "has input_tokens that is -1", 1),
    (ToyTeacher, "complete", _reply(usage=Usage(10**12, 5)), "has input_tokens that is 1000000000000", 1),
    (ToyTeacher, "complete", _reply(usage=Usage(1.5, 5)), "has input_tokens that is 1.5", 1),  # type: ignore[arg-type]
    (ToyTeacher, "complete", _unwritten, "no attempt was written into the ledger before it was sent", 1),
    (ToyStudent, "generate", _given(None), "gave None for 7 prompts, expected as many completions", 0),
    (ToyStudent, "generate", _batch(lambda made: made[1:]), "expected as many completions", 0),
    (ToyStudent, "generate", _batch(lambda made: made[::-1]), "gave its replies to 7 prompts in another order", 0),
    (ToyStudent, "generate", _batch(lambda made: [replace(each, **_STOP) for each in made]), "has the stop 'x'", 0),
    (ToyStudent, "probe", _given("much"), "gave 'much' as the largest change of a logit", 49),
    (ToyStudent, "probe", _given(math.inf), "gave inf as the largest change of a logit", 49),
    (ToyReflection, "learn", _learned(None), "gave None as a strategy", 12),
    (ToyReflection, "learn", _learned(Strategy("s", "text", None, 0)), "a strategy that it had not recorded", 12),
    (ToyReflection, "learn", _recording(batch=0), "gave a journal entry whose batch is 0", 12),
    (ToyReflection, "learn", _recording(correct=7), "gave an entry on batch 1 with 7 of 6 right", 12),
    (ToyReflection, "learn", _recording(text=None), "gave a journal entry whose text is None", 12),
    (ToyTrainer, "train", _given(None), "gave None as the report of a training", 49),
    (ToyTrainer, "train", _trained(steps=-1), "gave a report whose steps is -1", 49),
    (ToyTrainer, "train", _trained(losses=(math.nan,)), "gave a report whose losses are", 49),
    (ToyTrainer, "train", _trained(settings={"a": {1}}), "gave a report whose settings holds", 49),
    (ToyTrainer, "train", _given(TrainingReport({}, 1, 1, (0.1,), 1, 1, 0, 0.1, 1)), "saved no adapter_model", 49),
]
"""What shows only in what comes back, with the teacher's calls that are bought by then at most."""


@pytest.mark.parametrize(
    ("toy", "name", "value", "says", "most"),
    DURING,
    ids=[f"{row[0].__name__}.{row[1]}-{at}" for at, row in enumerate(DURING)],
)
def test_a_mistake_in_what_comes_back_ends_the_run_at_the_first_and_a_mended_plugin_goes_on(
    toy_site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    toy: type,
    name: str,
    value: Any,
    says: str,
    most: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(toy, name, value)
        done = _run(tmp_path)
    assert done.exit_code in (1, 2)
    _one_line(done, says)
    bought = (tmp_path / "bought").read_text().splitlines() if (tmp_path / "bought").exists() else []
    assert sum("/" in line for line in bought) <= most
    mended = CliRunner().invoke(main, ["run", "--resume", str(tmp_path / "run")])
    assert mended.exit_code in (0, EXIT_BLOCKED), mended.output


def _run(folder: Path) -> Result:
    marker = folder / "bought"
    options = [f"--out={folder / 'run'}", "-o", f"teacher.marker={marker}", "-o", f"student.marker={marker}"]
    return CliRunner().invoke(main, [*ARGUMENTS, *options])


def _one_line(done: Result, says: str) -> None:
    told = [line for line in done.stderr.splitlines() if line.startswith("harness: ")]
    assert len(told) == 1, done.output
    assert says in told[0]
    assert "harness-toys 1.0, tests.toys" in told[0] or says.startswith("no answer came")
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (lambda truth, label: truth in label, "of 35 answers that state two truths at once, such as"),
        (lambda truth, label: bool(label), "of 35 truths of other problems, such as"),
        (lambda truth, label: label in (truth, ""), "calls an empty answer right on problem 'test/0000'"),
    ],
)
def test_a_verifier_of_free_form_answers_that_accepts_what_is_wrong_is_told_before_anything_is_bought(
    toy_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[[str, str], bool], says: str
) -> None:
    truth = ParityVerifier.truth
    monkeypatch.setattr(Parity, "labels", None)
    monkeypatch.setattr(Parity, "parse", lambda self, reply: (reply.split() or [None])[-1])
    monkeypatch.setattr(ParityVerifier, "check", lambda self, problem, label: check(truth(self, problem).label, label))
    done = _run(tmp_path)
    assert done.exit_code == 2
    _one_line(done, says)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "bought").exists()
