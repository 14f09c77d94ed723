from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from harness.api import UsageError
from harness.boundary import files
from harness.measures.statistics import newcombe, seeded_difference
from harness.output.comparison.compare import METRICS, Side, compare, read
from tests.conftest import ToyRun
from tests.sides import Answers, side

LORA = ("student-lora", "test")


def _trained(*by_seed: Answers, paired: bool = True, first: int = 7) -> Side:
    return side({(*LORA, first + seed): answers for seed, answers in enumerate(by_seed)}, paired)


def _only(a: Side, b: Side) -> Any:
    (arm,) = compare(a, b)["arms"]
    return arm


ANSWERS = st.sampled_from([True, False, None])
PAIRS = st.lists(st.tuples(ANSWERS, ANSWERS), min_size=2, max_size=30)
SEEDED = st.integers(1, 3).flatmap(
    lambda count: st.lists(st.tuples(*[ANSWERS] * (2 * count)), min_size=2, max_size=12).map(
        lambda rows: (
            [[r[s] for r in rows] for s in range(count)],
            [[r[count + s] for r in rows] for s in range(count)],
        )
    )
)


@settings(max_examples=40)
@given(SEEDED, st.booleans())
def test_a_result_does_not_differ_from_itself(answers: tuple[list[Answers], list[Answers]], paired: bool) -> None:
    arm = _only(_trained(*answers[0], paired=paired), _trained(*answers[0], paired=paired))
    for name, difference in arm["difference"].items():
        assert difference is None or difference["value"] == 0, name
        assert difference is None or difference["low"] <= 0 <= difference["high"], name
    assert all(entry["difference"]["value"] == 0 for entry in arm["by_seed"])
    if paired:
        assert arm["p_value"] == 1
        assert all(entry["fixed"] == entry["broken"] == 0 for entry in arm["by_seed"])


@settings(max_examples=40)
@given(SEEDED, st.booleans())
def test_swapping_the_two_flips_every_sign(answers: tuple[list[Answers], list[Answers]], paired: bool) -> None:
    a, b = (_trained(*inner, paired=paired) for inner in answers)
    there, back = _only(a, b), _only(b, a)
    assert there["p_value"] == back["p_value"]
    for name in METRICS:
        one, other = there["difference"][name], back["difference"][name]
        if one is None:
            assert other is None
            continue
        flipped = [-other["value"], -other["high"], -other["low"]]
        assert [one["value"], one["low"], one["high"]] == pytest.approx(flipped, abs=2e-6), name
    for one, other in zip(there["by_seed"], back["by_seed"], strict=True):
        assert (one["kept"], one["fixed"], one["broken"]) == (other["kept"], other["broken"], other["fixed"])


@settings(max_examples=40)
@given(PAIRS)
def test_the_transitions_count_every_problem_once(pairs: Sequence[tuple[bool | None, bool | None]]) -> None:
    a, b = ([pair[place] for pair in pairs] for place in (0, 1))
    (entry,) = _only(_trained(a), _trained(b))["by_seed"]
    assert entry["kept"] == sum(one is other is True for one, other in pairs)
    assert entry["fixed"] == sum(other is True and one is not True for one, other in pairs)
    assert entry["kept"] + entry["fixed"] + entry["broken"] + entry["still_wrong"] == len(pairs) == entry["n"]
    expected = newcombe(entry["kept"], entry["fixed"], entry["broken"], entry["still_wrong"])
    assert [entry["difference"][name] for name in ("value", "low", "high")] == pytest.approx(list(expected), abs=1e-6)


@settings(max_examples=40)
@given(st.integers(2, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n))))
def test_without_rows_the_interval_is_newcombes_for_independent_proportions(counts: tuple[int, int, int]) -> None:
    first, second, n = counts
    arm = _only(*(_trained([index < k for index in range(n)], paired=False) for k in (first, second)))
    low, high = confint_proportions_2indep(second, n, first, n, method="newcomb", compare="diff")
    difference = arm["difference"]["accuracy"]
    assert difference["value"] == pytest.approx((second - first) / n, abs=1e-6)
    assert (difference["low"], difference["high"]) == pytest.approx((low, high), abs=2e-6)
    assert arm["p_value"] is arm["minimum_detectable"] is arm["by_seed"][0]["kept"] is None


