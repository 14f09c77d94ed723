"""What a plan says of each plugin that it names: where it comes from, its options, and of a design all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from harness.api import CheckSpec, Design, DesignSpec, Json, PluginError
from harness.design import designs
from harness.registry import guard, options, plugins


@dataclass(frozen=True, slots=True)
class PlannedPlugin:
    """A plugin of a plan, with its options in full."""

    name: str
    distribution: str
    version: str
    target: str
    simulated: bool
    options: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class PlannedDesign(PlannedPlugin):
    """The design of a plan with all of it, so that what a run gives can be read without the plugin."""

    design: Design


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """An audit check of a plan for which an option was set, with its options in full."""

    name: str
    options: Mapping[str, Json]


def check_options(chosen: Iterable[str | PlannedCheck]) -> Mapping[str, Mapping[str, Json]]:
    """The options that were set of each check of a plan, by its name."""
    return {
        each if isinstance(each, str) else each.name: {} if isinstance(each, str) else each.options for each in chosen
    }


def checks(data: Iterable[Any]) -> tuple[str | PlannedCheck, ...]:
    """The checks of a plan that was read from a file."""
    return tuple(each if isinstance(each, str) else PlannedCheck(**each) for each in data)


def choice(kind: str, data: Mapping[str, Any]) -> PlannedPlugin:
    """A plugin of a plan that was read from a file. Raises KeyError, TypeError or ValueError for what is none."""
    if kind == "design":
        return PlannedDesign(**{**data, "design": designs.restored(data["design"])})
    return PlannedPlugin(**data)


def design(loaded: plugins.Loaded[DesignSpec[Any]], given: Mapping[str, Any]) -> PlannedDesign:
    """The design of a plugin. Raises PluginError, with what is wrong, for one that could not be run as it says."""
    ref, spec = loaded.ref, loaded.spec
    set_by_user = resolved(loaded, given, "design")
    made = plugins.instantiate(ref, lambda: spec.create(set_by_user))
    if not isinstance(made, Design):
        raise PluginError(f"{ref} gave a {type(made).__name__}; expected a Design")
    return PlannedDesign(ref.name, ref.distribution, ref.version, ref.target, False, written(ref, set_by_user), made)


def check(loaded: plugins.Loaded[CheckSpec[Any]], given: Mapping[str, Any]) -> str | PlannedCheck:
    """A check of a plan: by name alone where no option was set."""
    name = loaded.ref.name
    set_by_user = resolved(loaded, given, f"check.{name}")
    return PlannedCheck(name, written(loaded.ref, set_by_user)) if given else name


def resolved(loaded: plugins.Loaded[Any], given: Mapping[str, Any], section: str) -> Any:
    """The options of a plugin. What its own validators raise beside ValueError is told with its name."""
    return guard.call(loaded.ref, "its options", lambda: options.resolve(loaded.spec, given, section))


def written(ref: plugins.PluginRef, made: BaseModel) -> Mapping[str, Json]:
    """Options as JSON. Raises PluginError where they are none."""
    return guard.call(ref, "its options as JSON", lambda: made.model_dump(mode="json"))
