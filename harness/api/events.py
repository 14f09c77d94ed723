"""What observers are told: one frozen dataclass per thing that can happen in a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The preflight has passed; the first effect comes next."""

    run_dir: Path
    stages: tuple[str, ...]
    simulated: tuple[str, ...]
    """The parts of the run that are simulated, such as ``teacher simulated``."""
    forecast: str = ""
    """What the teacher will probably cost, for a new run that costs something."""
    warnings: tuple[str, ...] = ()
    """What the user should know: a torn record, a file system whose locks may not hold, a teacher that only replays."""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A part of a stage begins: the problems of one split, a training, what the teacher writes for it."""

    stage: str
    place: str
    """Which stage it is, of how many: ``3/9``."""
    doing: str
    """What is going on, in a few words."""
    total: int
    """How many steps it takes."""
    training_seed: int | None = None
    """With which seed the student is or was trained, for what is done with an adapter."""


@dataclass(frozen=True, slots=True)
class StageAdvanced:
    """A part of a stage has moved on."""

    stage: str
    done: int
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A part of a stage is done."""

    stage: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The result is written."""

    run_dir: Path
    result: Path


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run ended early."""

    run_dir: Path
    error: str
