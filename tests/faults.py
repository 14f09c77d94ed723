"""A disk that fails, a process that dies, or a power cut, at the n-th call that reaches the disk.

Calls are counted in this process, by the functions of ``os`` through which a run writes, syncs, opens, names and
removes files. Works wherever Python does; which outcome is right is for the tests to say.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLS = ("write", "fdatasync", "fsync", "open", "replace", "rename", "ftruncate", "mkdir", "unlink", "rmdir")


class Boundaries:
    """Counts calls; at number ``at`` it acts, before the call is made, or after it with ``after``.

    ``act`` may raise, or end the process. With ``lasting`` it acts at every later call too.
    """

    def __init__(
        self, at: int, act: Callable[[str], None], after: bool = False, lasting: bool = False, calls: Any = CALLS
    ) -> None:
        self.at, self.act, self.after, self.lasting, self.calls = at, act, after, lasting, calls
        self.count = 0
        self.names: list[str] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every call meanwhile is counted."""
        real = {name: getattr(os, name) for name in self.calls}
        for name in self.calls:
            setattr(os, name, self._wrapped(name, real[name]))
        try:
            yield
        finally:
            for name, call in real.items():
                setattr(os, name, call)

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            self.names.append(name)
            due = self.count == self.at or (self.lasting and self.count > self.at)
            if due and not self.after:
                self.act(name)
            value = call(*args, **kwargs)
            if due and self.after:
                self.act(name)
            return value

        return wrapped


def first_and_last(names: Sequence[str]) -> list[int]:
    """The numbers of the first and the last call of each name, and one beyond all."""
    first = {name: number for number, name in reversed([*enumerate(names, 1)])}
    last = {name: number for number, name in enumerate(names, 1)}
    return [*sorted({*first.values(), *last.values()}), 2 * len(names)]


Tree = dict[str, "bytes | Tree"]
"""A folder: content of a file, or another folder, by name."""


class Platter:
    """What a disk that was told to sync holds for sure: of a folder and everything under it.

    A file is as it was when it was last synced, and a folder has the names that it had when it was last synced: the
    least that POSIX promises.
    """

    def __init__(self, folder: Path) -> None:
        self._open = os.open  # its own calls are none of the run's
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}
        self._held: dict[int, int] = {}
        self._top = self._noted(folder)
        self._sync_names(self._open(folder, os.O_RDONLY))

    def close(self) -> None:
        """Lets go of everything."""
        for descriptor in self._held.values():
            os.close(descriptor)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Every sync of this process counts meanwhile."""
        real = {name: getattr(os, name) for name in ("fsync", "fdatasync")}

        def synced(descriptor: int, name: str) -> None:
            real[name](descriptor)
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                self._sync_names(os.dup(descriptor))
            else:
                self._sync_content(descriptor)

        for name in real:
            setattr(os, name, lambda descriptor, name=name: synced(descriptor, name))
        try:
            yield
        finally:
            for name, call in real.items():
                setattr(os, name, call)

    def left(self) -> Tree:
        """What is there after a power cut now."""
        return self._tree(self._top, self._names)

    def named(self, folder: Path) -> Tree:
        """What is there if all names happened to reach the disk, but of the contents only what was synced."""
        return {
            path.name: self.named(path) if path.is_dir() else self._contents.get(path.stat().st_ino, b"")
            for path in folder.iterdir()
        }

    def _tree(self, folder: int, names: dict[int, dict[str, int]]) -> Tree:
        return {
            name: self._tree(number, names)
            if stat.S_ISDIR(os.fstat(self._held[number]).st_mode)
            else self._contents.get(number, b"")
            for name, number in names.get(folder, {}).items()
        }

    def _noted(self, path: Path) -> int:
        """The number of a file, which stays its own as long as it is held open."""
        number = path.stat().st_ino
        if number not in self._held:
            self._held[number] = self._open(path, os.O_RDONLY)
        return number

    def _sync_names(self, descriptor: int) -> None:
        folder = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self._names[self._noted(folder)] = {path.name: self._noted(path) for path in folder.iterdir()}
        os.close(descriptor)

    def _sync_content(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self._contents[self._noted(path)] = path.read_bytes()


def plant(tree: Tree, folder: Path) -> None:
    """Makes a folder of a tree."""
    folder.mkdir(mode=0o700)
    for name, inner in tree.items():
        if isinstance(inner, bytes):
            (folder / name).write_bytes(inner)
        else:
            plant(inner, folder / name)


def kill(_: str) -> None:
    """What ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], object]) -> int:
    """Does some work in a forked process. Returns its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
