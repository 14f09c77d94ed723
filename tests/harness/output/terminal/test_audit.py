"""What a design claims beside the ladder, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from harness.api import Claim
from harness.audit import claims
from harness.audit.evidence import Evidence
from harness.design.transfer import TRANSFER
from harness.output.terminal import audit as text
from tests.harness.audit.results import Made, honest

LONG = "a student that is trained again and again on what it got wrong does more than one that is not: " + "x" * 5
CLAIM = Claim(LONG, "student-lora", ("lora-labels", "lora-naive"))
RUNS: Mapping[str, Mapping[str, Any]] = {
    "shown": {},
    "not-shown": {"seeds": 1},
    "unknown": {"without": ["lora-labels"]},
}
"""How an honest run is to be for each status of the claim."""


def _audit(run: Made) -> dict[str, Any]:
    """An audit of which nothing but the claims is of interest."""
    ladder = claims.ladder(Evidence(run.result(), design=replace(TRANSFER, claims=(CLAIM,))), blocked=False)
    return {"verdict": "clean", "warnings": [], "simulated": [], "checks": [], "claims": ladder}


@pytest.mark.parametrize("show", [text.full, text.brief])
@pytest.mark.parametrize("status", RUNS)
def test_a_claim_of_the_design_is_told_with_its_reasons_in_80_columns(status: str, show: Any) -> None:
    audit = _audit(honest(**RUNS[status]))
    (own,) = audit["claims"]["own"]
    assert own["status"] == status
    told = show(audit)
    assert max(map(len, told.splitlines())) <= 80
    flat = " ".join(told.split())
    assert f"[{'x' if status == 'shown' else ' '}] {LONG} " in flat
    assert all(reason in flat for reason in own["reasons"])
    assert (f"{status.replace('-', ' ')}; it needs rung 2, and a lead over" in flat) == (status != "shown")
