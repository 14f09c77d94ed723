"""Whether the disk under a run directory will do: room for what comes, and locks that hold."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.api import Sizing, Train, UsageError
from harness.design.plan import Plan
from harness.preflight.components import Components
from harness.preflight.forecast import CHARACTERS_PER_TOKEN, Load

SPARE = 32 * 2**20
"""Bytes that must be free in any case."""
COPIES = 3
"""How often a reply is written: into the journal, into thoughts.jsonl, and perhaps into an example."""
ROW = 4096
"""Bytes of a problem, an item and the records around one reply, over its text."""
MARGIN = 2
"""What is estimated may come out so many times larger."""
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs")
"""File systems whose locks and syncs depend on a server."""
MOUNTS = Path("/proc/self/mountinfo")


def needed(loads: list[Load], adapters: int = 0) -> int:
    """Bytes that a run may write: its text, as far as that can be estimated, and so many bytes of adapters."""
    text = sum(load.output_tokens * CHARACTERS_PER_TOKEN * COPIES + load.calls * ROW for load in loads)
    return SPARE + MARGIN * text + adapters


def adapters(plan: Plan, components: Components) -> int:
    """Bytes of all adapters that a plan trains; 0 where their trainer cannot know."""
    trainings = sum(isinstance(step, Train) for step in plan.steps) * len(plan.seeds)
    if not trainings or not isinstance(components.trainer, Sizing):
        return 0
    return trainings * (components.trainer.adapter_bytes(components.student) or 0)


def check_room(run_dir: Path, wanted: int) -> None:
    """Raises UsageError if less is free where a run directory is, or will be."""
    folder = next(path for path in (run_dir.absolute(), *run_dir.absolute().parents) if os.path.exists(path))
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise UsageError(
            f"{run_dir}: {_megabytes(free)} MB are free there, and the run may write {_megabytes(wanted)} MB; free "
            "some, or give a directory elsewhere by --out"
        )


def caution(run_dir: Path) -> str | None:
    """What to mind about the file system of a run directory, or None."""
    kind = _kind(run_dir.resolve())
    if kind not in NETWORK:
        return None
    return (
        f"{run_dir} lies on a network file system ({kind}): its lock may not hold against another machine, and a "
        "sync is as safe as its server; a local directory is safer"
    )


def _kind(path: Path) -> str:
    """The type of the file system that holds a path, as Linux names it; nothing where that is not known."""
    try:
        mounts = [line.split() for line in MOUNTS.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    found = [(fields[4], fields[fields.index("-") + 1]) for fields in mounts if "-" in fields]
    holding = [(len(point), kind) for point, kind in found if path.is_relative_to(point)]
    return max(holding, default=(0, ""))[1]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f}"
