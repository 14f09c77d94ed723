from __future__ import annotations

from collections import Counter

import pytest

from harness import estimate, files, run
from harness.plan import Wish
from tests.conftest import TOY, ToyRun


@pytest.mark.parametrize("stages", [None, ("teacher-base",), ("bootstrap", "student-lora", "lora-naive")])
def test_the_teacher_calls_foreseen_are_those_made(toy_run: ToyRun, stages: tuple[str, ...] | None) -> None:
    made = files.read(toy_run(stages=stages) / "result.json")["teacher_calls"]
    plan, crew = run.prepare(Wish({**TOY, **({"stages": stages} if stages else {})}))
    foreseen: Counter[tuple[str, str]] = Counter()
    for load in estimate.loads(plan, crew):
        if load.model == "teacher":
            foreseen[load.stage, load.purpose] += load.calls
    assert foreseen == {(row["stage"], row["purpose"]): row["calls"] for row in made}


@pytest.mark.usefixtures("toy_site")
def test_cost_follows_from_tokens_and_price() -> None:
    plan, crew = run.prepare(Wish({**TOY, "stages": ("teacher-base",)}))
    (load,) = estimate.loads(plan, crew)
    assert load.cost_usd == pytest.approx((load.input_tokens * 1 + load.output_tokens * 2) / 1e6, abs=1e-6)
