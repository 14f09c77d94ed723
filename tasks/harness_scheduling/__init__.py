"""Task ``scheduling`` and verifier ``sweep-line``: meetings, rooms, and whether they fit.

Here the two are described to the registry; the modules beside this one are imported when one of them is created.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.api import Config, Task, TaskSpec, Verifier, VerifierSpec, hookimpl
from harness_scheduling.options import SchedulingOptions, SweepLineOptions

_LORA = {
    "batch_size": 2,
    "accumulation": 4,
    "epochs": 3,
    "learning_rate": 2e-4,
    "warmup_steps": 0,
    "rank": 8,
    "target_modules": ["q_proj", "v_proj"],
}
PUBLISHED: Config = {
    "run": {"labels": "verifier", "prompts": "separate"},
    "task": {"distribution": "published"},
    "sizes": {"test": 150, "reflect": 100, "train": 100},
    "trainer.lora": _LORA,
    "trainer.lora-all-linear": _LORA,
    "reflection.lrl": {"batch_size": 10, "distil_every": 5},
}
"""The sizes, hyper-parameters, labels and prompts of the published experiment."""


def _task(options: SchedulingOptions, seed: int) -> Task:
    from harness_scheduling.task import SchedulingTask

    return SchedulingTask(options, seed)


def _verifier(_options: SweepLineOptions, _task: Task) -> Verifier:
    from harness_scheduling.verifier import SweepLine

    return SweepLine()


@hookimpl
def harness_tasks() -> Iterable[TaskSpec[SchedulingOptions]]:
    """Task ``scheduling``."""
    return [
        TaskSpec(
            name="scheduling",
            summary="Do all meetings fit into the rooms? YES or NO.",
            options=SchedulingOptions,
            create=_task,
            verifier="sweep-line",
            presets={"published": PUBLISHED},
        )
    ]


@hookimpl
def harness_verifiers() -> Iterable[VerifierSpec[SweepLineOptions]]:
    """Verifier ``sweep-line``."""
    return [
        VerifierSpec(
            name="sweep-line",
            summary="The truth of scheduling problems by a sweep over starts and ends, with a witness.",
            options=SweepLineOptions,
            create=_verifier,
        )
    ]
