from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.boundary import files
from harness.measures.kept import Kept, bag
from tests.harness.rows import items, problems

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


def test_a_kept_row_reads_as_the_row_of_the_file() -> None:
    kept = Kept()
    asked = problems("YN")
    said = items(asked, "student-lora", "Y-", seed=7)
    assert list(map(kept.problem, asked)) == asked
    assert list(map(kept.item, said)) == said
    left_out = {"data", "witness", "reason"}
    assert [{key: row[key] for key in asked[0].keys() - left_out} for row in kept.problems] == [
        {key: row[key] for key in row.keys() - left_out} for row in asked
    ]
    assert [{key: row[key] for key in said[0].keys() - {"steps"}} for row in kept.items] == [
        {key: row[key] for key in row.keys() - {"steps"}} for row in said
    ]


def test_of_written_steps_it_is_kept_whether_they_are_right() -> None:
    kept = Kept()
    for row, steps in zip(items(problems("YNY"), "student-base", "YNY"), ((3, 3), (3, 4), None), strict=True):
        kept.item({**row, "steps": steps and {"claimed": steps[0], "true": steps[1]}})
    assert [row.steps and row.steps["claimed"] == row.steps["true"] for row in kept.items] == [True, False, None]


def test_what_rows_have_in_common_is_kept_once() -> None:
    kept = Kept()
    for row in items(problems("YNYN"), "student-base", "YYYY"):
        kept.item(row)
    assert len({id(row.usage) for row in kept.items}) == len({id(row.outcome) for row in kept.items}) == 1


def test_what_a_row_does_not_hold_cannot_be_read() -> None:
    kept = Kept()
    kept.problem(problems("Y")[0])
    with pytest.raises(AttributeError):
        kept.problems[0]["reason"]


@given(JSON, st.randoms(use_true_random=False))
def test_a_bag_is_the_canonical_form_of_a_value_whatever_the_order_of_its_lists(value: Any, random: Any) -> None:
    def mixed(inner: Any) -> Any:
        if isinstance(inner, dict):
            return {key: mixed(each) for key, each in reversed(inner.items())}
        if isinstance(inner, list):
            return random.sample([mixed(each) for each in inner], len(inner))
        return inner

    assert bag(mixed(value)) == bag(value)
    assert bag(files.parse(bag(value))) == bag(value)
