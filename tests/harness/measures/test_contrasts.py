from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.design.transfer import TRANSFER
from harness.measures import contrasts
from harness.measures.rows import interval, rounded
from harness.measures.statistics import minimum_detectable, newcombe, non_inferior, seeded_difference
from tests.harness.rows import Row, items, problems

MARGIN = 0.05


def _items(truths: str, split: str = "test", **said: str) -> list[Row]:
    """Items of arms on the same problems; ``student_lora_2`` is the arm student-lora, trained with seed 2."""
    asked = problems(truths, split)
    rows = []
    for name, letters in said.items():
        arm, _, seed = name.replace("_", "-").rpartition("-")
        rows += items(asked, arm, letters, int(seed)) if seed.isdigit() else items(asked, f"{arm}-{seed}", letters)
    return rows


def _contrast(rows: list[Row], first: str, second: str, margin: float = MARGIN) -> Any:
    (found,) = (
        entry
        for entry in contrasts.contrasts(rows, TRANSFER, margin)
        if (entry["first"], entry["second"]) == (first, second)
    )
    return found


# Right by both twice, by the first alone four times (twice the second said nothing), by the second alone once.
ROWS = _items("YYYYYYYY", student_lora_1="YYYYYYNN", student_base="YYNN--YN")


def test_each_number_of_a_contrast_is_the_one_that_its_definition_gives() -> None:
    entry = _contrast(ROWS, "student-lora", "student-base")
    (run,) = entry["by_seed"]
    assert (run["both"], run["only_first"], run["only_second"], run["neither"]) == (2, 4, 1, 1)
    assert run["n"] == entry["n"] == 8
    assert entry["difference"] == run["difference"] == interval(newcombe(2, 4, 1, 1))
    assert entry["difference"]["value"] == 0.375
    assert entry["p_value"] == run["p_value"] == 0.21875  # 2 (1 + 5) / 32 less 5 / 32
    assert run["p_exact"] == 0.375  # 2 (1 + 5) / 32
    assert run["training_seed"] == 1
    assert entry["minimum_detectable"] is None  # eight problems show no difference 4 times in 5


def test_the_worst_case_counts_blank_replies_of_the_second_arm_as_right_and_of_the_first_as_wrong() -> None:
    assert _contrast(ROWS, "student-lora", "student-base")["worst_case"] == interval(newcombe(4, 2, 1, 1))
    rows = _items("YYYY", student_lora_1="YY--", student_base="NNNN")
    assert _contrast(rows, "student-lora", "student-base")["worst_case"]["value"] == 0.5


def test_a_difference_is_told_apart_in_form_and_skill() -> None:
    (run,) = _contrast(ROWS, "student-lora", "student-base")["by_seed"]
    assert (run["gain_of_form"], run["gain_of_skill"]) == (2 / 8, 1 / 8)


def test_a_blank_reply_of_either_arm_is_a_matter_of_form() -> None:
    (run,) = _contrast(_items("YYYY", student_lora_1="Y-YN", student_base="-YNY"), "student-lora", "student-base")[
        "by_seed"
    ]
    assert (run["gain_of_form"], run["gain_of_skill"]) == (0.0, 0.0)
    assert (run["only_first"], run["only_second"]) == (2, 2)


def test_the_share_of_answered_replies_is_compared_as_well() -> None:
    (run,) = _contrast(ROWS, "student-lora", "student-base")["by_seed"]
    assert run["answered"] == {"first": 8, "second": 6, "p_value": 0.25}  # 2 / 4 less 1 / 4


@given(st.data())
def test_form_and_skill_add_up_to_the_difference_and_the_worst_case_is_no_better(data: st.DataObject) -> None:
    truths = data.draw(st.text("YN", min_size=1, max_size=30))
    letters = st.text("YN-", min_size=len(truths), max_size=len(truths))
    rows = _items(truths, student_lora_1=data.draw(letters), student_base=data.draw(letters))
    entry = _contrast(rows, "student-lora", "student-base")
    (run,) = entry["by_seed"]
    assert run["gain_of_form"] + run["gain_of_skill"] == pytest.approx(run["difference"]["value"], abs=2e-6)
    assert run["both"] + run["only_first"] + run["only_second"] + run["neither"] == run["n"] == len(truths)
    assert (run["only_first"] - run["only_second"]) / run["n"] == pytest.approx(run["difference"]["value"], abs=1e-6)
    assert entry["worst_case"]["value"] <= entry["difference"]["value"]
    assert entry["p_value"] <= run["p_exact"] <= 1


