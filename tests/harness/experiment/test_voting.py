from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Answered, Completion, Failed, Outcome, Unparsed, Usage
from harness.boundary import files
from harness.experiment.judging import Item, Trained
from harness.experiment.voting import counted
from tests.toys import Parity, ParityVerifier

TASK, VERIFIER = Parity(0), ParityVerifier()
PROBLEM = TASK.problems("test", 1)[0]
TRUTH = VERIFIER.truth(PROBLEM)
WRONG = next(label for label in TASK.labels if label != TRUTH.label)
BALLOTS = st.lists(st.sampled_from([*TASK.labels, None]), min_size=1, max_size=7)


def _ballot(place: int, outcome: Outcome) -> Item:
    label = outcome.label if isinstance(outcome, Answered) else None
    completion = Completion(PROBLEM.id, f"so {label}", "end", "m", Usage(3, 2 + place))
    adapter = Trained(7, f"{place:064x}")
    return Item(f"voter-{place}", PROBLEM, TRUTH, outcome, label == TRUTH.label, None, "p", "w", completion, adapter)


def _count(labels: list[str | None]) -> Item:
    outcomes = [Unparsed() if label is None else Answered(label) for label in labels]
    return counted("vote", VERIFIER, [_ballot(place, outcome) for place, outcome in enumerate(outcomes)])


@given(BALLOTS)
def test_the_answer_is_one_that_no_other_has_more_votes_than(labels: list[str | None]) -> None:
    votes = Counter(label for label in labels if label is not None)
    outcome = _count(labels).outcome
    assert votes[outcome.label] == max(votes.values()) if isinstance(outcome, Answered) else not votes


@pytest.mark.parametrize("labels", [["ODD", "EVEN"], ["EVEN", "ODD"]])
def test_of_equals_the_first_voter_decides(labels: list[str | None]) -> None:
    assert _count(labels).outcome == Answered(str(labels[0]))


@given(BALLOTS)
def test_a_vote_is_right_if_its_answer_is(labels: list[str | None]) -> None:
    item = _count(labels)
    assert item.correct == (item.outcome == Answered(TRUTH.label))


def test_a_call_that_failed_is_no_vote() -> None:
    ballots = [_ballot(0, Failed("Overloaded 529")), _ballot(1, Failed("Overloaded 529")), _ballot(2, Answered(WRONG))]
    assert counted("vote", VERIFIER, ballots).outcome == Answered(WRONG)


def test_a_vote_takes_what_its_voters_took_and_answers_by_all_of_their_adapters_in_their_order() -> None:
    item = _count([TRUTH.label, WRONG, TRUTH.label])
    assert item.completion.usage == Usage(9, 9)
    digests = [f"{place:064x}" for place in range(3)]
    assert item.adapter == Trained(7, files.digest(digests))
    assert item.adapter != Trained(7, files.digest(digests[::-1]))


def test_a_vote_was_asked_as_its_voters_were() -> None:
    item = _count([TRUTH.label])
    assert (item.arm, item.problem, item.prompt_sha256, item.wording_sha256) == ("vote", PROBLEM, "p", "w")
