"""Folders with care: paths that stay inside, what in them is foreign, whom they are for, and making them durable."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What a file or a folder of a run directory may be called."""


def inside(folder: Path, name: str) -> Path:
    """The path of a name, such as ``examples/arm.jsonl``, that lies in a folder, and is reached through no link.

    Raises ValueError for a part that is not NAME, and for a symbolic link. The file need not exist.
    """
    path = folder
    for part in name.split("/"):
        if part in ("", ".", ".."):
            raise ValueError("lies outside the run directory")
        if not NAME.fullmatch(part):
            raise ValueError("is no name that a file of a run has")
        path = path / part
        if path.is_symlink():
            raise ValueError("is a symbolic link; a run directory holds none")
    return path


def links(folder: Path) -> list[Path]:
    """Every symbolic link under a folder, in order."""
    return sorted(
        Path(root) / name
        for root, folders, names in os.walk(folder)
        for name in (*folders, *names)
        if (Path(root) / name).is_symlink()
    )


def foreign(folder: Path) -> Iterator[tuple[Path, str]]:
    """What in a folder, itself included, is no file or folder of its own, and what it is: ``a symbolic link``.

    A file with a second name elsewhere is none, and neither is what belongs to another user than the folder around it.
    Follows no link and opens no file. Raises OSError for a folder that cannot be looked into.
    """
    owner = folder.parent.lstat().st_uid
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            yield path, "a symbolic link"
        elif found.st_uid != owner:
            yield path, "what belongs to another user"
        elif stat.S_ISDIR(found.st_mode):
            waiting += sorted(path.iterdir(), reverse=True)
        elif not stat.S_ISREG(found.st_mode):
            yield path, "what is no file"
        elif found.st_nlink > 1:
            yield path, "a hard link"


@contextmanager
def private() -> Iterator[None]:
    """Everything that this process makes meanwhile is for its owner alone: folders 0700, files 0600."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def sync_tree(folder: Path) -> None:
    """Makes a folder with everything in it durable, before it is given the name that says it is whole."""
    for root, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(Path(root) / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(root))


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable, where its file system can be asked to."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):  # some network mounts sync files alone
            raise
    finally:
        os.close(descriptor)
