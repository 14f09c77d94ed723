"""Objects of plugins as the harness holds them: what they raise is told with the plugin whose code it was.

A guarded object has the members of its protocols, and no more. Plugins are handed each other's objects bare, so that
one can find out what another is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, TypeVar, cast

from harness.api import PluginError, Rule
from harness.boundary import faults
from harness.registry.plugins import PluginRef

T = TypeVar("T")


def call(ref: PluginRef, doing: str, act: Callable[[], T]) -> T:
    """The outcome of code of a plugin. Raises PluginError for whatever it raises, SystemExit included.

    Errors that are fit to show pass, and so do those of the disk.
    """
    try:
        return act()
    except BaseException as error:
        if faults.passes(error):
            raise
        raise _failed(ref, doing, error) from error


def guarded(ref: PluginRef, made: object, *protocols: Any) -> Any:
    """An object that a plugin made, with those members of these protocols that it has.

    Iterators that it returns are guarded step by step.
    """
    members = {name: member for each in protocols for name, member in vars(each).items() if name[0] != "_"}
    properties = frozenset(name for name, member in members.items() if isinstance(member, property))
    methods = (name for name in members if name not in properties)
    has = frozenset(name for name in methods if call(ref, name, partial(_can, made, name)))
    return _type(properties, has)(ref, made)


def _can(made: object, name: str) -> bool:
    return callable(getattr(made, name, None))


class _Guarded:
    def __init__(self, ref: PluginRef, made: object) -> None:
        self._ref = ref
        self._made = made

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self._ref} has no {name}")

    def __repr__(self) -> str:
        return f"<{self._ref}>"


def bare(value: Any) -> Any:
    """The object behind a guarded one; any other value as it is."""
    return value._made if isinstance(value, _Guarded) else value


@cache
def _type(properties: frozenset[str], methods: frozenset[str]) -> type[_Guarded]:
    members = {name: property(_reader(name)) for name in properties} | {name: _method(name) for name in methods}
    return type("Guarded", (_Guarded,), members)


def _reader(name: str) -> Callable[[_Guarded], Any]:
    def read(self: _Guarded) -> Any:
        value = call(self._ref, name, lambda: getattr(self._made, name))
        if name == "rules":  # objects of the plugin's own, with code of its own
            return call(self._ref, name, lambda: tuple(guarded(self._ref, rule, Rule) for rule in value))
        return value

    return read


def _method(name: str) -> Callable[..., Any]:
    def method(self: _Guarded, *args: Any, **kwargs: Any) -> Any:
        try:
            value = getattr(self._made, name)(*map(bare, args), **{key: bare(each) for key, each in kwargs.items()})
        except BaseException as error:
            if faults.passes(error):
                raise
            raise _failed(self._ref, name, error) from error
        kind: Any = type(value)
        return _stepped(self._ref, name, value) if _is_lazy(kind) else value

    return method


@cache
def _is_lazy(kind: Any) -> bool:
    """Whether a value of a type is made step by step."""
    return issubclass(kind, Iterable) and not issubclass(kind, Sequence | Mapping)


def _stepped(ref: PluginRef, doing: str, values: Iterable[T]) -> Iterator[T]:
    """The members of what a plugin yields lazily. Closed when nobody wants more."""
    end = object()
    steps = call(ref, doing, lambda: iter(values))
    try:
        while (value := call(ref, doing, lambda: next(steps, end))) is not end:
            yield cast(T, value)
    finally:
        if callable(close := getattr(steps, "close", None)):
            call(ref, doing, close)


def _failed(ref: PluginRef, doing: str, error: BaseException) -> PluginError:
    return PluginError(faults.line(_blamed(ref, error), doing, error))


def _blamed(ref: PluginRef, error: BaseException) -> str:
    """Whose code it was: that of the plugin that was called, unless another plugin's that it had called itself."""
    who = faults.author(error)
    same = who in (None, faults.OURS) or faults.known(ref.target) == who
    return str(ref) if same else str(who)
