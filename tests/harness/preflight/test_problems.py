"""What must hold of asking a task for its problems: once for each split, whoever needs them, and never in silence."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.api import Arm, Contrast, Design, Drifting, Problem, ProblemSet, UsageError
from harness.cli import main
from harness.design.config import PLUGIN_KINDS, Sizes
from harness.design.plan import Plan
from harness.design.planned import PlannedDesign, PlannedPlugin
from harness.design.skills import SPLIT as SKILLS
from harness.preflight import problems, task_contract
from tests import toys
from tests.toys import CHOSEN

SIZES = {split: task_contract.SAMPLE + more for more, split in enumerate(("test", "reflect", "train", "harder"), 1)}
"""More than another instance of the task is asked for, to see whether it makes the same."""
TOYS = [f"--{kind}={name}" for kind, name in CHOSEN.items()] + [f"-osizes.{split}={n}" for split, n in SIZES.items()]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, int]]:
    """How often the toy task was asked for a split and a count."""
    counted: Counter[tuple[str, int]] = Counter()
    made = toys.Parity.problems

    def counting(self: toys.Parity, split: str, count: int) -> Sequence[Problem]:
        counted[split, count] += 1
        return made(self, split, count)

    monkeypatch.setattr(toys.Parity, "problems", counting)
    return counted


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_a_run_asks_once_for_each_split(arguments: list[str], asked: Counter[tuple[str, int]], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["run", *TOYS, *arguments, "--out", str(tmp_path / "run")])
    assert done.exit_code in (0, 3), done.output
    assert {split: asked[split, size] for split, size in SIZES.items()} == dict.fromkeys(SIZES, 1)


@pytest.mark.usefixtures("toy_site")
def test_a_resume_and_a_replay_ask_once_too(asked: Counter[tuple[str, int]], tmp_path: Path) -> None:
    out = tmp_path / "run"
    CliRunner().invoke(main, ["run", *TOYS, "--out", str(out)])
    (out / "result.json").unlink()
    for arguments in (["run", "--resume", str(out)], ["replay", str(out)]):
        asked.clear()
        assert CliRunner().invoke(main, arguments).exit_code in (0, 3)
        assert {split: asked[split, size] for split, size in SIZES.items()} == dict.fromkeys(SIZES, 1)


class _Task:
    """Fails the first time, and gives another list each time."""

    def __init__(self) -> None:
        self.times = 0

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        self.times += 1
        if self.times == 1:
            raise UsageError("not yet")
        return [Problem(f"{split}/{self.times}", split, "all", {}, "x")] * count


def test_what_was_given_is_given_again_and_an_error_is_not_kept() -> None:
    task = problems.asked_once(_Task())
    with pytest.raises(UsageError, match="not yet"):
        task.problems("test", 3)
    first = task.problems("test", 3)
    assert task.problems("test", 3) is first
    assert task.problems("test", 2)[0].id != first[0].id


class _Drifting(_Task):
    def window(self, split: str, window: int, windows: int, count: int) -> Sequence[Problem]:
        return self.problems(f"{split}/{window}-{windows}", count)


def test_windows_are_given_again_by_all_that_they_were_asked_by() -> None:
    task = problems.asked_once(_Drifting())
    with pytest.raises(UsageError, match="not yet"):
        task.window("test", 1, 3, 2)
    first = task.window("test", 1, 3, 2)
    assert task.window("test", 1, 3, 2) is first
    others = [task.window("test", *asked) for asked in ((2, 3, 2), (1, 2, 2), (1, 3, 1))]
    assert first[0].id not in {each[0].id for each in others}
    assert not isinstance(problems.asked_once(_Task()), Drifting)


class _Heard(io.StringIO):
    """A stream that says when it has been written to."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def flush(self) -> None:
        super().flush()
        self.heard.set()


class _Slow(toys.Parity):
    """A task that is not done before somebody has been told."""

    def __init__(self, stream: _Heard) -> None:
        super().__init__(0)
        self._stream = stream

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        assert self._stream.heard.wait(10)
        return super().problems(split, count)


def test_a_person_is_told_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Heard()
    monkeypatch.setattr(problems, "PATIENCE", 0.0)
    monkeypatch.setattr("sys.stderr", stream)
    assert len(problems.asked_once(_Slow(stream)).problems("harder", 8)) == 8
    assert stream.getvalue() == "making 8 problems of harder ...\n"


def test_nothing_is_said_of_what_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    problems.asked_once(toys.Parity(0)).problems("test", 8)
    assert capsys.readouterr().err == ""


class _Plain:
    """A task whose problems are known by their split and place."""

    def problems(self, split: str, count: int) -> Sequence[Problem]:
        return [Problem(f"{split}/{place:04d}", split, "all", {}, "x") for place in range(count)]


