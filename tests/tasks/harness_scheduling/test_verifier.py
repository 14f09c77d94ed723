"""What must hold of the truth: it agrees with the oracle, and its witness proves it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Problem, StepCheck
from harness_scheduling import oracle, verifier
from harness_scheduling.domain import Scheduling, problem
from harness_scheduling.verifier import SweepLine

VERIFIER = SweepLine()


def made(rooms: int, *meetings: tuple[int, int]) -> Problem:
    starts, ends = [start for start, _ in meetings], [end for _, end in meetings]
    return problem("test", 0, "EASY", Scheduling(starts, ends, rooms))


def test_truth_agrees_with_the_oracle_on_100000_random_problems() -> None:
    rng = Random(7)
    yes = 0
    for _ in range(100_000):
        meetings = []
        for _ in range(rng.randrange(8)):
            start = rng.randrange(-3, 12)
            meetings.append((start, start + rng.randrange(1, 6)))
        rooms = rng.randrange(6)
        truth = VERIFIER.truth(made(rooms, *meetings))
        fits = oracle.fits(meetings, rooms)
        assert (truth.label == "YES") == fits
        assert oracle.confirms(meetings, rooms, truth.label, truth.witness)
        yes += fits
    assert 20_000 < yes < 80_000


@given(
    st.lists(st.tuples(st.integers(-9, 9) | st.integers(-(2**63), 2**64), st.integers(1, 5)), max_size=9),
    st.integers(0, 4),
)
def test_a_large_problem_is_judged_as_a_small_one(drawn: list[tuple[int, int]], rooms: int) -> None:
    one = made(rooms, *[(start, start + hours) for start, hours in drawn])
    small = VERIFIER.truth(one)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(verifier, "LARGE", 1)
        assert VERIFIER.truth(one) == small


def test_a_witness_of_a_large_problem_is_confirmed_by_the_oracle() -> None:
    rng = Random(3)
    meetings = [(start, start + rng.randrange(1, 9)) for start in rng.choices(range(-99, 999), k=2 * verifier.LARGE)]
    for rooms in (5, 30):
        truth = VERIFIER.truth(made(rooms, *meetings))
        assert truth.label == ("YES" if oracle.fits(meetings, rooms) else "NO")
        assert oracle.confirms(meetings, rooms, truth.label, truth.witness)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), max_size=7), st.integers(0, 4))
def test_the_check_of_a_label_agrees_with_the_truth(drawn: list[tuple[int, int]], rooms: int) -> None:
    one = made(rooms, *[(start, start + hours) for start, hours in drawn])
    true = VERIFIER.truth(one).label
    assert {label for label in ("YES", "NO") if VERIFIER.check(one, label)} == {true}


def test_a_yes_names_a_room_for_each_meeting_in_the_listed_order() -> None:
    truth = VERIFIER.truth(made(2, (13, 14), (10, 12), (9, 11)))
    assert truth.label == "YES"
    assert truth.witness == {"rooms": [0, 1, 0]}
    assert truth.reason == "All meetings fit: room 1 takes 9-11 13-14, room 2 takes 10-12."


def test_a_no_names_an_hour_and_the_meetings_at_it() -> None:
    truth = VERIFIER.truth(made(1, (13, 14), (10, 12), (9, 11)))
    assert truth.label == "NO"
    assert truth.witness == {"instant": 10, "meetings": [1, 2]}
    assert truth.reason == "From hour 10 on, 2 meetings (10-12 9-11) run at once, in 1 room."


@pytest.mark.parametrize(
    ("given_problem", "label"),
    [
        (made(0), "YES"),
        (made(0, (9, 10)), "NO"),
        (made(1, (9, 10)), "YES"),
        (made(1, (9, 10), (10, 11)), "YES"),
        (made(1, (10, 11), (9, 10)), "YES"),
        (made(1, (9, 10), (9, 10)), "NO"),
        (made(2, (9, 12), (9, 10), (10, 11), (11, 12)), "YES"),
        (made(10**9, (0, 10**12), (1, 2)), "YES"),
    ],
)
def test_edges(given_problem: Problem, label: str) -> None:
    assert VERIFIER.truth(given_problem).label == label
    assert VERIFIER.check(given_problem, label)
    assert not VERIFIER.check(given_problem, "NO" if label == "YES" else "YES")
    assert not VERIFIER.check(given_problem, label.lower())


def test_written_steps_are_compared_with_the_true_peak() -> None:
    given_problem = made(2, (9, 11), (10, 12), (13, 14))
    assert VERIFIER.steps(given_problem, "Peak: 3\nANSWER: NO") == StepCheck(claimed=3, true=2)
    assert VERIFIER.steps(given_problem, "Peak: 2\nANSWER: NO") == StepCheck(claimed=2, true=2)
    assert VERIFIER.steps(given_problem, "ANSWER: NO") is None


@pytest.mark.parametrize("data", [{"meetings": [[9, 9]], "rooms": 1}, {"meetings": [[9, 10]], "rooms": True}])
def test_malformed_data_is_refused(data: dict[str, Any]) -> None:
    malformed = Problem("test/0000", "test", "EASY", data, "")
    with pytest.raises(ValueError, match="is"):
        VERIFIER.truth(malformed)


@pytest.mark.parametrize(
    ("label", "witness"),
    [
        ("YES", {"rooms": [0, 0]}),
        ("YES", {"rooms": [0, 2]}),
        ("YES", {"rooms": [0, -1]}),
        ("YES", {"rooms": [0]}),
        ("NO", {"instant": 10, "meetings": [0, 1]}),
        ("NO", {"instant": 10, "meetings": [0, 1, 1]}),
    ],
)
def test_the_oracle_rejects_a_witness_that_proves_nothing(label: str, witness: dict[str, Any]) -> None:
    assert not oracle.confirms([(9, 11), (10, 12)], 2, label, witness)
