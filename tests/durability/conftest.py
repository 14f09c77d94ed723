"""A small full run to be broken at will: with the toy teacher, or with Claude's over the loopback interface."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import run
from harness.design.plan import UserSettings
from harness.registry.observers import Observers
from tests import toys
from tests.loopback.server import Loopback
from tests.toys import CHOSEN

STAGES = ("teacher-base", "bootstrap", "student-lora")
SIZES = {"test": 3, "reflect": 1, "train": 2, "harder": 0, "skills": 0}


@dataclass
class Small:
    """A small run: every kind of effect, and as few of each as will do."""

    user: UserSettings

    def start(self, run_dir: Path, **more: Any) -> None:
        """From the beginning."""
        plan, components = run.prepare(self.user)
        run.start(plan, components, run_dir, Observers([]), **more)

    def go_on(self, run_dir: Path, **more: Any) -> None:
        """What a user does after a crash: resumes, or starts again where no run had begun."""
        if (run_dir / "plan.json").exists():
            run.resume(run_dir, Observers([]), **more)
        else:
            self.start(run_dir, **more)


def _wish(**options: object) -> UserSettings:
    sizes = tuple(f"sizes.{split}={size}" for split, size in SIZES.items())
    given = tuple(f"teacher.{name}={value}" for name, value in options.items() if name != "teacher")
    return UserSettings(
        {**CHOSEN, "teacher": options.get("teacher", "toy"), "stages": STAGES}, assignments=(*sizes, *given)
    )


EVERY = pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["some", "every"])
"""Whether every place is tried, or a few of them."""
MEMORY = Path("/dev/shm")  # noqa: S108 - what is put there is made by mkdtemp


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one, because these tests sync thousands of times."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="harness-") as folder:
        yield Path(folder)


@pytest.fixture
def small(toy_site: Path) -> Small:  # noqa: ARG001 - the plugins must be installed
    """With toys."""
    return Small(_wish())


def _answer(prompt: str) -> str:
    asked = prompt.split("\n")[-1]
    if asked == "reflect":
        return toys.GOOD
    return f"so {'ODD' if toys.GOOD in prompt and int(asked) % 2 else 'EVEN'}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server that counts what it sells."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    with Loopback(_answer) as opened:
        yield opened


@pytest.fixture
def bought(toy_site: Path, server: Loopback) -> Small:  # noqa: ARG001 - the plugins must be installed
    """With a teacher whose every reply is a purchase, two at a time."""
    return Small(_wish(teacher="claude", base_url=server.url, model="claude-haiku-5-5", concurrency=2))
