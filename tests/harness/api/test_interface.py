"""The plugin interface as it was agreed: a change of it is a decision, and shows as a change of interface.txt.

After such a decision: python -m tests.harness.api.test_interface > tests/harness/api/interface.txt
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.api import hookspecs

AGREED = Path(__file__).with_name("interface.txt")


def interface() -> str:
    """Every public name with its fields or methods, and every hook with its signature."""
    hooks = [name for name in vars(hookspecs) if name.startswith("harness_")]
    lines = [f"hook {name}{_signature(getattr(hookspecs, name))}" for name in hooks]
    return "\n".join([*lines, *(line for name in api.__all__ for line in _described(name, getattr(api, name)))]) + "\n"


def _signature(function: Callable[..., Any]) -> str:
    return str(inspect.signature(function)).replace("'", "")


def _described(name: str, value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        yield name if name == "hookimpl" else f"{name} = {value!r}"
        return
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    yield f"class {name}({bases})" if bases else f"class {name}"
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
            yield f"    {field.name}: {field.type}{', optional' if optional else ''}"
        return
    for member, made in vars(value).items():
        if isinstance(made, property) and made.fget is not None:
            yield f"    {member}: {inspect.signature(made.fget).return_annotation}"
        elif inspect.isfunction(made) and (
            not member.startswith("_") or member in ("__getitem__", "__iter__", "__len__")
        ):
            yield f"    {member}{_signature(made)}"
        elif member == "exit_code":
            yield f"    {member} = {made}"


def test_the_interface_is_the_one_that_was_agreed() -> None:
    assert interface() == AGREED.read_text()


def test_every_public_name_is_listed() -> None:
    modules = [getattr(api, name) for name in ("errors", "events", "protocols", "records", "specs", "training")]
    private = {"OptionsT", "LATER"}  # a type variable of the specs, and how fields are written
    defined = {
        name
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (getattr(value, "__module__", None) == module.__name__ or (name.isupper() and name != "TYPE_CHECKING"))
    }
    assert (defined - private) | {*api.designs.__all__} <= set(api.__all__)


@pytest.mark.parametrize("name", api.__all__)
def test_a_public_class_says_what_it_is(name: str) -> None:
    value = getattr(api, name)
    if inspect.isclass(value):
        assert not (value.__doc__ or f"{name}(").startswith(f"{name}(")  # what a dataclass without one is given


if __name__ == "__main__":
    print(interface(), end="")
