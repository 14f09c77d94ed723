"""Which plugins are installed, and the one that was asked for.

Finding reads package metadata alone. Only ``load`` imports a plugin, and only the one it was asked for, so that a
broken plugin harms nobody who does not use it. What a plugin does once loaded is said in ``harness.api``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import pluggy

from harness.api import (
    API_VERSION,
    CheckSpec,
    DesignSpec,
    HarnessError,
    ObserverSpec,
    PluginError,
    ReflectionSpec,
    Spec,
    StudentSpec,
    TaskSpec,
    TeacherSpec,
    TrainerSpec,
    VerifierSpec,
    hookspecs,
)
from harness.boundary import faults
from harness.boundary.folders import NAME
from harness.boundary.text import did_you_mean, one_line

_OURS = r"(?:transfer[._-]?)?harness?"
_MISSPELT = re.compile(rf"{_OURS}(?:[._: -]|$)", re.IGNORECASE)
"""A group that is the harness's, or was meant to be."""
_GROUPS = re.compile(rf"^\s*\[\s*{_OURS}[]._: -]", re.IGNORECASE | re.MULTILINE)

SpecT = TypeVar("SpecT", bound=Spec[Any])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[SpecT]):
    """A kind of plugin."""

    name: str
    spec: type[SpecT]

    @property
    def group(self) -> str:
        """The entry-point group in which a distribution declares plugins of this kind."""
        return f"harness.{self.name}s"

    @property
    def hook(self) -> str:
        """The registry hook that a plugin of this kind implements."""
        return f"harness_{self.name}s"


TASK: Kind[TaskSpec[Any]] = Kind("task", TaskSpec)
VERIFIER: Kind[VerifierSpec[Any]] = Kind("verifier", VerifierSpec)
TEACHER: Kind[TeacherSpec[Any]] = Kind("teacher", TeacherSpec)
STUDENT: Kind[StudentSpec[Any]] = Kind("student", StudentSpec)
REFLECTION: Kind[ReflectionSpec[Any]] = Kind("reflection", ReflectionSpec)
TRAINER: Kind[TrainerSpec[Any]] = Kind("trainer", TrainerSpec)
OBSERVER: Kind[ObserverSpec[Any]] = Kind("observer", ObserverSpec)
CHECK: Kind[CheckSpec[Any]] = Kind("check", CheckSpec)
DESIGN: Kind[DesignSpec[Any]] = Kind("design", DesignSpec)

KINDS: Mapping[str, Kind[Any]] = MappingProxyType(
    {kind.name: kind for kind in (DESIGN, TASK, VERIFIER, TEACHER, STUDENT, REFLECTION, TRAINER, OBSERVER, CHECK)}
)
"""Every kind by name, in the order in which an experiment meets them."""
NAMED = ("observer", "check")
"""Kinds of which several plugins can be chosen at a time: their options are set with their names."""


@dataclass(frozen=True, slots=True)
class PluginRef:
    """An installed plugin, not imported."""

    kind: str
    name: str
    target: str
    """Module, or ``module:object``, that holds its hooks."""
    distribution: str
    version: str

    @property
    def origin(self) -> str:
        """Where it comes from: distribution, version and module."""
        return f"{self.distribution} {self.version}, {self.target}"

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} ({self.origin})"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[SpecT]):
    """A plugin that was imported and keeps its contract."""

    ref: PluginRef
    spec: SpecT


def installed(kind: Kind[Any] | None = None) -> tuple[PluginRef, ...]:
    """The installed plugins, of one kind or of all, by kind, name and distribution. Imports none of them."""
    kinds = {each.group: each.name for each in KINDS.values() if kind in (None, each)}
    order = list(KINDS)
    refs = [
        PluginRef(kinds[point.group], point.name, point.value, distribution.name, distribution.version or "unknown")
        for distribution, points in _declared()
        for point in points
        if point.group in kinds
    ]
    return tuple(sorted(refs, key=lambda ref: (order.index(ref.kind), ref.name, ref.distribution, ref.target)))