def test_a_comparison_without_rows_says_where_they_are_missing() -> None:
    a, b = _trained([True, False]), _trained([True, True], paired=False)
    made = compare(a, b)
    assert made["paired"] is False
    assert made["unpaired_because"] == "items.jsonl is not beside B"
    assert compare(b, b)["unpaired_because"] == "items.jsonl is not beside A and B"
    assert compare(a, a)["unpaired_because"] is None


def test_blank_and_balanced_accuracy_are_shares_of_problems_and_of_classes() -> None:
    # Truths alternate: EVEN, ODD. B loses one EVEN to a blank and gains one ODD of four problems.
    arm = _only(_trained([True, False, True, False]), _trained([True, True, None, False]))
    difference = arm["difference"]
    assert difference["accuracy"]["value"] == difference["balanced_accuracy"]["value"] == 0
    assert difference["blank"]["value"] == 0.25
    assert difference["accuracy_given_answered"]["value"] == pytest.approx(2 / 3 - 1 / 2, abs=1e-6)


def test_balanced_accuracy_weighs_the_classes_alike() -> None:
    # Five EVEN and four ODD: two EVEN more are worth 2/5 of one class.
    a, b = [index % 2 == 1 for index in range(9)], [index % 2 == 1 or index < 3 for index in range(9)]
    difference = _only(_trained(a), _trained(b))["difference"]["balanced_accuracy"]
    assert difference["value"] == pytest.approx(0.2, abs=1e-6)
    alone = newcombe(0, 2, 0, 3)
    sure = newcombe(4, 0, 0, 0)
    below = ((alone.value - alone.low) ** 2 + (sure.value - sure.low) ** 2) ** 0.5 / 2
    assert difference["low"] == pytest.approx(0.2 - below, abs=1e-6)


def test_free_form_answers_have_no_balanced_accuracy() -> None:
    a, b = _trained([True, False]), _trained([True, True])
    for one in (a, b):
        for arm in one.result["arms"]:
            arm["balanced_accuracy"] = None
    assert _only(a, b)["difference"]["balanced_accuracy"] is None


def test_several_seeds_are_averaged_by_resampling_seeds_and_problems() -> None:
    a = [[False, True, False, True, False, True]] * 2
    b = [[True, True, False, True, True, True], [True, True, True, True, False, False]]
    arm = _only(_trained(*a), _trained(*b))
    minus, p_value = seeded_difference(a, b)
    difference = arm["difference"]["accuracy"]
    got = [difference["value"], difference["low"], difference["high"]]
    assert got == pytest.approx([-minus.value, -minus.high, -minus.low], abs=1e-6)
    assert arm["p_value"] == pytest.approx(p_value, abs=1e-6)
    assert [entry["fixed"] for entry in arm["by_seed"]] == [2, 2]


def test_as_many_seeds_are_matched_in_order_and_shown_as_they_are() -> None:
    arm = _only(_trained([True, False], first=1), _trained([True, True], first=5))
    assert [(entry["training_seed_a"], entry["training_seed_b"]) for entry in arm["by_seed"]] == [(1, 5)]


def test_of_different_numbers_of_seeds_those_in_common_are_compared_and_the_rest_is_told() -> None:
    made = compare(_trained([True, False]), _trained([True, True], [False, False]))
    (arm,) = made["arms"]
    assert [entry["training_seed_b"] for entry in arm["by_seed"]] == [7]
    assert made["unmatched"] == {"a": [], "b": ["student-lora/test/seed 8"]}


def test_different_numbers_of_seeds_with_none_in_common_are_refused() -> None:
    with pytest.raises(UsageError, match="share none; give both runs the same --seed and --training-seeds"):
        compare(_trained([True, False]), _trained([True, True], [False, False], first=50))


