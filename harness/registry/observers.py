"""Tells the chosen observers what happens in a run. An observer can fail; it cannot stop a run or change its result.

Which observers are chosen, and when something has happened, is for others to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import pluggy

from harness.api import PluginError, RunFailed, RunFinished, RunStarted, StageAdvanced, StageFinished, StageStarted
from harness.boundary.text import one_line
from harness.registry.plugins import PluginRef, manage

Event = RunStarted | StageStarted | StageAdvanced | StageFinished | RunFinished | RunFailed


class Advance(Protocol):
    """Tells how far an activity is."""

    def __call__(self, done: int, *, total: int | None = None, note: str = "") -> None:
        """``done`` steps are done by now, of ``total`` if they are other than was thought; ``note`` says what of."""


class Observers:
    """The observers of one run, told in the order of their names.

    ``plugins`` are the objects that ``ObserverSpec.create`` made, each with where it comes from, or with a name of the
    harness's own. Raises PluginError for a name given twice, for a hook that does not exist, and for an observer
    without any.
    """

    def __init__(self, plugins: Sequence[tuple[str | PluginRef, object]]) -> None:
        self.warnings: list[str] = []
        """One line for each observer and hook that has failed."""
        self._failed: set[tuple[str, str]] = set()
        self._hosts: dict[str, pluggy.PluginManager] = {}
        for who, plugin in sorted(plugins, key=lambda pair: _name(pair[0])):
            name = str(who) if isinstance(who, PluginRef) else f"observer {who!r}"
            if name in self._hosts:
                raise PluginError(one_line(f"{name} is named twice; name it once"))
            host = manage(plugin, name)
            if not host.get_hookcallers(plugin):
                raise PluginError(one_line(f"{name} implements no hook; mark its methods with hookimpl"))
            self._hosts[name] = host

    def run_started(self, event: RunStarted) -> None:
        """The preflight has passed; the first effect comes next."""
        self._tell("harness_run_started", event)

    def stage_started(self, event: StageStarted) -> None:
        """A part of a stage begins."""
        self._tell("harness_stage_started", event)

    def stage_advanced(self, event: StageAdvanced) -> None:
        """A part of a stage has moved on."""
        self._tell("harness_stage_advanced", event)

    def stage_finished(self, event: StageFinished) -> None:
        """A part of a stage is done."""
        self._tell("harness_stage_finished", event)

    @contextmanager
    def activity(self, started: StageStarted) -> Iterator[Advance]:
        """Tells of the beginning, of how far it is whenever it is called, and of the end, unless an error ends it."""
        self.stage_started(started)

        def advance(done: int, *, total: int | None = None, note: str = "") -> None:
            steps = started.total if total is None else total
            self.stage_advanced(StageAdvanced(started.stage, done, steps, note))

        yield advance
        self.stage_finished(StageFinished(started.stage))

    def run_finished(self, event: RunFinished) -> None:
        """The result is written."""
        self._tell("harness_run_finished", event)

    def run_failed(self, event: RunFailed) -> None:
        """The run ended early."""
        self._tell("harness_run_failed", event)

    def _tell(self, hook: str, event: Event) -> None:
        for name, host in self._hosts.items():
            try:
                getattr(host.hook, hook)(event=event)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._warn(name, hook, error)

    def _warn(self, name: str, hook: str, error: BaseException) -> None:
        # A hook that is called for every step would fail for every step: the first time says it.
        if (name, hook) not in self._failed:
            self._failed.add((name, hook))
            self.warnings.append(one_line(f"{name} failed in {hook}: {type(error).__name__}: {error}"))


def _name(who: str | PluginRef) -> str:
    return who.name if isinstance(who, PluginRef) else who
