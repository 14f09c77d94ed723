"""That in every design that ships the controls are trained on the problems of the treatment, whatever is left blank."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.api import Completion, Request
from harness.boundary import files
from tests.conftest import ToyRun
from tests.toys import ToyTeacher

LOOP = ("design.fresh=30", "student.level=2")


@pytest.fixture
def leaves_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """An untaught teacher whose worked solution of every third problem states nothing."""
    reply = ToyTeacher._reply

    def blank(self: ToyTeacher, request: Request) -> Completion:
        made = reply(self, request)
        naive = request.key.startswith("demonstrate/") and "naive" in request.key
        return replace(made, text="hm") if naive and int(request.key[-4:]) % 3 == 0 else made

    monkeypatch.setattr(ToyTeacher, "_reply", blank)


def _trained_on(run_dir: Path, *names: str) -> list[str]:
    """The problems of the rows of some trainings, in order."""
    rows = [row for name in names for row in files.read_lines(run_dir / f"examples/{name}.jsonl")]
    return sorted(row["problem_id"] for row in rows)


@pytest.mark.usefixtures("leaves_blank")
@pytest.mark.parametrize(
    ("design", "given", "treatment"),
    [
        ("transfer", (), ("student-lora",)),
        ("cycles", LOOP, ("round-3",)),
        ("cycles", (*LOOP, "design.further=adapter"), ("round-1", "round-2", "round-3")),
        ("ensemble", (), ("mixture",)),
        ("stream", ("design.budget=8",), ("frozen", *(f"adapting-{window}" for window in range(1, 5)))),
    ],
    ids=["transfer", "cycles", "cycles-further", "ensemble", "stream"],
)
def test_controls_are_trained_on_the_problems_of_the_treatment(
    toy_run: ToyRun, design: str, given: tuple[str, ...], treatment: tuple[str, ...]
) -> None:
    run_dir = toy_run(*given, design=design)
    expected = _trained_on(run_dir, *treatment)
    prefix = "lora-" if design == "transfer" else ""
    assert expected
    assert not any(int(name[-4:]) % 3 == 0 for name in expected)
    for control in ("labels", "naive", "shuffled"):
        assert _trained_on(run_dir, f"{prefix}{control}") == expected, control