class _Windowed(_Plain):
    """One whose windows are problems of their own."""

    def window(self, split: str, window: int, windows: int, count: int) -> Sequence[Problem]:
        return [Problem(f"{split}/{window}-{windows}/{place:04d}", split, "all", {}, "x") for place in range(count)]


TASKS: tuple[Any, ...] = (_Plain(), _Windowed())
SETS = st.lists(
    st.builds(
        ProblemSet,
        name=st.just("set"),
        of=st.sampled_from(("test", "reflect", "train", "harder")),
        size=st.none() | st.integers(1, 20),
        windows=st.integers(1, 4),
    ).filter(lambda each: each.size is None or each.size >= each.windows),
    max_size=5,
).map(lambda sets: [replace(each, name=f"set-{place}") for place, each in enumerate(sets)])
PLANNED = st.fixed_dictionaries({name: st.integers(1, 20) for name in Sizes.model_fields})


def _plan(sets: Sequence[ProblemSet], sizes: dict[str, int], limit: int | None = None) -> Plan:
    """A plan of a design with these sets, on which one arm is measured."""
    names = tuple(each.name for each in sets)
    design = Design(
        arms=(
            Arm("base", "student", "base", "as it comes", splits=("test", "harder", *names)),
            Arm("study", "teacher", "learning", "while it learns", strategy=True, splits=("reflect",)),
            Arm("after", "student", "treatment", "trained", recipe="worked", splits=("test", "harder")),
        ),
        contrasts=(Contrast("after", "base", "training", ("adapter",), family=True),),
        sets=tuple(sets),
    )
    plugins = {kind: PlannedPlugin("made-up", "tests", "1.0", "tests", False, {}) for kind in PLUGIN_KINDS}
    return Plan(
        harness="1.0",
        preset=None,
        seed=0,
        stages=design.names,
        sizes=sizes,
        limit=limit,
        training_seeds=1,
        labels="teacher",
        prompts="same",
        margin=0.05,
        checks=(),
        strategy=None,
        plugins={**plugins, "design": PlannedDesign("made-up", "tests", "1.0", "tests", False, {}, design)},
    )


def _all(plan: Plan, task: Any) -> dict[str, list[Problem]]:
    return {name: problems.of_set(plan, task, name) for name in plan.splits if name != SKILLS}


@pytest.mark.parametrize("task", TASKS)
@settings(max_examples=30)
@given(sets=SETS, sizes=PLANNED, limit=st.none() | st.integers(1, 20))
def test_no_two_sets_share_a_problem_and_each_has_as_many_as_planned(
    task: Any, sets: list[ProblemSet], sizes: dict[str, int], limit: int | None
) -> None:
    plan = _plan(sets, sizes, limit)
    taken = _all(plan, task)
    ids = [each.id for inner in taken.values() for each in inner]
    assert len(ids) == len(set(ids))
    assert {name: len(inner) for name, inner in taken.items()} == {name: plan.count(name) for name in taken}
    assert {(name, each.split) for name, inner in taken.items() for each in inner} <= {(name, name) for name in taken}


@pytest.mark.parametrize("task", TASKS)
@settings(max_examples=30)
@given(sets=SETS, sizes=PLANNED, limit=st.none() | st.integers(1, 20))
def test_windows_are_equally_large_and_in_order(
    task: Any, sets: list[ProblemSet], sizes: dict[str, int], limit: int | None
) -> None:
    plan = _plan(sets, sizes, limit)
    windowed = [each for each in sets if each.windows > 1 and plan.count(each.name)]
    assume(windowed)
    for each in windowed:
        strata = [problem.stratum for problem in problems.of_set(plan, task, each.name)]
        assert strata == sorted(strata)
        counts = Counter(strata)
        assert len(counts) == each.windows
        assert len({*counts.values()}) == 1


@pytest.mark.parametrize("task", TASKS)
@settings(max_examples=30)
@given(sets=SETS, sizes=PLANNED, limit=st.integers(1, 20))
def test_a_limit_leaves_the_first_problems_of_each_window(
    task: Any, sets: list[ProblemSet], sizes: dict[str, int], limit: int
) -> None:
    limited, whole = _plan(sets, sizes, limit), _plan(sets, sizes)
    for name, taken in _all(limited, task).items():
        windows = limited.design.problem_set(name).windows
        each, all_of = len(taken) // windows, problems.of_set(whole, task, name)
        size = len(all_of) // windows
        assert taken == [problem for start in range(0, len(all_of), size) for problem in all_of[start : start + each]]


@pytest.mark.parametrize("task", TASKS)
@settings(max_examples=30)
@given(sets=SETS, sizes=PLANNED)
def test_the_usual_sets_are_the_same_whatever_a_design_adds(
    task: Any, sets: list[ProblemSet], sizes: dict[str, int]
) -> None:
    added, usual = _all(_plan(sets, sizes), task), _all(_plan([], sizes), task)
    assert {name: added[name] for name in usual} == usual
