"""The hooks that a plugin may implement.

Registry hooks describe: they take no arguments and return specs, and are asked only of a plugin that was chosen by
name. Observer hooks are told what happened: each gets one frozen event, returns nothing, can neither change a result
nor break a run, and is called only for observers named on the command line.

A plugin marks its functions with ``harness.api.hookimpl``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from harness.api.events import RunFailed, RunFinished, RunStarted, StageAdvanced, StageFinished, StageStarted
from harness.api.specs import (
    CheckSpec,
    DesignSpec,
    ObserverSpec,
    ReflectionSpec,
    StudentSpec,
    TaskSpec,
    TeacherSpec,
    TrainerSpec,
    VerifierSpec,
)

PROJECT = "harness"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def harness_tasks() -> Iterable[TaskSpec[Any]]:
    """Return the task generators of this plugin. Since API 1."""


@hookspec
def harness_verifiers() -> Iterable[VerifierSpec[Any]]:
    """Return the verifiers of this plugin. Since API 1."""


@hookspec
def harness_teachers() -> Iterable[TeacherSpec[Any]]:
    """Return the teachers of this plugin. Since API 1."""


@hookspec
def harness_students() -> Iterable[StudentSpec[Any]]:
    """Return the students of this plugin. Since API 1."""


@hookspec
def harness_reflections() -> Iterable[ReflectionSpec[Any]]:
    """Return the reflection strategies of this plugin. Since API 1."""


@hookspec
def harness_trainers() -> Iterable[TrainerSpec[Any]]:
    """Return the trainers of this plugin. Since API 1."""


@hookspec
def harness_observers() -> Iterable[ObserverSpec[Any]]:
    """Return the observers of this plugin. Since API 1."""


@hookspec
def harness_checks() -> Iterable[CheckSpec[Any]]:
    """Return the audit checks of this plugin. Since API 1."""


@hookspec
def harness_designs() -> Iterable[DesignSpec[Any]]:
    """Return the designs of this plugin. Since API 1."""


@hookspec
def harness_run_started(event: RunStarted) -> None:
    """Called once, after the preflight and before the first effect. Since API 1."""


@hookspec
def harness_stage_started(event: StageStarted) -> None:
    """Called when a part of a stage begins. Since API 1."""


@hookspec
def harness_stage_advanced(event: StageAdvanced) -> None:
    """Called as a stage moves on: after a completion, a batch or a training step. Since API 1."""


@hookspec
def harness_stage_finished(event: StageFinished) -> None:
    """Called when a part of a stage is done. Since API 1."""


@hookspec
def harness_run_finished(event: RunFinished) -> None:
    """Called once, when the result is written. Since API 1."""


@hookspec
def harness_run_failed(event: RunFailed) -> None:
    """Called once, when the run ends early. What is recorded stays and can be resumed. Since API 1."""
