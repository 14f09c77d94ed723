"""What must hold of the rules: steps that lead to their answer, texts of their own, and how wrong each one is."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Problem
from harness_scheduling.balanced import balanced_problems
from harness_scheduling.domain import Scheduling, peak, problem, read
from harness_scheduling.oracle import fits
from harness_scheduling.parsing import claimed_peak, parse
from harness_scheduling.rules import RULES, Rule
from harness_scheduling.verifier import SweepLine

BY_NAME = {rule.name: rule for rule in RULES}


def made(rooms: int, *meetings: tuple[int, int]) -> Problem:
    starts, ends = [start for start, _ in meetings], [end for _, end in meetings]
    return problem("test", 0, "EASY", Scheduling(starts, ends, rooms))


problems = st.builds(
    lambda drawn, rooms: made(rooms, *[(start, start + hours) for start, hours in drawn]),
    st.lists(st.tuples(st.integers(0, 23), st.integers(1, 6)), max_size=9),
    st.integers(0, 5),
)


EXAMPLE = made(2, (9, 11), (10, 12), (13, 14))
TOUCHING = made(1, (9, 10), (10, 11))
CHAIN = made(2, (9, 11), (10, 13), (12, 14))


def test_sweep_line_writes_the_agreed_solution() -> None:
    assert BY_NAME["sweep-line"].work(EXAMPLE).text == (
        "Starts: 9 10 13\n"
        "Ends: 11 12 14\n"
        "Events: 9+ 10+ 11- 12- 13+ 14-\n"
        "Running: 1 2 1 0 1 0\n"
        "Peak: 2\n"
        "2 <= 2\n"
        "ANSWER: YES"
    )


def test_sweep_line_ends_meetings_before_it_starts_others() -> None:
    assert BY_NAME["sweep-line"].work(TOUCHING).text.splitlines()[2:] == [
        "Events: 9+ 10- 10+ 11-",
        "Running: 1 0 1 0",
        "Peak: 1",
        "1 <= 1",
        "ANSWER: YES",
    ]


def test_touching_starts_meetings_before_it_ends_others() -> None:
    assert BY_NAME["touching"].work(TOUCHING).text.splitlines()[2:] == [
        "Events: 9+ 10+ 10- 11-",
        "Running: 1 2 1 0",
        "Peak: 2",
        "2 > 1",
        "ANSWER: NO",
    ]


@pytest.mark.parametrize(
    ("name", "given_problem", "label"),
    [
        ("meetings-fit-rooms", EXAMPLE, "NO"),
        ("two-a-room", EXAMPLE, "YES"),
        ("three-rooms", EXAMPLE, "NO"),
        ("total-hours", EXAMPLE, "YES"),
        ("total-hours", made(1, (9, 11), (10, 12)), "NO"),
        ("overlapping-pairs", EXAMPLE, "YES"),
        ("overlapping-pairs", CHAIN, "NO"),
        ("neighbours", CHAIN, "NO"),
        ("neighbours", made(2, (9, 14), (10, 11), (12, 13)), "YES"),
        ("distinct-starts", EXAMPLE, "YES"),
        ("distinct-starts", made(2, (9, 10), (9, 11)), "NO"),
        ("back-to-back", EXAMPLE, "NO"),
        ("back-to-back", TOUCHING, "YES"),
        ("first-crowd", made(1, (8, 9), (10, 12), (10, 12)), "YES"),
        ("first-crowd", made(1, (8, 10), (9, 12)), "NO"),
        ("busiest-meeting", CHAIN, "NO"),
        ("busiest-meeting", EXAMPLE, "YES"),
        ("inverted", CHAIN, "NO"),
        ("sweep-line", CHAIN, "YES"),
    ],
)
def test_a_rule_does_what_its_text_says(name: str, given_problem: Problem, label: str) -> None:
    assert BY_NAME[name].work(given_problem).label == label


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(drawn=problems)
def test_every_solution_ends_by_stating_its_label(rule: Rule, drawn: Problem) -> None:
    worked = rule.work(drawn)
    *steps, last = worked.text.splitlines()
    assert steps
    assert last == f"ANSWER: {worked.label}"
    assert parse(worked.text) == worked.label


@given(problems)
def test_sweep_line_is_right(drawn: Problem) -> None:
    starts, ends, rooms = read(drawn.data)
    worked = BY_NAME["sweep-line"].work(drawn)
    assert (worked.label == "YES") == fits(list(zip(starts, ends, strict=True)), rooms)
    assert claimed_peak(worked.text) == peak(starts, ends)


@given(problems)
def test_inverted_is_always_wrong_after_right_steps(drawn: Problem) -> None:
    right, wrong = BY_NAME["sweep-line"].work(drawn), BY_NAME["inverted"].work(drawn)
    assert right.label != wrong.label
    assert right.text.splitlines()[:-1] == wrong.text.splitlines()[:-1]


def test_names_are_unique_and_no_text_is_part_of_another() -> None:
    assert len(BY_NAME) == len(RULES)
    for one, other in permutations(RULES, 2):
        assert one.text not in other.text


def test_the_beginner_is_first_and_the_right_rule_last() -> None:
    serious = [rule.name for rule in RULES if not rule.trivial]
    assert (serious[0], serious[-1]) == ("touching", "sweep-line")


@pytest.fixture(scope="module")
def accuracy() -> dict[str, float]:
    """Accuracy of every rule on the default test set."""
    test = balanced_problems("test", 300, 123)
    truths = [SweepLine().truth(one).label for one in test]
    return {
        rule.name: sum(rule.work(one).label == truth for one, truth in zip(test, truths, strict=True)) / len(test)
        for rule in RULES
    }


def test_counts_and_constants_score_one_half_on_the_test_set(accuracy: dict[str, float]) -> None:
    for name in ("always-yes", "always-no", "meetings-fit-rooms", "two-a-room", "three-rooms", "total-hours"):
        assert accuracy[name] == 0.5


def test_no_wrong_rule_does_well_on_the_test_set(accuracy: dict[str, float]) -> None:
    assert accuracy["sweep-line"] == 1.0
    assert accuracy["touching"] == pytest.approx(0.75, abs=0.02)
    for name in accuracy.keys() - {"sweep-line"}:
        assert accuracy[name] < 0.8
