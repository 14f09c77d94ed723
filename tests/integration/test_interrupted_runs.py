"""The real command, killed and resumed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.audit import EXIT_BLOCKED

REPOSITORY = Path(__file__).parents[2]
SOURCES = [REPOSITORY, *(REPOSITORY / name for name in ("plugins", "tasks", "schemas"))]


class Command:
    """``harness`` in a process of its own, with the toy plugins installed."""

    def __init__(self, site: Path) -> None:
        path = os.pathsep.join(map(str, [site, *SOURCES]))
        self._environment = {**os.environ, "PYTHONPATH": path}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts it."""
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            env=self._environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str) -> None:
        """Runs it to its end."""
        ended(self.start(*arguments))


def ended(process: subprocess.Popen[str]) -> None:
    """Waits for the end of a run, which is its audit: of toys it blocks."""
    _, errors = process.communicate()
    assert process.returncode == EXIT_BLOCKED, errors


TOYS = (
    "run",
    "--task=parity",
    *(f"--{kind}=toy" for kind in ("teacher", "student", "reflection", "trainer")),
)


OF_DESIGNS = {
    "cycles": ["-o", "design.fresh=30", "-o", "student.level=2"],
    "cycles-further": ["-o", "design.fresh=30", "-o", "design.further=adapter", "-o", "student.level=2"],
    "ensemble": [],
    "stream": ["-o", "design.budget=8", "-o", "student.level=2"],
}
"""Options under which a loop of toys has errors to learn from."""


def _of(name: str) -> list[str]:
    return [f"--design={name.partition('-')[0]}", *OF_DESIGNS[name]]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("moments", "given"),
    [
        (1, ["--preset=small"]),
        *((1, ["--preset=small", *_of(name)]) for name in OF_DESIGNS),
        pytest.param(10, ["--training-seeds=3"], marks=pytest.mark.slow),
        *(pytest.param(4, ["--training-seeds=3", *_of(name)], marks=pytest.mark.slow) for name in OF_DESIGNS),
    ],
    ids=["one", *(f"one-{name}" for name in OF_DESIGNS), "ten", *(f"four-{name}" for name in OF_DESIGNS)],
)
def test_a_run_killed_at_random_moments_ends_in_the_same_bytes(
    toy_site: Path, tmp_path: Path, moments: int, given: list[str]
) -> None:
    command = Command(toy_site)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command.run(*TOYS, *given, "--out", str(whole))

    chance = random.Random(7)
    process = command.start(*TOYS, *given, "--out", str(killed))
    journal = killed / "journal.jsonl"
    size = (whole / "journal.jsonl").stat().st_size
    kills = 0
    for moment in sorted(chance.uniform(0, 0.95) for _ in range(moments)):
        while process.poll() is None and not (journal.exists() and journal.stat().st_size > moment * size):
            time.sleep(0.0005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        process = command.start("run", "--resume", str(killed))
    ended(process)
    assert kills >= 0.8 * moments
    for name in ("result.json", "audit.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
