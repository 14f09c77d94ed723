"""Checks JSON against the schemas that ship with the harness. Nothing is ever fetched: the registry is closed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeGuard

import jsonschema_rs

from harness.api import HarnessError
from harness.boundary import files
from harness.boundary.text import one_line, shortened

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

NAMES = ("result", "result-1", "plan", "problem", "item", "run-meta", "audit", "compare")
FIRST_RESULT = "urn:transfer-harness:schema:result:1.0"
"""What a result says of itself that an earlier version wrote. It stays readable."""
LONGEST = 200
"""Characters of one violation that are told."""
LARGEST = 2**53 - 1
"""Largest number, and negated the smallest, of a field that holds one: beyond it a float is not exact any more."""
MAX_PROBLEMS = 50
"""At most so many violations are told of one file."""
_INTEGER = "writtenAsInteger"


def violations(name: str, value: Any) -> Iterator[str]:
    """Where a value breaks a schema: ``path: what is wrong``, at most ``MAX_PROBLEMS``.

    What the compiled schema takes is sound. All that it does not take is looked at again by ``jsonschema``, which has
    the last word, and words for it.
    """
    name = "result-1" if name == "result" and isinstance(value, dict) and value.get("schema") == FIRST_RESULT else name
    if _is_sound(name, value):
        return
    for count, error in enumerate(_validator(name).iter_errors(value)):
        if count == MAX_PROBLEMS:
            yield "... and more"
            return
        yield f"{path_text(error.absolute_path)}: {_said(error)}"


def _is_sound(name: str, value: Any) -> bool:
    try:
        return _compiled(name).is_valid(value)
    except (TypeError, ValueError):  # nested too deeply for it, or no JSON
        return False


def _said(error: ValidationError) -> str:
    if error.validator == "type" and _is_number(error.instance) and not _in_range(error.instance):
        return f"{shortened(repr(error.instance), 40)} is out of range; at most {LARGEST} is read"
    return shortened(error.message, LONGEST)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_range(value: float) -> bool:
    return -LARGEST <= value <= LARGEST


def require(name: str, value: Any) -> None:
    """Raises HarnessError unless a value that this program made, of what plugins gave it, keeps its schema."""
    found = list(violations(name, value))
    if found:
        what = f"what was to be written breaks the schema of {name}, by a fault of a plugin or of the harness"
        raise HarnessError(one_line(f"{what}: {'; '.join(found)}"))


def path_text(path: Any) -> str:
    """A path into JSON as people write it: ``arms[2].accuracy.value``; ``the file`` for the root."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the file"


@cache
def load(name: str) -> Any:
    """A schema, as JSON."""
    return files.parse(resources.files("harness_schemas").joinpath(f"{name}.schema.json").read_text("utf-8"))


@cache
def _compiled(name: str) -> jsonschema_rs.Draft202012Validator:
    """A schema compiled, as narrow as ``_validator``: what it takes, that takes too."""
    registry = jsonschema_rs.Registry([(load(other)["$id"], _narrow(load(other))) for other in NAMES])
    return jsonschema_rs.Draft202012Validator(
        _narrow(load(name)), registry=registry, keywords={_INTEGER: _WrittenAsInteger}, offline=True
    )


def _narrow(schema: Any) -> Any:
    """A schema with the bounds of its numbers, and with a keyword of our own for what must be written as an integer."""
    if isinstance(schema, list):
        return [_narrow(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    narrowed = {key: _narrow(inner) for key, inner in schema.items()}
    if narrowed.get("type") in ("integer", "number"):
        narrowed["minimum"] = max(narrowed.get("minimum", -LARGEST), -LARGEST)
        narrowed["maximum"] = min(narrowed.get("maximum", LARGEST), LARGEST)
        narrowed[_INTEGER] = narrowed["type"] == "integer"
    return narrowed


class _WrittenAsInteger:
    """The keyword: whether ``3.0`` is taken, which JSON Schema takes for an integer."""

    def __init__(self, parent: object, wanted: bool, path: object) -> None:  # noqa: ARG002 - as a keyword is made
        self._wanted = wanted

    def validate(self, instance: object) -> None:
        """Raises ValueError for a number that is wanted as an integer and is not written as one."""
        if self._wanted and isinstance(instance, float):
            raise ValueError("not written as an integer")


@cache
def _validator(name: str) -> Draft202012Validator:
    """The validator of a schema, for which ``3.0`` is no integer: what counts with it would not take it for one."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend
    from referencing import Registry, Resource

    registry = Registry().with_resources((load(other)["$id"], Resource.from_contents(load(other))) for other in NAMES)
    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool) and _in_range(value),
            "number": lambda _, value: _is_number(value) and _in_range(value),
        }
    )
    bounded = extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]  # jsonschema's own
    validator: Draft202012Validator = bounded(load(name), registry=registry)
    return validator
