"""Which of several settings wins: those of a design, then a student's, a preset's, a file's, the command line's.

What may be set is for ``config`` to say, and what becomes of it for ``plan``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.api import Config, DesignSpec, StudentSpec, TaskSpec, UsageError
from harness.boundary.text import did_you_mean
from harness.design import config
from harness.design.config import PLUGIN_KINDS, RunSettings, Settings
from harness.registry import options
from harness.registry.plugins import Loaded

if TYPE_CHECKING:
    from harness.design.plan import Plan


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one source."""

    settings: Config
    source: str = ""
    """Which plugin they come with; nothing for those of the user."""


@dataclass(frozen=True, slots=True)
class Laid:
    """The settings that hold, of the run and by section those of its parts."""

    run: RunSettings
    settings: Settings
    shipped: tuple[Layer, ...] = ()
    """What of it, or below it, came with plugins."""

    def check(self, loaded: Loaded[Any]) -> None:
        """Raises UsageError if settings that come with a plugin are for another plugin than the one that is chosen."""
        kind, known = loaded.ref.kind, loaded.spec.options.model_fields
        for layer in self.shipped:
            for name in layer.settings.get(kind, {}):
                if name not in known:
                    raise UsageError(
                        f"{layer.source}: sets {kind}.{name}, which {kind} {loaded.ref.name!r} does not have; its "
                        f"plugin should set it for one {kind} alone, in a section {kind}.NAME"
                    )


def laid(
    layers: Iterable[Layer], kept: Mapping[str, Any], asked: Mapping[str, Any], task: Loaded[TaskSpec[Any]]
) -> Laid:
    """Later layers over earlier ones. ``kept`` and ``asked``: settings of the run below and above all of them."""
    layers = list(layers)
    whole: Settings = {"run": {}}
    for layer in layers:
        config.merge(whole, {"run": layer.settings.get("run", {})})
    run = options.validate(RunSettings, {**kept, **whole["run"], **asked}, "run")
    names = {kind: getattr(run, kind) or task.spec.verifier for kind in ("design", *PLUGIN_KINDS)}
    settings: Settings = {}
    for layer in layers:
        config.merge(settings, config.applied(layer.settings, names))
    shipped = tuple(Layer(config.applied(each.settings, names), each.source) for each in layers if each.source)
    return Laid(run, settings, shipped)


def defaults(student: Loaded[StudentSpec[Any]], plan: Plan | None = None) -> Layer:
    """The settings that a student brings along; to a plan that had it before, those for plugins that are new to it.

    Raises UsageError where they cannot be used.
    """
    brought = _shipped(student.spec.defaults, f"the defaults of {student.ref}")
    if plan is None or plan.plugins["student"].name != student.ref.name:
        return brought
    was = {f"{kind}.{choice.name}" for kind, choice in plan.plugins.items()}
    new = {section: table for section, table in brought.settings.items() if "." in section and section not in was}
    return Layer(new, brought.source)


def of_design(design: Loaded[DesignSpec[Any]]) -> Layer:
    """The settings that a design brings along. Raises UsageError where they cannot be used."""
    return _shipped(design.spec.defaults, f"the defaults of {design.ref}")


def preset(task: Loaded[TaskSpec[Any]], name: str | None) -> Layer:
    """The settings of a preset, none without a name. Raises UsageError."""
    if name is None:
        return Layer({})
    presets = task.spec.presets
    if name not in presets:
        offered = ", ".join(sorted(presets)) or "none"
        raise UsageError(
            f"--preset: task {task.ref.name!r} has no preset {name!r};{did_you_mean(name, presets)} it has: {offered}"
        )
    return _shipped(presets[name], f"preset {name!r} of {task.ref}")


def _shipped(settings: Config, source: str) -> Layer:
    """Settings that come with a plugin. Raises UsageError if they choose what they depend on themselves."""
    config.check_sections(settings, source, tied=True)
    for name in sorted({"design", "task", "student", "preset"} & settings.get("run", {}).keys()):
        raise UsageError(f"{source}: sets run.{name}, which is chosen before it is read; its plugin is broken")
    return Layer(settings, source)
