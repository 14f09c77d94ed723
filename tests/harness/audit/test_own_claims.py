"""What a design claims beside the ladder: shown, not shown for each of its reasons, unknown, withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.api import Claim
from harness.audit import claims
from harness.audit.evidence import Evidence
from harness.design.transfer import TRANSFER
from tests.harness.audit import changes as by
from tests.harness.audit.results import Made, answer, honest, other

FIRST, SECOND = "student-lora", "lora-labels"
CLAIM = Claim("the work does more than its answers", FIRST, (SECOND,))


def _own(run: Made, claim: Claim = CLAIM, blocked: bool = False) -> Any:
    """What is said of a claim of the design."""
    evidence = Evidence(run.result(), design=replace(TRANSFER, claims=(claim,)))
    (own,) = claims.ladder(evidence, blocked)["own"]
    return own


def _wrong(run: Made, arm: str, counts: Sequence[int]) -> Made:
    """The run with so many wrong answers in each training of an arm, on the first problems."""
    for seed, count in enumerate(counts):
        for place, row in enumerate(run.of(arm, seed=seed)):
            answer(row, other(row["truth"], ("NO", "YES")) if place < count else row["truth"])
    return run


def _told(own: Any) -> dict[str, str]:
    """The reasons by what they are about."""
    lead, worst, luck = own["reasons"]
    return {"lead": lead, "worst": worst, "luck": luck}


def test_a_lead_in_all_of_three_trainings_is_shown_with_its_figures() -> None:
    own = _own(_wrong(_wrong(honest(), FIRST, (3, 4, 5)), SECOND, (50, 51, 52)))
    assert (own["claim"], own["status"]) == (CLAIM.text, "shown")
    told = _told(own)
    assert told["lead"].startswith(f"{FIRST} - {SECOND}/test: +39.2 points [")
    assert "though each blank reply of lora-labels counts as right: +39.2 points" in told["worst"]
    assert (
        told["luck"] == f"{FIRST} - {SECOND}/test: each trained 3 times; equal arms would lead as much in 5.0% of cases"
    )


def test_a_lead_that_the_luck_of_trainings_can_give_is_not_shown() -> None:
    own = _own(_wrong(_wrong(honest(), FIRST, (10, 20, 20)), SECOND, (19, 40, 40)))
    assert own["status"] == "not-shown"
    # 3 of 20 divisions have as many right: those with the three best trainings, and those with 101 for the one of 100
    assert _told(own)["luck"].endswith("each trained 3 times; equal arms would lead as much in 15.0% of cases")
    assert "[+" in _told(own)["lead"]


@pytest.mark.parametrize(("seeds", "times"), [(1, "1 time"), (2, "2 times")])
def test_fewer_than_three_trainings_show_nothing_however_large_the_lead(seeds: int, times: str) -> None:
    own = _own(honest(seeds=seeds))
    assert own["status"] == "not-shown"
    assert _told(own)["luck"].endswith(f"each trained {times}; too few to tell a lead from the luck of a training")


def test_a_lead_on_too_few_problems_is_not_shown_though_every_training_has_it() -> None:
    own = _own(_wrong(_wrong(honest(), FIRST, (3, 4, 5)), SECOND, (6, 7, 8)))
    assert own["status"] == "not-shown"
    assert "equal arms would lead as much in 5.0% of cases" in _told(own)["luck"]
    assert "+2.5 points [-" in _told(own)["lead"]


def test_a_lead_that_blank_replies_can_explain_is_not_shown() -> None:
    run = _wrong(honest(), SECOND, (0, 0, 0))
    for seed in range(3):
        for row in run.of(SECOND, seed=seed)[:50]:
            answer(row, None)
    own = _own(run)
    assert own["status"] == "not-shown"
    assert "[+" in _told(own)["lead"]
    assert "counts as right: -3.3 points" in _told(own)["worst"]


def test_each_arm_that_it_must_be_ahead_of_can_withhold_it() -> None:
    claim = replace(CLAIM, over=(SECOND, "lora-naive"))
    assert _own(honest(), claim)["status"] == "shown"
    assert _own(_wrong(honest(), "lora-naive", (3, 4, 5)), claim)["status"] == "not-shown"


def test_it_is_unknown_where_an_arm_was_left_out() -> None:
    own = _own(honest(without=[SECOND]))
    assert own["status"] == "unknown"
    assert own["reasons"] == [f"contrasts: none of {FIRST} and {SECOND} on test"]


def test_it_is_unknown_where_a_training_is_missing() -> None:
    result = honest().result()
    for entry in result["contrasts"]:
        del entry["by_seed"][1:]
    (own,) = claims.ladder(Evidence(result, design=replace(TRANSFER, claims=(CLAIM,))), blocked=False)["own"]
    assert (own["status"], own["reasons"]) == (
        "unknown",
        [f"contrasts: a training seed of {FIRST} - student-base/test is missing"],
    )


def test_it_is_withheld_below_its_rung() -> None:
    run = honest()
    by.wrong(FIRST, "harder")(run, 40)
    assert _own(run, replace(CLAIM, rung=4))["status"] == "shown"
    own = _own(run, replace(CLAIM, rung=5))
    assert own["status"] == "not-shown"
    assert own["reasons"][0] == "rung 5 of the ladder is not reached"
    assert own["needs"].startswith(f"rung 5, and a lead over {SECOND} ")


def test_it_is_withheld_while_the_audit_blocks() -> None:
    own = _own(honest(), blocked=True)
    assert (own["status"], own["reasons"][0]) == ("not-shown", "rung 2 of the ladder is not reached")


def test_a_design_without_claims_of_its_own_says_nothing_of_any() -> None:
    assert "own" not in claims.ladder(Evidence(honest().result()), blocked=False)


def test_what_is_wrong_on_the_harder_split_withholds_a_claim_of_it() -> None:
    harder = replace(CLAIM, over=("student-base",), split="harder")
    evidence = Evidence(honest().result(), design=TRANSFER)
    told = claims._own(harder, evidence, 6, ["overlap: harder and train: 150 of 150 problems are the same"])
    assert told["status"] == "not-shown"
    assert "overlap: harder and train: 150 of 150 problems are the same" in told["reasons"]
    assert (
        claims._own(CLAIM, evidence, 6, ["overlap: harder"])["status"] == claims._own(CLAIM, evidence, 6, [])["status"]
    )
