"""What is compared with what where training answers could have been selected."""

from __future__ import annotations

from dataclasses import replace

from harness.api import Demonstrate, Design, ProblemSet, Train
from harness.audit.checks import provenance
from harness.audit.evidence import Evidence
from harness.design.transfer import TRANSFER
from tests.harness.audit import changes as by
from tests.harness.audit.results import Made, honest

TREATMENT = TRANSFER.treatment


def _taught_badly() -> Made:
    """A run whose teacher is less often right in the test than in its worked solutions, so that these seem selected."""
    run = honest(seeds=1)
    by.wrong("teacher-strategy")(run, 27)
    return run


def _selected(run: Made, design: Design) -> bool:
    return provenance.selected(Evidence(run.result(), design=design))


def test_a_training_on_solutions_with_several_strategies_is_not_compared_with_a_teacher_that_is_told_one() -> None:
    mixed = tuple(
        replace(step, solutions=("learned", "naive")) if isinstance(step, Train) and step.arm == TREATMENT else step
        for step in TRANSFER.walk
    )
    run = _taught_badly()
    by.in_training(TREATMENT, "right")(run, 5)
    assert not _selected(run, TRANSFER)
    assert _selected(run, replace(TRANSFER, steps=mixed))  # by the training on the answers of the one strategy alone


def test_where_no_solutions_are_written_as_the_teacher_is_tested_nothing_is_said_of_their_selection() -> None:
    untold = tuple(replace(step, strategy=None) if isinstance(step, Demonstrate) else step for step in TRANSFER.walk)
    run = _taught_badly()
    assert _selected(run, TRANSFER)
    assert not _selected(run, replace(TRANSFER, steps=untold))


def test_where_the_test_drifts_its_answers_are_no_measure_of_the_solutions() -> None:
    run = _taught_badly()
    assert _selected(run, TRANSFER)
    assert not _selected(run, replace(TRANSFER, sets=(ProblemSet("test", "test", windows=2),)))
