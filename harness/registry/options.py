"""The options of a plugin: read from text, checked against its options model, described for a reader.

Which value wins, when a preset, a file and the command line all give one, is for the plan to say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, MutableSequence, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, to_jsonable_python

from harness.api import Json, Spec, UsageError
from harness.boundary.text import did_you_mean, one_line, shortened
from harness.registry.plugins import kind_of

OptionsT = TypeVar("OptionsT", bound=BaseModel)

_LISTS = (tuple, list, set, frozenset, Sequence, MutableSequence, Set)
SHOWN = 80
"""Characters of a wrong value that are told."""


@dataclass(frozen=True, slots=True)
class OptionInfo:
    """One option of a plugin."""

    name: str
    type: str
    """For a reader, with its bounds: ``int >= 1``, ``'balanced' | 'published'``."""
    required: bool
    default: Json
    help: str


def parse_assignment(text: str) -> tuple[str, str, Any]:
    """Section, name and value of an assignment such as ``teacher.max_tokens=512``.

    An array, an inline table or a quoted string is read as TOML. Any other value stays the text it is, for the options
    model to read: whether ``512`` is a number or a model's revision, or ``a,b`` a list, is not to be seen from here.
    Raises UsageError for text of another form.
    """
    target, equals, value = text.partition("=")
    section, dot, name = target.strip().partition(".")
    if not (equals and dot and section.strip() and name.strip()):
        raise UsageError(one_line(f"option {text!r}: expected SECTION.NAME=VALUE, for example -o sizes.test=100"))
    return section.strip(), name.strip(), _value(value.strip())


def resolve(spec: Spec[OptionsT], values: Mapping[str, Any], section: str) -> OptionsT:
    """The options of a plugin with the values given, text or typed, and defaults for the rest.

    Raises UsageError for the first value that does not fit; ``section`` names the options in it.
    """
    return _validate(spec.options, values, section, f"see: harness plugin show {kind_of(spec).name} {spec.name}")


def validate(model: type[OptionsT], values: Mapping[str, Any], section: str) -> OptionsT:
    """The same for settings that belong to no plugin."""
    return _validate(model, values, section, f"options: {', '.join(model.model_fields)}")


def describe(model: type[BaseModel]) -> list[OptionInfo]:
    """The options that a model holds, in its own order."""
    return [
        OptionInfo(
            name=name,
            type=_type_text(field.annotation, field.metadata),
            required=field.is_required(),
            default=None if field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True)),
            help=one_line(field.description or ""),
        )
        for name, field in model.model_fields.items()
    ]


def _validate(model: type[OptionsT], values: Mapping[str, Any], section: str, advice: str) -> OptionsT:
    known = model.model_fields
    for name in values:
        if name not in known:
            raise UsageError(one_line(f"option {section}.{name}: no such option;{did_you_mean(name, known)} {advice}"))
    given = {name: _members(value, known[name]) for name, value in values.items()}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise UsageError(_complaint(error, section)) from error


def _value(text: str) -> Any:
    """Arrays, inline tables and quoted strings as TOML; text where it is none of these, or more than one of them."""
    if text[:1] not in tuple("[{\"'"):
        return text
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # not TOML, or an integer of more digits than Python reads
        return text
    return document["value"] if len(document) == 1 else text


def _members(value: Any, field: FieldInfo) -> Any:
    """The members of a list that was written as text, ``Yes,No``, where the option takes a list and not that text."""
    if not isinstance(value, str):
        return value
    types = list(_members_of_union(field.annotation))
    lists = [each for each in types if (get_origin(each) or each) in _LISTS]
    others = [each for each in types if each not in lists and each is not NoneType]
    text = any(each in (str, Any) or value in get_args(each) for each in others)
    if not lists or text or (others and "," not in value):
        return value
    return [member.strip() for member in value.split(",") if member.strip()]


def _members_of_union(annotation: Any) -> Iterator[Any]:
    """The types that an option takes, each by itself, without what is annotated to it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _members_of_union(arguments[0])
    elif origin in (Union, UnionType):
        for each in arguments:
            yield from _members_of_union(each)
    else:
        yield annotation


def _complaint(error: ValidationError, section: str) -> str:
    """The first thing that is wrong, on one line. A union fails once for each member: these are joined by "or"."""
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    where = _place(first, section)
    if first["type"] == "missing":
        return one_line(f"option {where}: required, but not given; set it with -o {where}=VALUE")
    expected = list(dict.fromkeys(_expectation(each["msg"]) for each in problems if _place(each, section) == where))
    if not first["loc"]:
        return one_line(f"options of {section}: {'; '.join(expected)}")
    choices = " or ".join(expected).replace(" or expected ", " or ")
    return one_line(f"option {where}: got {shortened(repr(first['input']), SHOWN)}, {choices}")


def _place(problem: ErrorDetails, section: str) -> str:
    """The option, and the position in it where it is a list; pydantic's own marks of a union's members are left out."""
    parts = [str(part) for i, part in enumerate(problem["loc"]) if i == 0 or isinstance(part, int)]
    return ".".join([section, *parts])


def _expectation(message: str) -> str:
    """pydantic's message as the second half of a sentence."""
    message = message.removeprefix("Value error, ")
    head, should, rest = message.partition("Input should be ")
    if head or not should:
        return message
    rest = rest.partition(", unable to ")[0].partition(", got ")[0].replace("a valid tuple", "a list")
    return f"expected {'a value ' if rest.startswith(('greater', 'less')) else ''}{rest}"


_BOUNDS = {
    "ge": ">=",
    "gt": ">",
    "le": "<=",
    "lt": "<",
    "multiple_of": "multiple of",
    "min_length": "length >=",
    "max_length": "length <=",
    "pattern": "matching",
}


def _type_text(annotation: Any, constraints: Iterable[Any] = ()) -> str:
    """A type with its bounds, for a reader."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [
            part for extra in arguments[1:] for part in (extra.metadata if isinstance(extra, FieldInfo) else [extra])
        ]
        return _type_text(arguments[0], [*inner, *constraints])
    text = _bare_type_text(annotation, origin, arguments)
    bounds = [f"{sign} {bound}" for each in constraints for sign, bound in _bounds(each)]
    if not bounds:
        return text
    return f"{text}{', ' if ' | ' in text else ' '}{', '.join(bounds)}"


def _bounds(constraint: object) -> list[tuple[str, object]]:
    values = [(sign, getattr(constraint, name, None)) for name, sign in _BOUNDS.items()]
    return [(sign, value) for sign, value in values if value is not None]


def _bare_type_text(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Literal:
        return " | ".join(repr(value) for value in arguments)
    if origin in (Union, UnionType):
        return " | ".join(_type_text(each) for each in arguments)
    if arguments:
        inner = ", ".join("..." if each is Ellipsis else _type_text(each) for each in arguments)
        return f"{getattr(origin, '__name__', origin)}[{inner}]"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " | ".join(repr(member.value) for member in annotation)
    return "none" if annotation is NoneType else getattr(annotation, "__name__", str(annotation))