def test_arms_of_one_result_alone_are_told_of() -> None:
    base = ("student-base", "test", None)
    made = compare(side({base: [True, False]}), side({base: [True, True], (*LORA, 7): [True, True]}))
    assert [arm["arm"] for arm in made["arms"]] == ["student-base"]
    assert made["unmatched"] == {"a": [], "b": ["student-lora/test"]}


def test_every_accuracy_stands_beside_n_interval_best_trivial_rule_and_blanks() -> None:
    (entry,) = _only(_trained([True, None]), _trained([True, True]))["a"]
    assert entry["n"] == 2
    assert entry["accuracy"]["low"] < entry["accuracy"]["value"] < entry["accuracy"]["high"]
    assert entry["best_trivial"]["correct"] == 1
    assert entry["blank"] == 1


# Files


def _rewrite(path: Path, change: dict[str, Any], arm: int | None = None) -> None:
    result = files.read(path)
    (result if arm is None else result["arms"][arm]).update(change)
    path.write_text(json.dumps(result))


def test_a_run_and_its_result_file_are_the_same(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    made = compare(read(run_dir), read(run_dir / "result.json"))
    assert made["paired"]
    assert made["a"] == made["b"]
    assert made["differs"] == []


def test_a_result_alone_is_compared_by_counts(finished_run: ToyRun, tmp_path: Path) -> None:
    run_dir = finished_run()
    alone = tmp_path / "alone.json"
    alone.write_bytes((run_dir / "result.json").read_bytes())
    made = compare(read(run_dir), read(alone))
    assert made["unpaired_because"] == "items.jsonl is not beside B"
    assert "recompute" in made["b"]["blocking"]


def test_rows_are_enough_to_pair_by(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    (run_dir / "problems.jsonl").unlink()
    assert compare(read(run_dir), read(run_dir))["paired"]


def test_rows_that_are_not_those_of_the_result_are_refused(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    rows = files.read_lines(run_dir / "items.jsonl")
    (run_dir / "items.jsonl").write_text(files.lines(rows[1:]))
    with pytest.raises(UsageError, match=r"items\.jsonl: has digest .{12}, the result beside it says .{12}; these are"):
        read(run_dir)


@pytest.mark.parametrize("without", [[], ["problems.jsonl"]])
def test_rows_that_keep_no_schema_are_refused(finished_run: ToyRun, without: list[str]) -> None:
    run_dir = finished_run()
    (run_dir / "items.jsonl").write_text("{}\n")
    digest = files.file_digest(run_dir / "items.jsonl")
    _rewrite(
        run_dir / "result.json", {"files": {**files.read(run_dir / "result.json")["files"], "items.jsonl": digest}}
    )
    for name in without:
        (run_dir / name).unlink()
    with pytest.raises(UsageError, match=r"items\.jsonl: line 1: .* harness validate lists everything"):
        read(run_dir)


def test_rows_that_count_otherwise_than_the_result_are_refused(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    _rewrite(run_dir / "result.json", {"correct": 3}, arm=0)
    with pytest.raises(
        UsageError, match=r"student-base/test: the result counts .* \(12, 3, 8\), its rows give \(12, 4, 8\)"
    ):
        read(run_dir)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"correct": 11}, "student-base/test: its counts contradict each other"),
        ({"n": 13}, "student-base/test: its counts contradict each other"),
        ({"arm": "nosuch"}, "no arm 'nosuch'"),
        ({"split": "reflect"}, "student-base/reflect: no such problem set of this arm; it has: test, harder, skills"),
        ({"split": "harder"}, "student-base/harder: stands twice"),
        ({"outcomes": None}, "what became of its replies is not known, as in a table of counts"),
    ],
)
def test_counts_that_no_run_has_are_refused(finished_run: ToyRun, change: dict[str, Any], told: str) -> None:
    path = finished_run() / "result.json"
    _rewrite(path, change, arm=0)
    with pytest.raises(UsageError, match=told):
        read(path)


def test_half_a_surrogate_pair_is_refused(finished_run: ToyRun) -> None:
    path = finished_run() / "result.json"
    _rewrite(path, {"simulated": ["\ud800"]})
    with pytest.raises(UsageError, match="half of a surrogate pair"):
        read(path)
