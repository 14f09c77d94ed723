from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any, Protocol, runtime_checkable
from urllib.error import URLError

import pytest

from harness.api import HarnessError, PluginError, Staged, Student, Task, Teacher, Trainer, UsageError
from harness.boundary import faults
from harness.registry.guard import bare, call, guarded
from harness.registry.plugins import PluginRef
from tests import toys

TEACHER = PluginRef("teacher", "mine", "mine_module", "harness-mine", "2.0")
TASK = PluginRef("task", "theirs", "their_module", "harness-theirs", "3.0")
NAMED = r"^teacher 'mine' \(harness-mine 2\.0, mine_module\) failed in "
ERRORS = [
    SystemExit(0),
    SystemExit("bye"),
    GeneratorExit(),
    ValueError("two\nlines"),
    StopIteration(),
    MemoryError(),
    RecursionError(),
    TimeoutError("timed out"),
    ConnectionResetError(104, "Connection reset by peer"),
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    URLError("no host"),
    FileNotFoundError(errno.ENOENT, "No such file or directory", "prices.json"),
]


class Raising:
    """Fails wherever it is touched."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    @property
    def identity(self) -> Any:
        raise self.error

    def cost(self, *_: object) -> Any:
        raise self.error

    def complete(self, *_: object) -> Iterator[int]:
        yield 1
        raise self.error


def _named(error: BaseException) -> str:
    assert "\n" not in str(error)
    return str(error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_plugin_raises_is_told_with_its_name(error: BaseException) -> None:
    held: Any = guarded(TEACHER, Raising(error), Teacher)
    with pytest.raises(PluginError, match=NAMED + f"cost: {type(error).__name__}") as caught:
        held.cost(None)
    assert _named(caught.value)
    with pytest.raises(PluginError, match=NAMED + f"identity: {type(error).__name__}"):
        _ = held.identity
    with pytest.raises(PluginError, match=NAMED + "making it: "):
        call(TEACHER, "making it", lambda: Raising(error).cost(None))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_it_raises_while_it_yields_is_told_too(error: BaseException) -> None:
    held: Any = guarded(TEACHER, Raising(error), Teacher)
    steps = held.complete([], None)
    assert next(steps) == 1
    with pytest.raises(PluginError, match=NAMED + "complete: "):
        next(steps)


@pytest.mark.parametrize(
    "error",
    [
        UsageError("got 1, expected 2"),
        HarnessError("no luck"),
        KeyboardInterrupt(),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_what_is_fit_to_show_the_user_s_and_a_full_disk_pass(error: BaseException) -> None:
    held: Any = guarded(TEACHER, Raising(error), Teacher)
    with pytest.raises(type(error)) as caught:
        held.cost(None)
    assert caught.value is error


def test_what_nobody_wants_more_of_is_closed() -> None:
    closed = []

    class Yielding:
        def complete(self, *_: object) -> Iterator[int]:
            try:
                yield 1
                yield 2
            finally:
                closed.append(True)

    held: Any = guarded(TEACHER, Yielding(), Teacher)
    steps = held.complete([], None)
    assert next(steps) == 1
    steps.close()
    assert closed == [True]


def test_a_guarded_object_can_what_the_plugin_can_and_no_more() -> None:
    plain, staged = guarded(TASK, toys.Parity(0), Task, Staged), guarded(TASK, toys.StagedParity(0), Task, Staged)
    assert isinstance(staged, Staged)
    assert not isinstance(plain, Staged)
    assert not hasattr(guarded(TASK, object(), Task), "prompt")
    with pytest.raises(AttributeError, match=r"task 'theirs' \(harness-theirs 3\.0, their_module\) has no prompt"):
        guarded(TASK, object(), Task).prompt(None, None)
    assert plain.labels == toys.Parity.labels
    assert list(plain.problems("test", 3)) == toys.Parity(0).problems("test", 3)


def test_plugins_meet_each_other_bare() -> None:
    @runtime_checkable
    class Weighty(Protocol):
        weights: int

    class WithWeights:
        weights = 3

    class Picky:
        def preflight(self, student: object) -> None:
            assert isinstance(student, Weighty)
            assert type(student) is WithWeights

    student = guarded(TASK, WithWeights(), Student)
    guarded(TEACHER, Picky(), Trainer).preflight(student)
    guarded(TEACHER, Picky(), Trainer).preflight(student=student)
    assert bare(bare(student)).weights == 3


def test_the_rules_of_a_task_are_its_own_code() -> None:
    class Rule:
        name = "odd"

        def work(self, *_: object) -> None:
            raise SystemExit(0)

    class WithRules:
        rules = (Rule(),)

    (rule,) = guarded(TASK, WithRules(), Task).rules
    assert rule.name == "odd"
    with pytest.raises(PluginError, match=r"task 'theirs' .* failed in work: SystemExit"):
        rule.work(None)
    with pytest.raises(PluginError, match=r"task 'theirs' .* failed in text: AttributeError"):
        _ = rule.text


def _parse(text: str) -> Any:
    return json.loads(text)


@pytest.fixture
def their_code(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that the task is known to have, with a function that fails."""
    module = ModuleType("their_module.deep")
    vars(module)["parse"] = FunctionType(_parse.__code__, {**vars(module), "json": json}, "parse")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    faults.know(TASK.target, str(TASK))
    faults.know(TEACHER.target, str(TEACHER))
    return module


def test_the_plugin_whose_code_it_was_is_blamed_though_another_had_called_it(their_code: ModuleType) -> None:
    with pytest.raises(PluginError, match=r"^task 'theirs' \(harness-theirs 3\.0, their_module\) failed in complete"):
        call(TEACHER, "complete", lambda: their_code.parse("{"))
    with pytest.raises(PluginError, match=NAMED):
        call(TEACHER, "complete", lambda: int("x"))


def test_a_fault_outside_of_every_guard_is_found_by_its_code(their_code: ModuleType) -> None:
    told = pytest.raises(HarnessError, match=r"^task 'theirs' .* failed in the audit: JSONDecodeError")
    with told, faults.suspected("the audit"):
        their_code.parse("{")


def test_a_plugin_s_fault_is_bad_input_before_the_run_and_none_once_it_is_under_way() -> None:
    for kind, code in ((HarnessError, 1), (UsageError, 2)):
        with pytest.raises(HarnessError, match="no luck") as caught, faults.suspected("it", kind):
            raise PluginError("no luck")
        assert caught.value.exit_code == code
