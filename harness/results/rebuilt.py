"""The files that a replay has rebuilt, held against those of the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.boundary import folders


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found."""

    rebuilt: int
    """Files that were made again."""
    differing: tuple[str, ...]
    """``name: what is wrong``, for each that is not the same in the run directory."""


def compared(rebuilt: Path, run_dir: Path) -> Replayed:
    """Every file under ``rebuilt`` against the one of its name in a run directory, byte by byte."""
    names = sorted(path.relative_to(rebuilt).as_posix() for path in rebuilt.rglob("*") if path.is_file())
    differing = []
    for name in names:
        try:
            path = folders.inside(run_dir, name)
            if not path.is_file():
                differing.append(f"{name}: is missing")
            elif path.read_bytes() != (rebuilt / name).read_bytes():
                differing.append(f"{name}: is not what plan and journal give")
        except ValueError as error:
            differing.append(f"{name}: {error}")
    return Replayed(len(names), tuple(differing))