def find(kind: Kind[Any], name: str) -> PluginRef:
    """The one installed plugin of that name. Raises PluginError where there is none, or more than one."""
    refs = installed(kind)
    found = [ref for ref in refs if ref.name == name]
    if not found:
        names = sorted({ref.name for ref in refs})
        offer = f"installed: {', '.join(names)}" if names else f"no {kind.name} is installed"
        unread = [f"; {each}" for each in misplaced() if each.name == name and each.kind in (kind.name, None)]
        raise PluginError(
            one_line(f"no {kind.name} named {name!r};{did_you_mean(name, names)} {offer}{''.join(unread)}")
        )
    if len(found) > 1:
        origins = " and by ".join(ref.origin for ref in found)
        raise PluginError(one_line(f"{kind.name} {name!r} is provided by {origins}; uninstall all but one"))
    return found[0]


@dataclass(frozen=True, slots=True)
class Misplaced:
    """An entry point in a group that nothing reads, though it looks as if it should be one of the harness."""

    name: str
    group: str
    distribution: str
    kind: str | None
    """The kind that is probably meant."""

    def __str__(self) -> str:
        groups = [kind.group for kind in KINDS.values() if self.kind in (kind.name, None)]
        return (
            f"{self.distribution} declares {self.name!r} in the entry-point group {self.group!r}, which nothing reads; "
            f"expected {' or '.join(groups)}"
        )


def misplaced() -> tuple[Misplaced, ...]:
    """The entry points of installed distributions in groups that are nearly one of the harness's. Imports nothing."""
    groups = {kind.group for kind in KINDS.values()}
    return tuple(
        Misplaced(point.name, point.group, distribution.name, _meant(point.group))
        for distribution, points in _declared()
        for point in points
        if point.group not in groups and _MISSPELT.match(point.group)
    )


def _meant(group: str) -> str | None:
    """The kind that a misspelt group is for, if it names one nearly."""
    last = re.split(r"[._: -]", group.lower())[-1]
    near = difflib.get_close_matches(last, [f"{name}s" for name in KINDS], n=1, cutoff=0.7)
    return near[0][:-1] if near else None


def load(kind: Kind[SpecT], name: str) -> Loaded[SpecT]:
    """Imports one plugin and checks what it says of itself.

    Raises PluginError, naming distribution, version and module, where the plugin is unknown or ambiguous, fails to
    import, or breaks its contract.
    """
    ref = find(kind, name)
    if not NAME.fullmatch(name):
        raise _breach(ref, "needs a name of 1 to 64 of a-z, 0-9, '.', '_' and '-' that starts with a letter or digit")
    point = metadata.EntryPoint(ref.name, ref.target, kind.group)
    faults.know(ref.target, str(ref))
    plugin = _guarded(ref, point.load, "load")
    spec = _guarded(ref, lambda: _offered(kind, ref, _specs(kind, ref, plugin)), "load", PluginError)
    return Loaded(ref, spec)


