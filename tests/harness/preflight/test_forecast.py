from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness import run
from harness.api import Message, Problem
from harness.boundary import files
from harness.design import designs
from harness.design.plan import UserSettings
from harness.preflight import forecast
from tests.conftest import ToyRun
from tests.toys import CHOSEN, Parity, ToyReflection, ToyTrainer


def _loads(*assignments: str, **user: Any) -> list[forecast.Load]:
    return forecast.loads(*run.prepare(UserSettings({**CHOSEN, **user}, assignments=assignments)))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"stages": ("teacher-base",)},
        {"stages": ("bootstrap", "student-lora", "lora-naive")},
        {"training_seeds": 3},
        {"task": "staged-parity", "preset": "solver"},
    ],
)
def test_the_teacher_calls_foreseen_are_those_made(finished_run: ToyRun, given: dict[str, Any]) -> None:
    made = files.read(finished_run(**given) / "result.json")["teacher_calls"]
    plan, components = run.prepare(UserSettings({**CHOSEN, **given}))
    foreseen: Counter[tuple[str, str]] = Counter()
    for load in forecast.loads(plan, components):
        if load.cost is not None:
            foreseen[load.stage, load.purpose] += load.calls
    assert foreseen == {(row["stage"], row["purpose"]): row["calls"] for row in made}


OF_DESIGNS: dict[str, tuple[str, ...]] = {
    "cycles": ("design.fresh=30", "student.level=2"),
    "ensemble": (),
    "stream": ("design.budget=8", "student.level=2"),
}
"""Options under which a loop of toys has errors to learn from."""


@pytest.mark.parametrize("design", OF_DESIGNS)
def test_of_calls_that_a_student_s_answers_choose_at_most_as_many_are_made_as_foreseen(
    finished_run: ToyRun, design: str
) -> None:
    given = {"design": design, "training_seeds": 2}
    made: Counter[tuple[str, str]] = Counter()
    for row in files.read(finished_run(*OF_DESIGNS[design], **given) / "result.json")["teacher_calls"]:
        made[row["stage"].partition(".")[0], row["purpose"]] += row["calls"]
    foreseen: Counter[tuple[str, str]] = Counter()
    loads = [load for load in _loads(*OF_DESIGNS[design], **given) if load.cost is not None]
    for load in loads:
        foreseen[load.stage, load.purpose] += load.calls
    chosen = {(load.stage, load.purpose) for load in loads if load.at_most}
    assert {key: calls for key, calls in foreseen.items() if key not in chosen} == {
        key: calls for key, calls in made.items() if key not in chosen
    }
    assert all(0 < made[key] <= foreseen[key] for key in chosen)
    assert any(made[key] < foreseen[key] for key in chosen) == (design == "cycles")


@pytest.mark.parametrize("design", OF_DESIGNS)
def test_the_answers_foreseen_of_a_student_are_those_that_it_gives(finished_run: ToyRun, design: str) -> None:
    given = {"design": design, "training_seeds": 2}
    result = files.read(finished_run(*OF_DESIGNS[design], **given) / "result.json")
    voting = {vote["arm"] for vote in result["votes"]}
    given_answers: Counter[tuple[str, str]] = Counter()
    for arm in result["arms"]:
        if designs.of(result).arm(arm["arm"]).answers == "student" and arm["arm"] not in voting:
            given_answers[arm["arm"], arm["split"]] += arm["n"]
    loads = [load for load in _loads(*OF_DESIGNS[design], **given) if load.cost is None]
    assert {(load.stage, load.split): load.calls for load in loads} == given_answers


@pytest.mark.usefixtures("toy_site")
def test_each_training_seed_is_foreseen_to_answer_anew() -> None:
    def answers(seeds: int) -> dict[tuple[str, str], int]:
        loads = forecast.loads(*run.prepare(UserSettings({**CHOSEN, "training_seeds": seeds})))
        return {(load.stage, load.split): load.calls for load in loads if load.cost is None}

    once, thrice = answers(1), answers(3)
    for (stage, split), calls in once.items():
        assert thrice[stage, split] == (calls if stage in ("student-base", "student-prompted") else 3 * calls), stage


@pytest.mark.usefixtures("toy_site")
def test_cost_follows_from_tokens_and_price() -> None:
    plan, components = run.prepare(UserSettings({**CHOSEN, "stages": ("teacher-base",)}))
    (load,) = forecast.loads(plan, components)
    assert load.cost is not None
    assert load.cost.expected == pytest.approx((load.input_tokens * 1 + load.output_tokens * 2) / 1e6, abs=1e-6)
    assert (load.cost.low or 0) < (load.cost.expected or 0)
    assert forecast.total([load, load]).worst == pytest.approx(2 * 30e-6 * 12)


@pytest.mark.usefixtures("toy_site")
def test_an_unknown_price_makes_the_total_unknown() -> None:
    known = forecast.Load("a", "solve", "test", 1, 1, 1, forecast.Cost(1.0, 2.0, 3.0))
    unknown = forecast.Load("b", "solve", "test", 1, 1, 1, forecast.Cost(None, None, None))
    local = forecast.Load("c", "solve", "test", 1, 1, 1, None)
    assert forecast.total([known, local]) == forecast.Cost(1.0, 2.0, 3.0)
    assert forecast.total([known, unknown]) == forecast.Cost(None, None, None)


@pytest.mark.usefixtures("toy_site")
def test_a_strategy_counts_where_it_is_in_the_prompt_and_nowhere_else(tmp_path: Path) -> None:
    path = tmp_path / "strategy.txt"
    path.write_text("x" * 4000)
    given = {"strategy_file": str(path), "stages": ("teacher-base", "teacher-strategy")}
    plan, components = run.prepare(UserSettings({**CHOSEN, **given}))
    base, told = forecast.loads(plan, components)
    assert told.input_tokens - base.input_tokens == 12 * 1000


@pytest.mark.usefixtures("toy_site")
def test_worked_solutions_are_counted_by_the_prompt_that_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def longer(_: Parity, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
        return (Message("user", f"{problem.data['number']} {strategy or ''}".ljust(4000)),)

    monkeypatch.setattr(Parity, "demonstration", longer)
    (load,) = (each for each in _loads(stages=("lora-naive",)) if each.purpose == "demonstrate")
    assert load.input_tokens == 9 * 1000


@pytest.mark.usefixtures("toy_site")
def test_each_stage_is_counted_by_its_own_words() -> None:
    tokens = {
        prompts: _loads(f"run.prompts={prompts}", task="staged-parity", stages=("student-base",))[0].input_tokens
        for prompts in ("same", "separate")
    }
    assert tokens["separate"] - tokens["same"] == pytest.approx(12 * len("student-base: ") / 4, abs=12)


@pytest.mark.usefixtures("toy_site")
def test_a_reflection_that_foresees_no_call_to_reflect_is_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToyReflection, "calls", lambda _self, problems: {"solve": problems, "reflect": 0})
    foreseen = {load.purpose: load.calls for load in _loads(stages=("bootstrap",))}
    assert (foreseen["solve"] > 0, foreseen["reflect"]) == (True, 0)


@pytest.mark.usefixtures("toy_site")
def test_what_a_trainer_asks_while_it_practises_is_foreseen_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToyTrainer, "practice_calls", lambda _, rows: {"solve": 2 * rows}, raising=False)
    asked = [load for load in _loads("sizes.train=9", training_seeds=2) if load.stage == "student-lora"]
    assert [(load.purpose, load.calls, load.at_most) for load in asked if load.cost and load.purpose == "solve"] == [
        ("solve", 2 * 2 * 9, True)
    ]
