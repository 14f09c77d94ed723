"""What all tests share: the toy plugins as an installed distribution, and a quick run with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from harness import run
from harness.boundary import faults
from harness.design.plan import UserSettings
from harness.registry.observers import Observers
from tests import toys

settings.register_profile("harness", deadline=None, derandomize=True)
settings.load_profile("harness")


@pytest.fixture
def toy_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path in which the toy plugins are installed."""
    site = toys.install(tmp_path / "site")
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.fixture(autouse=True)
def _nobody_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which plugins a process has imported is no affair of another test: these modules would count as the toys'."""
    monkeypatch.setattr(faults, "_AUTHORS", {})


ToyRun = Callable[..., Path]


@pytest.fixture
def toy_run(toy_site: Path, tmp_path: Path) -> ToyRun:  # noqa: ARG001 - the plugins must be installed
    """Runs the experiment with toys; gives its directory. Keywords are those of the command line."""

    def start(
        *assignments: str,
        out: str = "run",
        max_cost: float | None = None,
        accept_unreadable: bool = False,
        **user: Any,
    ) -> Path:
        plan, components = run.prepare(UserSettings({**toys.CHOSEN, **user}, assignments=assignments))
        run.start(plan, components, tmp_path / out, Observers([]), max_cost, accept_unreadable=accept_unreadable)
        return tmp_path / out

    return start