def manage(plugin: object, label: str) -> pluggy.PluginManager:
    """A manager that knows this one plugin. ``label`` names it in errors.

    One manager per plugin, since pluggy drops the second of two plugins of one name, and refuses one module twice.
    Raises PluginError for a hook that does not exist, that takes other arguments, or that is wrapped.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    known = [name for name in vars(hookspecs) if name.startswith("harness_")]
    try:
        manager.register(plugin, label)
    except (pluggy.PluginValidationError, ValueError) as error:
        raise PluginError(one_line(f"{label} breaks its contract: {error}")) from error
    except BaseException as error:  # every attribute is looked at, and a property may raise anything
        if isinstance(error, KeyboardInterrupt):
            raise
        raise PluginError(one_line(f"{label} cannot be looked at: {type(error).__name__}: {error}")) from error
    for hook in manager.get_hookcallers(plugin) or ():
        impls = hook.get_hookimpls()
        if not hook.has_spec() and not all(impl.optionalhook for impl in impls):
            raise PluginError(
                one_line(f"{label} implements {hook.name}, which is no hook;{did_you_mean(hook.name, known)}")
            )
        if any(impl.wrapper or impl.hookwrapper for impl in impls):
            raise PluginError(one_line(f"{label} wraps {hook.name}; a hook of this harness cannot be wrapped"))
    return manager


def kind_of(spec: Spec[Any]) -> Kind[Any]:
    """The kind that a spec belongs to."""
    return next(kind for kind in KINDS.values() if isinstance(spec, kind.spec))


def _declared() -> list[tuple[metadata.Distribution, metadata.EntryPoints]]:
    """The distributions that declare plugins, each once, with their entry points.

    A distribution can be seen twice, as when the working directory holds its egg-info: the first on the path counts.
    """
    declared = {}
    for seen in metadata.distributions():
        try:
            if _GROUPS.search(seen.read_text("entry_points.txt") or ""):
                first = metadata.distribution(seen.name)
                declared[re.sub(r"[-_.]+", "-", first.name).lower()] = (first, first.entry_points)
        except Exception:  # noqa: S112 - a package that cannot be read offers nothing
            continue
    return list(declared.values())


def _specs(kind: Kind[SpecT], ref: PluginRef, plugin: object) -> list[SpecT]:
    """What a plugin returns from the registry hook of a kind."""
    manager = manage(plugin, str(ref))
    if kind.hook not in {hook.name for hook in manager.get_hookcallers(plugin) or ()}:
        if _guarded(ref, lambda: hasattr(plugin, kind.hook), "load"):
            raise _breach(ref, f"defines {kind.hook} without marking it with harness.api.hookimpl")
        raise _breach(ref, f"implements no {kind.hook}")
    returned = _guarded(ref, lambda: _listed(getattr(manager.hook, kind.hook)()), "load")
    expected = f"an iterable of {kind.spec.__name__}"
    if returned is None:
        raise _breach(ref, f"returned no iterable from {kind.hook}, expected {expected}")
    for spec in returned:
        if not isinstance(spec, kind.spec):
            raise _breach(ref, f"returned {type(spec).__name__} from {kind.hook}, expected {expected}")
    return returned


def _listed(answers: list[Any]) -> list[Any] | None:
    """The one answer of a hook as a list, or None where it is no iterable. pluggy leaves out an answer of None."""
    return list(answers[0]) if answers and isinstance(answers[0], Iterable) else None


def _offered(kind: Kind[SpecT], ref: PluginRef, specs: list[SpecT]) -> SpecT:
    """The spec of a plugin among those that its hook returned. Raises PluginError unless it can be used."""
    chosen = [spec for spec in specs if spec.name == ref.name]
    if len(chosen) != 1:
        names = ", ".join(repr(spec.name) for spec in specs) or "nothing"
        raise _breach(ref, f"must offer {ref.name!r} exactly once in {kind.hook}, which returned {names}")
    (spec,) = chosen
    if spec.api != API_VERSION:
        raise _breach(ref, f"targets plugin API {spec.api}; this harness speaks {API_VERSION}")
    for what in _lacking(spec):
        raise _breach(ref, f"needs {what}")
    return spec


def _lacking(spec: Spec[Any]) -> Iterator[str]:
    """What a spec needs and has not, or has in another type."""
    from pydantic import BaseModel

    if not isinstance(spec.summary, str):
        yield "text as its summary"
    if not isinstance(spec.simulated, bool):
        yield "True or False as its simulated"
    if not (isinstance(spec.options, type) and issubclass(spec.options, BaseModel)):
        yield "a pydantic model as its options"
    if not callable(getattr(spec, "create", None)):
        yield "a function as its create"
    if isinstance(spec, TeacherSpec) and not (spec.replays is None or callable(spec.replays)):
        yield "a function as its replays, or None"
    if isinstance(spec, TaskSpec):
        if not isinstance(spec.verifier, str):
            yield "the name of a verifier as its verifier"
        if not (isinstance(spec.presets, Mapping) and all(map(_is_config, spec.presets.values()))):
            yield "presets by name, each with settings by section"
    if isinstance(spec, StudentSpec) and not _is_config(spec.defaults):
        yield "settings by section as its defaults"


def _is_config(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(section, str) and isinstance(table, Mapping) for section, table in value.items()
    )


def instantiate(ref: PluginRef, create: Callable[[], T]) -> T:
    """What a plugin's factory gives. An error that is fit to show passes; others are told of with the plugin's name."""
    return _guarded(ref, create, "make", HarnessError)


def _guarded(ref: PluginRef, act: Callable[[], T], doing: str, *passing: type[HarnessError]) -> T:
    """The outcome of code that a plugin wrote. It may raise anything, SystemExit included; ``passing`` passes."""
    try:
        return act()
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, *passing)):
            raise
        raise PluginError(one_line(f"cannot {doing} {ref}: {type(error).__name__}: {error}")) from error


def _breach(ref: PluginRef, what: str) -> PluginError:
    return PluginError(one_line(f"{ref} {what}"))
