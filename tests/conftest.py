"""What all tests share: the toy plugins as an installed distribution, and a quick run with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from harness import run
from harness.api import Design
from harness.boundary import faults, files
from harness.design.plan import UserSettings
from harness.output.report import figure
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


@pytest.fixture(scope="session")
def drawings() -> dict[str, bytes]:
    """Figures by what they show."""
    return {}


@pytest.fixture(autouse=True)
def drawn_once(drawings: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure of the same arms is drawn once: to draw takes as long as all the rest of a run with toys."""
    draw = figure.svg

    def drawn(arms: Sequence[Mapping[str, Any]], design: Design, dark: bool = False) -> bytes:
        key = files.canonical([arms, design, dark])
        if key not in drawings:
            drawings[key] = draw(arms, design, dark)
        return drawings[key]

    monkeypatch.setattr(figure, "svg", drawn)


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


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    """Where finished runs are kept, and those that there are."""
    return tmp_path_factory.mktemp("finished"), {}


@pytest.fixture
def finished_run(toy_run: ToyRun, tmp_path: Path, finished_runs: tuple[Path, dict[str, Path]]) -> ToyRun:
    """A copy of a finished run with toys, to be read or spoiled; runs with the same keywords are made once.

    What a test has changed of the toys before is not among the keywords: it gives the change a name, ``toys``.
    """
    kept, known = finished_runs

    def copied(*assignments: str, out: str = "run", toys: str = "as they are", **user: Any) -> Path:
        key = repr((toys, assignments, sorted(user.items())))
        if key not in known:
            known[key] = Path(shutil.copytree(toy_run(*assignments, out=f"{out}.made", **user), kept / str(len(known))))
        return Path(shutil.copytree(known[key], tmp_path / out))

    return copied
