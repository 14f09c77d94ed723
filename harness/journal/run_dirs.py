"""The directory of a run: made, held by one process, tidied after a kill."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.api import JournalError, UsageError
from harness.boundary import filenames, files, folders
from harness.boundary.text import in_shell


def make(run_dir: Path) -> None:
    """Makes a run directory.

    Raises UsageError if it cannot be made, holds anything but what a kill left before a run, or cannot be locked.
    """
    made = [folder for folder in (run_dir, *run_dir.parents) if not os.path.exists(folder)]
    try:
        if not run_dir.parent.is_dir():
            run_dir.parent.mkdir(parents=True)
        with folders.private():
            run_dir.mkdir()
    except FileExistsError:
        if not run_dir.parent.is_dir():
            raise UsageError(f"--out {run_dir}: its parent is no directory; give one that can be made") from None
        if not run_dir.is_dir() or {path.name for path in run_dir.iterdir()} - _begun(run_dir):
            begun = (run_dir / filenames.PLAN).is_file()
            other = f", or continue the run in it by --resume {in_shell(run_dir)}" if begun else ""
            raise UsageError(f"--out {run_dir}: exists already; give a new directory{other}") from None
        run_dir.chmod(0o700)
    except OSError as error:
        raise UsageError(f"--out {run_dir}: {error.strerror}; give a directory that can be made") from error
    _try_lock(run_dir, made)
    for folder in dict.fromkeys((run_dir, *made)):
        with suppress(PermissionError):  # a folder that may be written to but not read
            folders.sync_folder(folder.parent)


def _try_lock(run_dir: Path, made: Sequence[Path]) -> None:
    """Raises UsageError if a run directory cannot be locked; then the folders that were ``made`` for it are gone."""
    lock = run_dir / filenames.LOCK
    was_there = lock.exists()
    try:
        with folders.private(), locked(run_dir):
            return
    except (UsageError, OSError) as error:
        if not was_there:
            lock.unlink(missing_ok=True)
        for folder in made:
            folder.rmdir()
        if isinstance(error, OSError):
            raise UsageError(f"--out {run_dir}: {error.strerror}; give a directory that can be written") from error
        raise


def _begun(run_dir: Path) -> set[str]:
    """Names that a directory can hold though no run has begun in it."""
    beginnings = {filenames.LOCK, filenames.FORKED_JOURNAL, filenames.RUN_META}
    return beginnings | {path.name for path in files.leftovers(run_dir)}


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Holds a run directory for this process. Raises JournalError at once if another process holds it, and UsageError
    where the file system has no locks.

    The lock is the kernel's and ends with the process, however it ends; the file only says who holds it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(run_dir / filenames.LOCK, flags, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode("utf-8", "replace").strip()
            raise JournalError(f"{run_dir} is in use by {holder or 'another process'}; wait for it to end") from None
        except OSError as error:
            raise UsageError(
                f"{run_dir}: its file system gives no lock ({error.strerror}), and without one two processes could "
                "write into the run at once; give a directory on a local file system, or mount this one with locks"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def unfinished(folder: Path) -> Path:
    """A new, empty folder beside one that is to be, under a name that no other process knows."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{folder.name}{filenames.UNFINISHED}", dir=folder.parent))


def remove_unfinished(folder: Path) -> None:
    """Removes what ``unfinished`` has made in a folder, by whomever, as far as that can be done."""
    if folder.is_symlink():
        return  # it leads out of the run
    for path in folder.glob(f"*{filenames.UNFINISHED}*"):
        if path.is_symlink():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)


def tidy(run_dir: Path) -> None:
    """Removes what a kill left half written. Raises JournalError for a symbolic link, which leads out of the run."""
    remove_unfinished(run_dir / filenames.ADAPTERS)
    links = folders.links(run_dir)
    if links:
        raise JournalError(f"{links[0]} is a symbolic link; a run directory holds none; put the file itself there")
    for folder in (run_dir, *(path for path in run_dir.rglob("*") if path.is_dir())):
        for path in files.leftovers(folder):
            path.unlink()
