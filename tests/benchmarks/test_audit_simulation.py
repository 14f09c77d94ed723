"""That simulated runs are runs: valid, as skilled as they are drawn, and misleading only where they are spoiled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.artefacts import ARTEFACTS, Artefact, changed_numbers, save
from benchmarks.audit_simulation import audited, honest
from benchmarks.simulated_runs import Run, Skill, answers, design, run
from harness.audit.checks import checks


@pytest.fixture(scope="module")
def made() -> Run:
    random = np.random.RandomState(7)
    return run(design(0), honest(random), random)


@pytest.mark.slow
def test_a_saved_run_is_valid_and_a_changed_number_is_noticed(made: Run, tmp_path: Path) -> None:
    save(made, tmp_path)
    ((result, mismatches),) = changed_numbers(tmp_path, 1, np.random.RandomState(7))
    assert mismatches
    assert result["arms"]


@pytest.mark.parametrize("accuracy", [0.5, 0.75, 0.95])
@pytest.mark.parametrize("blank", [0.0, 0.3])
def test_answers_are_as_often_right_and_blank_as_the_skill_says(accuracy: float, blank: float) -> None:
    random, drawn = np.random.RandomState(7), design(0)
    truths = [row["truth"] for row in drawn.asked["test", False]]
    skill = Skill(accuracy, lean=0.3, blank=blank)
    rounds = [answers(drawn, "test", random.standard_normal(len(truths)), skill, random) for _ in range(40)]
    said = [pair for given in rounds for pair in zip(given, truths, strict=True) if pair[0] is not None]
    assert len(said) / (40 * len(truths)) == pytest.approx(1 - blank, abs=0.02)
    assert sum(one == truth for one, truth in said) / len(said) == pytest.approx(accuracy, abs=0.02)


@pytest.mark.parametrize("artefact", ARTEFACTS, ids=lambda artefact: artefact.name)
def test_an_artefact_is_put_into_a_copy_and_caught(artefact: Artefact, made: Run) -> None:
    before = audited(made)
    spoiled = audited(artefact.spoil(made, np.random.RandomState(7)))
    assert artefact.check in spoiled["blocking"]
    assert audited(made) == before
    assert before["verdict"] == "clean"


def test_every_check_that_blocks_has_an_artefact() -> None:
    blocking = {check.id for check in checks(None) if check.severity == "block"}
    # A changed number needs files.
    assert blocking - {artefact.check for artefact in ARTEFACTS} == {"recompute"}
