"""Arms that vote: how far their voters agree, and that they say what most of these do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.design.transfer import TRANSFER
from harness.measures import contrasts
from harness.measures.contradictions import contradictions
from harness.measures.kept import Kept
from harness_designs import ensemble
from tests.harness.rows import Row, items, problems

DESIGN = ensemble.design(ensemble.Options(strategies=3))
VOTERS = ("one-strategy", "voter-2", "voter-3")


def _voted(truths: str, vote: str, *voters: str, seed: int = 7) -> list[Row]:
    """Items of the voters and of the arm that votes, Y, N or - for each problem."""
    given = zip((*VOTERS, "vote"), (*voters, vote), strict=True)
    return [row for arm, said in given for row in items(problems(truths), arm, said, seed)]


def _wrong(truths: str, rows: list[Row]) -> list[str]:
    """What contradicts itself in these rows."""
    kept = Kept()
    for asked in problems(truths):
        kept.problem(asked)
    for row in rows:
        kept.item(row)
    return list(contradictions(kept, ["YES", "NO"], DESIGN))


def test_voters_that_answer_alike_are_counted_all_together_and_two_by_two() -> None:
    (found,) = contrasts.votes(_voted("YYYYYY", "YYNYNY", "YYNYN-", "YYYNN-", "YNNYN-"), DESIGN)
    assert (found["arm"], found["split"], found["training_seed"]) == ("vote", "test", 7)
    assert (found["n"], found["unanimous"]) == (6, 2)  # the first and the fifth; to say nothing is no answer
    assert [(each["first"], each["second"], each["alike"]) for each in found["pairs"]] == [
        ("one-strategy", "voter-2", 3),
        ("one-strategy", "voter-3", 4),
        ("voter-2", "voter-3", 2),
    ]


@given(st.lists(st.text("YN-", min_size=5, max_size=5), min_size=3, max_size=3))
def test_all_agree_where_two_pairs_do(voters: list[str]) -> None:
    (found,) = contrasts.votes(_voted("YYNNY", "YYNNY", *voters), DESIGN)
    pairs = [each["alike"] for each in found["pairs"]]
    assert found["unanimous"] <= min(pairs)
    assert sum(pairs) - 2 * found["unanimous"] <= 5  # where two pairs agree, the third does


def test_each_training_has_its_votes_and_one_without_all_voters_has_none() -> None:
    first, second = (_voted("YN", "YN", "YN", "YN", "YN", seed=seed) for seed in (1, 2))
    found = contrasts.votes([*second, *first], DESIGN)
    assert [each["training_seed"] for each in found] == [1, 2]
    absent = [row for row in [*first, *second] if (row["arm"], row["training_seed"]) != ("voter-2", 1)]
    assert [each["training_seed"] for each in contrasts.votes(absent, DESIGN)] == [2]


def test_a_design_in_which_nobody_votes_has_no_votes() -> None:
    assert contrasts.votes(items(problems("YN"), "student-base", "YN"), TRANSFER) == []


@pytest.mark.parametrize(
    ("vote", "voters"),
    [("Y", "YYN"), ("N", "YNN"), ("Y", "-YN"), ("N", "-NY"), ("Y", "--Y"), ("-", "---")],
)
def test_a_vote_says_what_most_voters_do_the_first_of_equals(vote: str, voters: str) -> None:
    assert _wrong("Y", _voted("Y", vote, *voters)) == []
    for other in {"Y", "N", "-"} - {vote}:
        said, meant = ({"Y": "'YES'", "N": "'NO'", "-": "None"}[letter] for letter in (other, vote))
        assert _wrong("Y", _voted("Y", other, *voters)) == [
            f"items.jsonl: line 4: says {said}, most of its voters {meant}"
        ]


def test_a_vote_is_held_against_the_voters_of_its_own_training() -> None:
    rows = _voted("Y", "Y", "Y", "Y", "N", seed=1) + _voted("Y", "N", "N", "Y", "N", seed=2)
    assert _wrong("Y", rows) == []
    swapped = [{**row, "training_seed": 3 - row["training_seed"]} if row["arm"] == "vote" else row for row in rows]
    assert [line.partition(": says")[0] for line in _wrong("Y", swapped)] == [
        "items.jsonl: line 4",
        "items.jsonl: line 8",
    ]
