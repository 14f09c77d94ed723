from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import measures


def _problem(index: int, truth: str) -> dict[str, Any]:
    return {
        "id": f"test/{index:04d}",
        "split": "test",
        "stratum": "EASY" if index % 2 else "HARD",
        "data": {"n": index},
        "truth": truth,
        "trivial": {label: {"label": label, "correct": label == truth} for label in ("NO", "YES")},
    }


def _item(problem: dict[str, Any], arm: str, said: str | None) -> dict[str, Any]:
    outcome = {"kind": "unparsed"} if said is None else {"kind": "answered", "label": said}
    return {
        "arm": arm,
        "split": "test",
        "problem": problem["id"],
        "stratum": problem["stratum"],
        "outcome": outcome,
        "correct": said == problem["truth"],
        "steps": None if said is None else {"claimed": said, "true": problem["truth"]},
        "model": "m",
        "usage": dict.fromkeys(measures.TOKENS, 2),
        "prompt_sha256": problem["id"],
    }


LABELS = st.sampled_from(["YES", "NO"])
ANSWERS = st.lists(st.tuples(LABELS, st.none() | LABELS, st.none() | LABELS), min_size=1, max_size=40)


def _rows(answers: list[tuple[str, str | None, str | None]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    problems = [_problem(index, truth) for index, (truth, _, _) in enumerate(answers)]
    items = [
        _item(problem, arm, said)
        for problem, (_, *both) in zip(problems, answers, strict=True)
        for arm, said in zip(("student-base", "student-lora"), both, strict=True)
    ]
    return problems, items


@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_number(
    answers: list[tuple[str, str | None, str | None]], chance: random.Random
) -> None:
    problems, items = _rows(answers)
    mixed = chance.sample(items, len(items))
    assert measures.arms(mixed, problems) == measures.arms(items, problems)
    assert measures.contrasts(mixed) == measures.contrasts(items)


@given(ANSWERS)
def test_counts_add_up(answers: list[tuple[str, str | None, str | None]]) -> None:
    problems, items = _rows(answers)
    for arm in measures.arms(items, problems):
        assert sum(arm["outcomes"].values()) == arm["n"] == len(problems)
        assert arm["correct"] <= arm["outcomes"]["answered"]
        assert sum(stratum["correct"] for stratum in arm["strata"]) == arm["correct"]
        assert arm["steps"] == {"shown": arm["outcomes"]["answered"], "right": arm["correct"]}
        assert arm["accuracy"]["low"] <= arm["accuracy"]["value"] <= arm["accuracy"]["high"]
    (contrast,) = measures.contrasts(items)
    assert contrast["difference"]["value"] == pytest.approx(
        (contrast["only_first"] - contrast["only_second"]) / contrast["n"], abs=1e-6
    )


def test_the_best_trivial_rule_stands_beside_an_arm() -> None:
    answers: list[tuple[str, str | None, str | None]] = [("YES", "NO", "YES")] * 7 + [("NO", "NO", None)] * 3
    problems, items = _rows(answers)
    base, lora = measures.arms(items, problems)
    assert base["best_trivial"] == {"rule": "YES", "correct": 7, "accuracy": 0.7}
    assert (base["correct"], lora["correct"], lora["outcomes"]["unparsed"]) == (3, 7, 3)


def test_trivial_rules_of_one_score_stand_in_the_order_of_their_names_however_a_row_lists_them() -> None:
    problem = _problem(0, "YES") | {"trivial": {name: {"correct": True} for name in ("b", "c", "a")}}
    assert [score["rule"] for score in measures.trivial([problem])] == ["a", "b", "c"]


def test_arms_on_different_problems_are_not_compared() -> None:
    problems, items = _rows([("YES", "YES", "YES"), ("NO", "NO", "NO")])
    assert measures.contrasts(items[:-1]) == []
    assert measures.arms(items[:-1], problems)
