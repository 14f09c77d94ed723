"""What a trainer may be able to do besides training once from the start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.api.protocols import OnStep, Student
from harness.api.records import Adapter, Example, TrainingReport


@runtime_checkable
class Continuing(Protocol):
    """What a trainer may be able to do besides: to train an adapter further."""

    def train_further(
        self,
        student: Student,
        start: Adapter,
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        on_step: OnStep,
    ) -> TrainingReport:
        """As ``train``, from the weights of an adapter, which stays as it was.

        Raises UsageError for an adapter of another form than this trainer makes.
        """
