"""What must hold of a training: it leaves plain files of its own, and nothing of an earlier one gets near it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.api import (
    ADAPTER_WEIGHTS,
    Adapter,
    Example,
    JournalError,
    Message,
    OnStep,
    StageStarted,
    Student,
    TrainingReport,
    UsageError,
)
from harness.boundary import files
from harness.cli import main
from harness.design.plan import UserSettings
from harness.experiment.training import fitting
from harness.journal.store import Journal, ReadOnlyJournal
from harness.registry.observers import Observers
from harness.run import prepare
from tests import toys
from tests.toys import CHOSEN

TOYS = [f"--{kind}={name}" for kind, name in CHOSEN.items()]
Leave = Callable[[Path], object]


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket is short
        made.bind("socket")
        os.chdir(here)


def _moved_away(folder: Path) -> None:
    elsewhere = folder.parent.parent / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def _hard(folder: Path) -> None:
    (folder.parent.parent / "weights").write_text("{}")
    os.link(folder.parent.parent / "weights", folder / "hard")


def _of_another(folder: Path) -> None:
    (folder / "theirs").mkdir()
    os.chown(folder / "theirs", 12345, 12345)


LEFT: dict[str, tuple[Leave, str]] = {
    "link": (lambda folder: (folder / "link").symlink_to("/etc/passwd"), "a symbolic link"),
    "dangling-link": (lambda folder: (folder / "link").symlink_to("nothing"), "a symbolic link"),
    "link-to-folder": (lambda folder: (folder / "link").symlink_to("/etc"), "a symbolic link"),
    "weights-are-a-link": (lambda folder: _relinked(folder / ADAPTER_WEIGHTS), "a symbolic link"),
    "deep-link": (lambda folder: _deep(folder).symlink_to("/etc"), "a symbolic link"),
    "folder-is-a-link": (_moved_away, "a symbolic link"),
    "hard-link": (_hard, "a hard link"),
    "pipe": (lambda folder: os.mkfifo(folder / "pipe"), "what is no file"),
    "socket": (_socket, "what is no file"),
    "of-another-user": (_of_another, "what belongs to another user"),
}


def _relinked(path: Path) -> None:
    path.rename(path.parent.parent.parent / "weights")
    path.symlink_to(path.parent.parent.parent / "weights")


def _deep(folder: Path) -> Path:
    (folder / "a" / "b").mkdir(parents=True)
    return folder / "a" / "b" / "link"


def _training(monkeypatch: pytest.MonkeyPatch, also: Leave) -> None:
    """From now on the toy trainer does something more in the folder of its adapter."""
    train = toys.ToyTrainer.train

    def more(*given: object) -> TrainingReport:
        report = train(*given)  # type: ignore[arg-type]
        also(given[4])  # type: ignore[arg-type]
        return report

    monkeypatch.setattr(toys.ToyTrainer, "train", more)


def _run(*arguments: str) -> Result:
    done = CliRunner().invoke(main, ["run", *arguments])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def _start(out: Path) -> Result:
    return _run(*TOYS, "--stages=bootstrap,student-lora", "--out", str(out))


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("left", LEFT)
def test_what_is_no_plain_file_in_an_adapter_is_refused_with_the_trainer_named_and_nothing_kept(
    left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave, what = LEFT[left]
    if left == "of-another-user" and os.geteuid() != 0:
        pytest.skip("only root may give files away")
    with monkeypatch.context() as patch:
        _training(patch, leave)
        done = _start(tmp_path / "run")
    assert done.exit_code == 1
    line = next(line for line in done.stderr.splitlines() if line.startswith("harness: "))
    assert "trainer 'toy'" in line or "trainer toy" in line
    assert "harness-toys 1.0" in line
    assert f"left {what} in the folder of its adapter" in line
    assert list((tmp_path / "run" / "adapters").iterdir()) == []
    assert b'"key":"train/' not in (tmp_path / "run" / "journal.jsonl").read_bytes()
    assert _run("--resume", str(tmp_path / "run")).exit_code in (0, 3)


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=repr,
)
def test_a_disk_that_is_full_while_an_adapter_is_saved_is_told_as_that_and_a_resume_goes_on(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise error

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        _training(patch, full)
        done = _start(out)
    assert done.exit_code == 2
    line = next(line for line in done.stderr.splitlines() if line.startswith("harness: "))
    said = "Disk quota exceeded" if "quota" in str(error) else "No space left on device"
    assert line.startswith(f"harness: {out / 'adapters' / 'student-lora'}: {said}, while trainer")
    assert "--resume" in line
    assert list((out / "adapters").iterdir()) == []
    assert _run("--resume", str(out)).exit_code in (0, 3)


@pytest.mark.usefixtures("toy_site")
def test_what_a_killed_training_still_writes_gets_nowhere_near_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, folders = tmp_path / "run", list[Path]()

    def killed(folder: Path) -> None:
        folders.append(folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        _training(patch, killed)
        assert _start(out).exit_code == 130

    def meanwhile(folder: Path) -> None:
        folders.append(folder)
        folders[0].mkdir()  # a worker of the first training, which has not heard of its end
        (folders[0] / ADAPTER_WEIGHTS).write_text("of the first training")
        (folders[0] / "latest").symlink_to(ADAPTER_WEIGHTS)

    with monkeypatch.context() as patch:
        _training(patch, meanwhile)
        assert _run("--resume", str(out)).exit_code in (0, 3)
    assert folders[0] != folders[1]
    assert [path.name for path in (out / "adapters").iterdir()] == ["student-lora"]
    meanwhile(folders[1])
    assert _run("--resume", str(out)).exit_code in (0, 3), "what it writes after all that is cleared away"
    assert [path.name for path in (out / "adapters").iterdir()] == ["student-lora"]
    trained = files.read(out / "result.json")["training"][0]["adapter_sha256"]
    assert files.file_digest(out / "adapters" / "student-lora" / ADAPTER_WEIGHTS) == trained


@pytest.mark.usefixtures("toy_site")
def test_nothing_is_removed_through_a_link(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    assert _start(out).exit_code in (0, 3)
    (out / "adapters").rename(elsewhere)
    (elsewhere / "mine.unfinished-1").mkdir()
    (out / "adapters").symlink_to(elsewhere)
    assert _run("--resume", str(out)).exit_code not in (0, 3)
    assert (elsewhere / "mine.unfinished-1").is_dir()


class Further(toys.ToyTrainer):
    """A toy trainer that adds to what an adapter holds."""

    def train_further(
        self, student: Student, start: Adapter, examples: Sequence[Example], seed: int, folder: Path, on_step: OnStep
    ) -> TrainingReport:
        """As ``train``, and names where it began."""
        report = self.train(student, examples, seed, folder, on_step)
        (folder / "start").write_text(start.sha256)
        return report


@pytest.fixture
def further(toy_site: Path, tmp_path: Path) -> Callable[..., Adapter]:  # noqa: ARG001 - the plugins must be installed
    """Trains an adapter of a name, from another or from the start."""
    journal = Journal(tmp_path / "journal.jsonl")
    (tmp_path / "adapters").mkdir()
    _, components = prepare(UserSettings({**CHOSEN, "stages": "bootstrap,student-lora"}))
    rows = [Example("train/0000", (Message("user", "2"),), "so EVEN", "EVEN", "teacher")]

    def train(name: str, start: Adapter | None = None, trainer: type[toys.ToyTrainer] = Further) -> Adapter:
        made = replace(components, trainer=trainer(toys.Options()))
        telling = Observers([]).activity(StageStarted("stage", "1/1", "training", 0))
        return fitting.train(journal, made, tmp_path / "adapters" / name, rows, 1, telling, start)[0]

    return train


def test_an_adapter_is_trained_further_once_and_the_record_names_where_it_began(
    further: Callable[..., Adapter], tmp_path: Path
) -> None:
    start = further("first")
    second = further("second", start)
    assert (second.folder / "start").read_text() == start.sha256
    assert further("second", start, toys.ToyTrainer) == second
    with closing(ReadOnlyJournal(tmp_path / "journal.jsonl")) as journal:
        assert "start" not in journal.input("train/first")
        assert journal.input("train/second")["start"] == files.digest(start.sha256)
    with pytest.raises(JournalError, match=r"train/second was recorded for another input \(start changed\)"):
        further("second")


def test_a_trainer_that_cannot_train_further_is_named(
    further: Callable[..., Adapter], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = further("first")
    monkeypatch.delattr(toys.ToyTrainer, "train_further")
    with pytest.raises(UsageError, match="cannot train an adapter further; choose one that can"):
        further("second", start, toys.ToyTrainer)


def test_an_adapter_that_is_not_as_it_was_is_not_trained_further(further: Callable[..., Adapter]) -> None:
    start = further("first")
    (start.folder / ADAPTER_WEIGHTS).write_text("{}")
    with pytest.raises(JournalError, match="is not the one that was trained"):
        further("second", start)
