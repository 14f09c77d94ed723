"""What must hold of asking a task for its problems: once for each split, whoever needs them, and never in silence."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.api import Drifting, Problem, UsageError
from harness.cli import main
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
