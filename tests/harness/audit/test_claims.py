from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from harness.audit import audit
from harness.audit.claims import NOTHING, rungs
from harness.design.transfer import TRANSFER
from harness.output.terminal import audit as text
from tests.harness.audit import changes as by
from tests.harness.audit.results import Row, honest, other

LORA = "student-lora"


@dataclass(frozen=True)
class Step:
    """A run that reaches a rung, and one change in two amounts: with ``keeps`` it still does, with ``loses`` not."""

    rung: int
    about: str
    change: by.Change
    keeps: Any
    loses: Any
    status: str = "not-shown"
    made: Mapping[str, Any] | None = None

    def claims(self, amount: Any) -> Row:
        """The claims of the run with the change."""
        run = honest(**{"seeds": 1, **(self.made or {})})
        self.change(run, amount)
        found = audit(run.result(), [])["claims"]
        assert isinstance(found, dict)
        return found


def plan_margin(run: Any, amount: float) -> None:
    """What counts as no worse."""
    run.plan["margin"] = amount


STEPS = (
    Step(1, "it beats the best rule", by.wrong(LORA), 37, 38),
    Step(2, "though blank replies are right", by.blank("student-base"), 2, 60),
    Step(3, "the worked steps", by.wrong("lora-labels"), 12, 3),
    Step(3, "the match of problem and solution", by.wrong("lora-shuffled"), 20, 4),
    Step(3, "a control is not there", by.left_out, "lora-naive", "lora-labels", "unknown"),
    Step(4, "what the teacher had learned", by.wrong("lora-naive"), 20, 4),
    Step(5, "it beats the best harder rule", by.wrong(LORA, "harder"), 23, 24),
    Step(5, "though blank harder replies are right", by.blank("student-base", "harder"), 1, 40),
    Step(5, "nothing is wrong there", by.in_items("student-base", "prompt_sha256", "harder"), 0, 1),
    Step(5, "no harder problem is a test problem", by.shared("test", "harder"), 0, 1),
    Step(6, "half of its own skills are there to keep", by.unlearned("student-base", LORA), 20, 21),
    Step(6, "no worse than its teacher", by.wrong(LORA), 9, 10),
    Step(6, "no worse at its own skills", by.unlearned(LORA), 4, 5),
    Step(6, "by a margin", plan_margin, 0.07, 0.06),
)


@pytest.mark.parametrize("step", [pytest.param(step, id=f"{step.rung}: {step.about}") for step in STEPS])
def test_a_rung_is_reached_and_lost_by_a_single_change(step: Step) -> None:
    kept, lost = step.claims(step.keeps), step.claims(step.loses)
    assert kept["rung"] >= step.rung > lost["rung"]
    assert kept["rungs"][step.rung - 1]["status"] == "shown"
    assert lost["rungs"][step.rung - 1]["status"] == step.status


def test_every_rung_has_a_run_that_reaches_it_and_one_that_does_not() -> None:
    assert {step.rung for step in STEPS} == {rung.number for rung in rungs(TRANSFER)}
    assert [rung.number for rung in rungs(TRANSFER)] == list(range(1, len(rungs(TRANSFER)) + 1))


def test_what_is_shown_above_a_missing_rung_is_not_claimed() -> None:
    run = honest(seeds=1)
    by.wrong("lora-naive")(run, 3)
    made = audit(run.result(), [])
    assert [rung["status"] for rung in made["claims"]["rungs"]] == ["shown"] * 3 + ["not-shown"] + ["shown"] * 2
    assert made["claims"]["rung"] == 3
    assert made["claims"]["claim"] == rungs(TRANSFER)[2].claim


def test_a_blocked_audit_claims_nothing_whatever_is_shown() -> None:
    run = honest(seeds=1)
    by.in_items("student-base", "model")(run, 1)
    made = audit(run.result(), [])
    assert made["verdict"] == "blocked"
    assert {rung["status"] for rung in made["claims"]["rungs"]} == {"shown"}
    assert (made["claims"]["rung"], made["claims"]["claim"]) == (0, NOTHING)
    assert "the audit blocks" in text.full(made)


def test_every_seed_has_to_beat_the_best_rule() -> None:
    run = honest(seeds=2)
    weak = run.of(LORA, "harder", 1)
    for row in weak[:24]:
        row["outcome"], row["correct"] = {"kind": "answered", "label": other(row["truth"], ("NO", "YES"))}, False
    assert audit(run.result(), [])["claims"]["rung"] == 4


def test_a_claim_says_that_the_solutions_were_selected_where_they_seem_so() -> None:
    run = honest(seeds=1)
    by.wrong("teacher-strategy")(run, 26)
    by.wrong("teacher-base")(run, 60)
    honestly = audit(run.result(), [])["claims"]
    assert "selected" not in honestly["claim"]
    by.wrong("teacher-strategy")(run, 27)
    selected = audit(run.result(), [])["claims"]
    assert selected["rung"] == honestly["rung"] >= 1
    assert selected["claim"] == f"{honestly['claim']}, where the teacher's solutions were selected for being right"


def test_a_free_form_task_without_a_rule_of_its_own_reaches_no_rung() -> None:
    run = honest(seeds=1)
    by.freely(by.unruled)(run, 0)
    assert audit(run.result(), [])["claims"]["rung"] == 6
    by.unruled(run, 1)
    claims = audit(run.result(), [])["claims"]
    assert (claims["rung"], claims["rungs"][0]["status"]) == (0, "unknown")
