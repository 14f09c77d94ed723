"""Audits of files: a run directory or a result.json with what lies beside it. Writes audit.json, and checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from harness.api import Check, Evidence, Finding, HarnessError, PluginError, Severity, UsageError
from harness.audit import audit, is_text
from harness.audit.checks import RULESET, checks
from harness.boundary import differences, filenames, files, schemas
from harness.boundary.text import one_line, shortened
from harness.design import config, planned
from harness.registry import guard, options, plugins
from harness.registry.plugins import PluginRef
from harness.results.checking import beside, validation
from harness.results.checking.recorded import Unread, told

LONGEST = 300
"""Characters that are told of what a check of a plugin says of itself."""


@dataclass(frozen=True, slots=True)
class PluginCheck:
    """A check of a plugin, with what it said of itself when it was loaded. See ``harness.api.Check``."""

    id: str
    rule: str
    severity: Severity
    advice: str
    look: Callable[[Evidence], Iterable[Finding]]


def read(
    path: Path, *, fresh: bool = False, known: Sequence[str] | None = None
) -> tuple[dict[str, Any], Sequence[str] | None]:
    """A result, and what of it differs from rows, journal and plan, or cannot be known; None where there are no rows.

    ``fresh``: it was made just now of plan and journal, and is not held against them again. ``known``: what differs,
    where that was found out before. Raises UsageError for a file that is no valid result, and for a run that is not
    finished.
    """
    path = validation.file_of(path)
    try:
        result = files.read(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a run directory or its result.json") from error
    except ValueError as error:
        raise UsageError(f"{path}: not sound JSON ({error}); give a run directory or its result.json") from error
    broken = list(schemas.violations("result", result)) or list(validation.unknown_arms(result))
    if broken:
        raise UsageError(f"{path}: not a valid result ({broken[0]}); harness validate lists everything that is wrong")
    if not all((path.parent / name).is_file() for name in beside.BESIDE):
        return result, None
    return result, validation.held(path, fresh=fresh) if known is None else known


def plugin_checks(
    result: Mapping[str, Any], names: Iterable[str] = (), given: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> list[Check]:
    """The checks of plugins that the plan names, and those of more names, with the options ``given`` over the plan's.

    Raises UsageError, PluginError.
    """
    chosen = dict(planned.check_options(planned.checks(result["plan"]["checks"])))
    chosen |= {name: chosen.get(name, {}) for name in names}
    settings = config.chosen({"check": dict(given)}, "check", chosen)
    return load_checks({name: {**options, **settings.get(name, {})} for name, options in chosen.items()})


def load_checks(chosen: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    """The checks of these names, with their options. Raises UsageError, PluginError."""
    return [_load(name, given) for name, given in chosen.items()]


def _load(name: str, given: Mapping[str, Any]) -> Check:
    loaded = plugins.load(plugins.CHECK, name)
    ref = loaded.ref
    resolved = guard.call(ref, "its options", lambda: options.resolve(loaded.spec, given, f"check.{name}"))
    made = plugins.instantiate(ref, lambda: loaded.spec.create(resolved))
    check = PluginCheck(**{field.name: _said(ref, made, field.name) for field in fields(PluginCheck)})
    if check.severity not in get_args(Severity):
        raise _breach(ref, f"has the severity {check.severity!r}; expected {', '.join(get_args(Severity))}")
    if check.id != name:
        raise _breach(ref, f"calls itself {check.id!r}")
    if check.id in {core.id for core in checks(None)}:
        raise UsageError(f"{ref} has the name of a check of the harness; name it apart")
    return check


def _said(ref: PluginRef, check: object, name: str) -> Any:
    """What a check of a plugin says of itself under a name, read once: it may raise, or be anything."""
    try:
        value = getattr(check, name)
    except AttributeError as error:
        raise _breach(ref, f"has no {name} ({error})") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _breach(ref, f"cannot say its {name} ({type(error).__name__}: {error})") from error
    if name == "look":
        if not callable(value):
            raise _breach(ref, f"has {value!r:.80} as its look; expected a function")
    elif type(value) is not str or not is_text(value):
        raise _breach(ref, f"has {value!r:.80} as its {name}; expected text that a file can hold")
    return value


def _breach(ref: PluginRef, what: str) -> PluginError:
    return PluginError(one_line(f"{ref} {shortened(what, LONGEST)}; its plugin is broken"))


def write(run_dir: Path) -> dict[str, Any]:
    """Audits the result that a run has just written, and writes audit.json beside it. Returns the audit."""
    result, mismatches = read(run_dir, fresh=True)
    made = audit(result, mismatches, plugin_checks(result))
    schemas.require("audit", made)
    files.write(run_dir / filenames.AUDIT, files.pretty(made))
    return made


def problems_of(path: Path) -> list[str]:
    """As ``harness.results.checking.validation.held``; an audit.json must besides be the audit of the result beside it.

    A run directory stands for its result.json and, if it has one, its audit.json.
    """
    found = validation.held(path)
    audited = path / filenames.AUDIT
    if path.is_dir() and audited.is_file():
        wrong = validation.held(audited) or _differing(audited, found)
        return [*found, *(f"{filenames.AUDIT}: {problem}" for problem in wrong)]
    return found or (list(_differing(path)) if path.name == filenames.AUDIT else [])


def _differing(path: Path, known: Sequence[str] | None = None) -> Iterator[str]:
    """Where an audit.json says something else than an audit made now; ``known``: what is wrong with the result."""
    said = files.read(path)
    if said["ruleset"] != RULESET:
        yield f"ruleset: says {said['ruleset']!r}, this harness has {RULESET!r}; harness audit judges anew"
        return
    try:
        result, mismatches = read(path.parent, known=known)
        more = plugin_checks(result)
        made = files.plain(audit(result, mismatches, more))
        if said != made and any(isinstance(what, Unread) for what in mismatches or ()):
            # it may have been made where the plugins of the run were at hand
            made = files.plain(audit(result, [what for what in mismatches or () if not isinstance(what, Unread)], more))
    except HarnessError as error:
        yield f"the result beside it cannot be audited: {error}"
        return
    for place, was, now in differences.between(said, made):
        yield f"{place}: says {told(was)}, the result gives {told(now)}"