@settings(max_examples=20)
@given(st.data(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_number(data: st.DataObject, chance: random.Random) -> None:
    truths = data.draw(st.text("YN", min_size=1, max_size=12))
    letters = st.text("YN-", min_size=len(truths), max_size=len(truths))
    names = ("student_base", "teacher_strategy", "student_lora_1", "student_lora_2", "lora_labels_1", "lora_labels_2")
    rows = _items(truths, **{name: data.draw(letters) for name in names})
    mixed = chance.sample(rows, len(rows))
    assert contrasts.contrasts(mixed, TRANSFER, MARGIN) == contrasts.contrasts(rows, TRANSFER, MARGIN)
    assert contrasts.transfer(mixed, TRANSFER) == contrasts.transfer(rows, TRANSFER)


def test_an_arm_without_a_seed_stands_beside_every_training_of_the_other() -> None:
    truths, base = "YYYYYYYY", "YYNN--YN"
    said = {"student_lora_1": "YYYYYYNN", "student_lora_2": "YYYYYYYY", "student_lora_3": "NNNNNNNN"}
    entry = _contrast(_items(truths, student_base=base, **said), "student-lora", "student-base")
    alone = [
        _contrast(_items(truths, student_base=base, **{name: letters}), "student-lora", "student-base")["by_seed"][0]
        for name, letters in said.items()
    ]
    assert entry["by_seed"] == alone
    rights = [[letter == "Y" for letter in letters] for letters in said.values()]
    difference, p_value = seeded_difference(rights, [[letter == "Y" for letter in base]] * 3)
    assert entry["difference"] == interval(difference)
    assert entry["p_value"] == rounded(p_value)
    assert entry["difference"]["value"] == pytest.approx(sum(run["difference"]["value"] for run in alone) / 3, abs=1e-6)


def test_what_can_be_detected_is_told_for_the_seed_whose_answers_differ_most() -> None:
    truths = "Y" * 40
    near, far = "Y" * 38 + "NN", "N" * 20 + "Y" * 20
    rows = _items(truths, student_base="Y" * 40, student_lora_1=near, student_lora_2=far)
    detectable = minimum_detectable(40, 20 / 40)
    assert detectable is not None
    assert _contrast(rows, "student-lora", "student-base")["minimum_detectable"] == rounded(detectable)


def test_two_trained_arms_are_compared_seed_by_seed_and_not_at_all_if_one_lacks_a_seed() -> None:
    rows = _items("YYYY", student_lora_1="YYYY", student_lora_2="YYYN", lora_labels_1="YNNN", lora_labels_2="NNNN")
    runs = _contrast(rows, "student-lora", "lora-labels")["by_seed"]
    assert [(run["training_seed"], run["only_first"]) for run in runs] == [(1, 3), (2, 3)]
    lacking = [row for row in rows if (row["arm"], row["training_seed"]) != ("lora-labels", 2)]
    assert contrasts.contrasts(lacking, TRANSFER, MARGIN) == []


def test_arms_on_different_problems_are_not_compared() -> None:
    rows = _items("YYYY", student_lora_1="YYYY", student_base="YYNN")
    assert len(contrasts.contrasts(rows, TRANSFER, MARGIN)) == 1
    assert contrasts.contrasts(rows[:-1], TRANSFER, MARGIN) == []


def test_contrasts_stand_in_the_order_in_which_they_are_declared_each_on_its_split() -> None:
    arms = {"student_base": "YNYN", "teacher_strategy": "YYNN", "student_lora_1": "YYYY"}
    rows = [row for split in ("test", "harder", "skills") for row in _items("YYYY", split, **arms)]
    found = [(entry["first"], entry["second"], entry["split"]) for entry in contrasts.contrasts(rows, TRANSFER, MARGIN)]
    declared = [(contrast.first, contrast.second, contrast.split) for contrast in TRANSFER.contrasts]
    assert found == [key for key in declared if key in found]
    assert found == [
        ("student-lora", "student-base", "test"),
        ("student-lora", "teacher-strategy", "test"),
        ("student-lora", "student-base", "harder"),
        ("student-lora", "student-base", "skills"),
    ]


def test_p_values_of_the_family_are_adjusted_together_and_no_others() -> None:
    arms = {"student_base": "NNNNNN", "student_prompted": "NNNNNN", "student_lora_1": "YYYYYY"}
    rows = _items("YYYYYY", **arms, lora_labels_1="YYYNNN")
    by_pair = {(entry["first"], entry["second"]): entry for entry in contrasts.contrasts(rows, TRANSFER, MARGIN)}
    base, labels = by_pair["student-lora", "student-base"], by_pair["student-lora", "lora-labels"]
    assert (base["p_value"], labels["p_value"]) == (1 / 64, 1 / 8)
    assert (base["p_holm"], labels["p_holm"]) == (2 / 64, 1 / 8)
    exploratory = by_pair["student-lora", "student-prompted"]
    assert exploratory["p_holm"] is None
    assert not exploratory["family"]


def test_no_worse_is_asked_by_the_margin_of_the_plan_where_a_contrast_asks_it() -> None:
    truths = "Y" * 40
    rows = _items(truths, student_lora_1="Y" * 39 + "N", teacher_strategy=truths, student_base=truths)
    low = rounded(non_inferior(39, 0, 1, 0, 0.2).low)
    for margin, shown in ((0.2, True), (0.05, False)):
        (run,) = _contrast(rows, "student-lora", "teacher-strategy", margin)["by_seed"]
        assert run["non_inferiority"] == {"margin": margin, "low": low, "shown": shown}
    (run,) = _contrast(rows, "student-lora", "student-base")["by_seed"]
    assert run["non_inferiority"] is None


def test_the_share_of_the_gap_that_is_closed_is_told_for_each_training() -> None:
    before, teacher = "N" * 20 + "Y" * 20, "Y" * 40
    rows = _items("Y" * 40, student_base=before, teacher_strategy=teacher, student_lora_1="N" * 5 + "Y" * 35)
    rows += _items("Y" * 40, student_lora_2="N" * 15 + "Y" * 25)
    first, second = contrasts.transfer(rows, TRANSFER)
    assert (first["training_seed"], second["training_seed"]) == (1, 2)
    assert (first["gap_closed"]["value"], second["gap_closed"]["value"]) == (0.75, 0.25)
    assert first["lead"] == second["lead"] == interval(newcombe(20, 20, 0, 0))
    assert first["refused"] is second["refused"] is None


@pytest.mark.parametrize(("after", "share"), [("N" * 20 + "Y" * 20, "0%"), ("Y" * 40, "100%")])
def test_a_share_that_no_resample_changes_has_no_interval_and_says_why(after: str, share: str) -> None:
    before, teacher = "N" * 20 + "Y" * 20, "Y" * 40
    (entry,) = contrasts.transfer(
        _items("Y" * 40, student_base=before, teacher_strategy=teacher, student_lora_1=after), TRANSFER
    )
    assert entry["gap_closed"] is None
    assert entry["refused"] == f"every resample of the problems gives {share}, so there is no interval"


@pytest.mark.parametrize("teacher", ["YYYYNNNN", "YYYYYNNN", "NNNNYYYY", "--------"])
def test_a_gap_that_is_not_shown_is_refused_and_said_to_be(teacher: str) -> None:
    rows = _items("YYYYYYYY", student_base="YYYYNNNN", teacher_strategy=teacher, student_lora_1="YYYYYYYY")
    (entry,) = contrasts.transfer(rows, TRANSFER)
    assert entry["gap_closed"] is None
    assert "there is no gap to close" in entry["refused"]


def test_fidelity_counts_the_same_answers_of_those_that_both_give() -> None:
    rows = _items("YYYYYY", student_base="NNNNNN", teacher_strategy="YYYN-N", student_lora_1="YYNNY-")
    (entry,) = contrasts.transfer(rows, TRANSFER)
    # right: teacher 3 of 6, student 3 of 6, alike 4 of 6 where 3 are expected
    assert entry["fidelity"] == {"n": 4, "alike": 3, "error_consistency": rounded((4 / 6 - 0.5) / 0.5)}


def test_errors_cannot_be_consistent_where_there_are_none() -> None:
    rows = _items("YYYY", student_base="NNNN", teacher_strategy="YYYY", student_lora_1="YYYY")
    (entry,) = contrasts.transfer(rows, TRANSFER)
    assert entry["fidelity"] == {"n": 4, "alike": 4, "error_consistency": None}


def test_without_base_teacher_or_the_same_problems_there_is_no_transfer_to_tell() -> None:
    rows = _items("YYYY", student_base="NNNN", teacher_strategy="YYYY", student_lora_1="YYYY")
    assert contrasts.transfer([row for row in rows if row["arm"] != "student-base"], TRANSFER) == []
    assert contrasts.transfer([row for row in rows if row["arm"] != "teacher-strategy"], TRANSFER) == []
    assert contrasts.transfer(rows[:-1], TRANSFER) == []
