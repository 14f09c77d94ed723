from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from harness.boundary import full_disk

Usage = namedtuple("Usage", "total used free")


def _because(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    RuntimeError("I/O error: quota (os error 122)"),
    RuntimeError("[enforce fail at inline_container.cc:603] . unexpected: No space left on device"),
    RuntimeError("a process of the training ended with code 1: OSError: [Errno 28] No space left on device: '/x'"),
    ValueError("[Errno 28] voll"),
    _because(RuntimeError("could not save"), OSError(errno.ENOSPC, "No space left on device")),
    ExceptionGroup("two", [ValueError("one"), OSError(errno.EDQUOT, "Disk quota exceeded")]),
]
OTHER = [
    OSError(errno.EIO, "Input/output error"),
    RuntimeError("CUDA out of memory"),
    RuntimeError("os error 281"),
    ValueError("28"),
]
FORGOTTEN = [
    RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed"),
    OSError("4096 requested and 512 written"),
    RuntimeError("could not save the tensors"),
]


@pytest.mark.parametrize("error", FULL, ids=repr)
def test_a_full_disk_is_known_in_any_wrapping(error: BaseException, tmp_path: Path) -> None:
    told = full_disk.told(error, tmp_path)
    assert told in {f"{tmp_path}: {os.strerror(number)}" for number in full_disk.NUMBERS}


@pytest.mark.parametrize("error", [*OTHER, *FORGOTTEN], ids=repr)
def test_no_other_error_is_taken_for_one(error: BaseException, tmp_path: Path) -> None:
    assert full_disk.told(error, tmp_path) is None


@pytest.mark.parametrize("error", FORGOTTEN, ids=repr)
def test_a_failed_write_where_no_room_is_left_is_a_full_disk(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 4096))
    assert full_disk.told(error, tmp_path / "not" / "there") == f"{tmp_path / 'not' / 'there'}: No space left on device"
    assert full_disk.told(RuntimeError("CUDA out of memory"), tmp_path) is None


def test_the_file_is_named_where_the_system_names_it(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/mnt/torch_1")
    assert full_disk.told(error, tmp_path) == "/mnt/torch_1: No space left on device"


def test_errors_that_go_round_in_a_circle_are_looked_at_once(tmp_path: Path) -> None:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert full_disk.told(first, tmp_path) is None
