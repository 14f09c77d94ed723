"""What must hold of the directory of a run: it is locked before anything is in it, or it is not there."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.api import UsageError
from harness.boundary import folders
from harness.cli import main
from harness.journal import run_dirs
from tests.conftest import ToyRun
from tests.toys import CHOSEN

TOYS = [f"--{kind}={name}" for kind, name in CHOSEN.items()]
WITHOUT_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


def _without_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("number", WITHOUT_LOCKS)
def test_a_mount_without_locks_is_one_line_that_names_the_directory_and_nothing_is_left(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_locks(monkeypatch, number)
    out = tmp_path / "new" / "run"
    done = CliRunner().invoke(main, ["run", *TOYS, "--out", str(out)])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert f"{out}: its file system gives no lock ({os.strerror(number)})" in line
    assert "local file system" in line
    assert list(tmp_path.glob("new*")) == []


def test_an_empty_directory_that_cannot_be_locked_stays_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_locks(monkeypatch, errno.ENOLCK)
    with pytest.raises(UsageError, match="gives no lock"):
        run_dirs.make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_be_locked_any_more_is_left_as_it_is(
    finished_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = finished_run(stages=("student-base",))
    before = sorted(path.name for path in run_dir.iterdir())
    _without_locks(monkeypatch, errno.ENOSYS)
    done = CliRunner().invoke(main, ["run", "--resume", str(run_dir)])
    assert done.exit_code == 2
    assert f"{run_dir}: its file system gives no lock" in done.stderr.splitlines()[0]
    assert sorted(path.name for path in run_dir.iterdir()) == before


def test_a_directory_whose_lock_cannot_be_written_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(UsageError, match="No space left on device; give a directory"):
            run_dirs.make(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_mount_that_cannot_sync_folders_will_do(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    folders.sync_folder(tmp_path)


def test_a_folder_whose_sync_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        folders.sync_folder(tmp_path)
