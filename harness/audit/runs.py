"""Audits of files: a run directory or a result.json with what lies beside it. Writes audit.json, and checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, get_args

from harness.api import Check, Evidence, Finding, HarnessError, PluginError, Severity, UsageError
from harness.audit import audit, is_text
from harness.audit.checks import RULESET, checks
from harness.boundary import differences, filenames, files, schemas
from harness.boundary.text import one_line, shortened
from harness.registry import options, plugins
from harness.registry.plugins import PluginRef
from harness.results import validation

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


def read(path: Path) -> tuple[dict[str, Any], Sequence[str] | None]:
    """A result, and what of it differs from its rows; None where there are no rows.

    Raises UsageError for a file that is no valid result, and for a run that is not finished.
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
    beside = all((path.parent / name).is_file() for name in validation.BESIDE)
    return result, validation.problems_of(path) if beside else None


def plugin_checks(result: Mapping[str, Any], more: Sequence[str] = ()) -> list[Check]:
    """The checks of plugins that the plan names, and those asked for besides. Raises UsageError, PluginError."""
    return load_checks([*result["plan"]["checks"], *more])


def load_checks(names: Iterable[str]) -> list[Check]:
    """The checks of these names, each once. Raises UsageError, PluginError."""
    return [_load(name) for name in dict.fromkeys(names)]


def _load(name: str) -> Check:
    loaded = plugins.load(plugins.CHECK, name)
    given = options.resolve(loaded.spec, {}, f"check.{name}")
    made = plugins.instantiate(loaded.ref, partial(loaded.spec.create, given))
    check = PluginCheck(**{field.name: _said(loaded.ref, made, field.name) for field in fields(PluginCheck)})
    if check.severity not in get_args(Severity):
        raise _breach(loaded.ref, f"has the severity {check.severity!r}; expected {', '.join(get_args(Severity))}")
    if check.id != name:
        raise _breach(loaded.ref, f"calls itself {check.id!r}")
    if check.id in {core.id for core in checks(None)}:
        raise UsageError(f"{loaded.ref} has the name of a check of the harness; name it apart")
    return check


def _said(ref: PluginRef, check: object, name: str) -> Any:
    """What a check of a plugin says of itself under a name, read once: it may raise, or be anything."""
    try:
        value = getattr(check, name)
    except AttributeError as error:
        raise _breach(ref, f"has no {name} ({error})") from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
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
    """Audits the result in a run directory and writes audit.json beside it. Returns the audit."""
    made = _of(run_dir)
    schemas.require("audit", made)
    files.write(run_dir / filenames.AUDIT, files.pretty(made))
    return made


def problems_of(path: Path) -> list[str]:
    """As ``harness.results.validation.problems_of``; an audit.json must besides be the audit of the result beside it.

    A run directory stands for its result.json and, if it has one, its audit.json.
    """
    found = validation.problems_of(path)
    if path.is_dir() and (path / filenames.AUDIT).is_file():
        return [*found, *(f"{filenames.AUDIT}: {problem}" for problem in problems_of(path / filenames.AUDIT))]
    return found or (list(_differing(path)) if path.name == filenames.AUDIT else [])


def _differing(path: Path) -> Iterator[str]:
    """Where an audit.json says something else than an audit made now."""
    said = files.read(path)
    if said["ruleset"] != RULESET:
        yield f"ruleset: says {said['ruleset']!r}, this harness has {RULESET!r}; harness audit judges anew"
        return
    try:
        made = files.plain(_of(path.parent))
    except HarnessError as error:
        yield f"the result beside it cannot be audited: {error}"
        return
    for place, was, now in differences.between(said, made):
        yield f"{place}: says {validation.told(was)}, the result gives {validation.told(now)}"


def _of(run_dir: Path) -> dict[str, Any]:
    result, mismatches = read(run_dir)
    return audit(result, mismatches, plugin_checks(result))
