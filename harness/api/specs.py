"""What a plugin says of itself: the specs that registry hooks return.

A spec is cheap to make: the module that defines it imports nothing heavy, and ``create`` does the importing. Its
``options`` is a frozen pydantic model with ``extra="forbid"``; help texts, constraints and error messages come from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from harness.api.designs import Design
from harness.api.protocols import Check, Reflection, Student, Task, Teacher, Trainer, Verifier

if TYPE_CHECKING:
    from pydantic import BaseModel

API_VERSION = 1
"""The plugin interface that this harness speaks."""

OptionsT = TypeVar("OptionsT", bound="BaseModel")
Config = Mapping[str, Mapping[str, Any]]
"""Settings by section, as in a configuration file: ``{"sizes": {"test": 100}}``.

A section ``trainer.lora`` is used only where the trainer ``lora`` is chosen, and so for every kind.
"""


@dataclass(frozen=True, kw_only=True)
class Spec(Generic[OptionsT]):
    """The part that all kinds share."""

    name: str
    """The name on the command line; equal to the name of the entry point."""
    summary: str
    """One line."""
    options: type[OptionsT]
    api: int = API_VERSION
    simulated: bool = False
    """Whether its output is made up. Every output of a run that uses it says so."""


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Spec[OptionsT]):
    """A task generator. ``create(options, seed)``."""

    create: Callable[[OptionsT, int], Task]
    verifier: str
    """Name of the verifier that knows its truth."""
    presets: Mapping[str, Config] = field(default_factory=dict)
    """Named settings for a whole experiment on this task, chosen by ``--preset``."""


@dataclass(frozen=True, kw_only=True)
class VerifierSpec(Spec[OptionsT]):
    """A verifier. ``create(options, task)``."""

    create: Callable[[OptionsT, Task], Verifier]


@dataclass(frozen=True, kw_only=True)
class TeacherSpec(Spec[OptionsT]):
    """A teacher. ``create(options, task, seed)``."""

    create: Callable[[OptionsT, Task, int], Teacher]
    replays: Callable[[OptionsT], Path] | None = None
    """The directory of the run whose replies its teacher gives again, for one that is ``Replaying``.

    Whether its output is simulated is then what the plan of that run says.
    """


@dataclass(frozen=True, kw_only=True)
class StudentSpec(Spec[OptionsT]):
    """A student. ``create(options)``."""

    create: Callable[[OptionsT], Student]
    defaults: Config = field(default_factory=dict)
    """Settings of other sections that suit this student; a preset, a file or the command line overrides them."""


@dataclass(frozen=True, kw_only=True)
class ReflectionSpec(Spec[OptionsT]):
    """A reflection strategy. ``create(options, task)``."""

    create: Callable[[OptionsT, Task], Reflection]


@dataclass(frozen=True, kw_only=True)
class TrainerSpec(Spec[OptionsT]):
    """A trainer. ``create(options)``."""

    create: Callable[[OptionsT], Trainer]


@dataclass(frozen=True, kw_only=True)
class ObserverSpec(Spec[OptionsT]):
    """An observer. ``create(options)`` gives an object whose methods implement the observer hooks."""

    create: Callable[[OptionsT], object]


@dataclass(frozen=True, kw_only=True)
class CheckSpec(Spec[OptionsT]):
    """An audit check. ``create(options)`` gives a check whose id is the name of the plugin."""

    create: Callable[[OptionsT], Check]


@dataclass(frozen=True, kw_only=True)
class DesignSpec(Spec[OptionsT]):
    """A design of an experiment. ``create(options)`` gives data; a plan and its result keep them."""

    create: Callable[[OptionsT], Design]
    defaults: Config = field(default_factory=dict)
    """Settings that suit it, such as the size of the training set. They give way to a preset and to the user's."""
