from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import BudgetError, CallError
from harness_claude.batches import Batch
from tests.loopback.faults import FINAL, LOST, UNBILLED
from tests.loopback.server import Loopback
from tests.plugins.harness_claude.conftest import (
    Notes,
    OpenSession,
    answer,
    intended,
    prompt,
    request,
    requests,
    teacher,
)

READABLE = ("wrong-types", "no-content", "error-200")
"""Faults of LOST that can stand in an entry of a batch."""


def test_independent_requests_go_as_one_batch_and_are_matched_by_id_alone() -> None:
    with Loopback(answer) as server:
        server.looks, server.duplicates = 3, True
        done = list(teacher(server, mode="batch").complete(requests(20), Notes()))
    assert sorted((each.key, each.text) for each in done) == sorted(
        (each.key, intended(each.key)) for each in requests(20)
    )
    assert len(server.batches) == 1
    assert server.calls == []
    ids = [entry["custom_id"] for entry in server.batches["msgbatch_0"].requests]
    assert all(len(name) == 64 and int(name, 16) for name in ids)


def test_a_single_request_does_not_wait_for_a_batch() -> None:
    with Loopback(answer) as server:
        (done,) = teacher(server, mode="batch").complete(requests(1), Notes())
    assert done.text == intended("solve/0")
    assert server.batches == {}


def test_a_batch_costs_half(session: OpenSession) -> None:
    with Loopback(answer) as server:
        run = session(teacher(server, mode="batch"))
        run.ask(requests(20))
    assert run.ledger.committed == pytest.approx(server.cost)


def test_two_batches_never_share_an_id() -> None:
    one, other = (Batch(tag, "", {"solve/1": 1}) for tag in ("a", "b"))
    assert not set(one.custom_ids()) & set(other.custom_ids())


@pytest.mark.parametrize("fault", ["expired", "errored", *READABLE, "missing"])
def test_an_entry_that_failed_goes_into_another_batch_alone(fault: str) -> None:
    with Loopback(answer) as server:
        server.entry_faults[prompt(1)] = deque([fault])
        ledger = Notes()
        done = list(teacher(server, mode="batch").complete(requests(4), ledger))
    assert {each.key: each.text for each in done} == {each.key: intended(each.key) for each in requests(4)}
    assert [len(batch.requests) for batch in server.batches.values()] == [4, 1]
    ((key, attempt, _, billed),) = ledger.faults
    assert (key, attempt, billed) == ("solve/1", 1, fault in (*READABLE, "missing"))
    assert ledger.sent[-1][:2] == ("solve/1", 2)


@pytest.mark.parametrize(
    ("fault", "error"),
    [("canceled", "batch entry canceled"), ("invalid", "batch entry errored: invalid_request_error")],
)
def test_an_entry_that_another_attempt_cannot_mend_is_a_failure(fault: str, error: str) -> None:
    with Loopback(answer) as server:
        server.entry_faults[prompt(1)] = deque([fault])
        done = {each.key: each for each in teacher(server, mode="batch").complete(requests(3), Notes())}
    assert (done["solve/1"].stop, done["solve/1"].error) == ("error", error)
    assert len(server.batches) == 1


def test_an_entry_that_expires_every_time_is_given_up() -> None:
    with Loopback(answer) as server:
        server.entry_faults[prompt(0)] = deque(["expired"] * 9)
        done = {each.key: each for each in teacher(server, mode="batch", attempts=3).complete(requests(2), Notes())}
    assert done["solve/0"].error == "batch entry expired"
    assert len(server.batches) == 3


def test_a_resume_fetches_a_batch_again_and_buys_nothing(session: OpenSession) -> None:
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        completions = first.teacher.complete(requests(5), first.ledger)
        kept = next(completions)
        completions.close()  # type: ignore[attr-defined]  # the protocol promises an iterator; this one is a generator
        rest = [each for each in requests(5) if each.key != kept.key]
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(rest)) == 4
        assert len(again.ask([request(9)])) == 1
    assert len(server.batches) == 1
    assert set(server.bought().values()) == {1}


def test_the_last_reply_of_a_batch_is_fetched_again_too(session: OpenSession) -> None:
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        completions = first.teacher.complete(requests(2), first.ledger)
        kept = next(completions)
        completions.close()  # type: ignore[attr-defined]  # the protocol promises an iterator; this one is a generator
        (last,) = [each for each in requests(2) if each.key != kept.key]
        (done,) = session(teacher(server, mode="batch")).ask([last])
    assert done.text == intended(last.key)
    assert len(server.batches) == 1
    assert server.calls == []


@pytest.mark.parametrize("fault", UNBILLED)
def test_a_batch_that_was_not_taken_is_handed_in_again(fault: str) -> None:
    with Loopback(answer) as server:
        server.batch_script.append(fault)
        assert len(list(teacher(server, mode="batch").complete(requests(3), Notes()))) == 3
    assert len(server.batches) == 1


def test_results_that_break_off_are_fetched_again() -> None:
    with Loopback(answer) as server:
        server.result_script.extend(["reset-body", "reset-body"])
        assert len(list(teacher(server, mode="batch").complete(requests(50), Notes()))) == 50
    assert set(server.bought().values()) == {1}


def test_a_separator_inside_a_reply_does_not_break_its_line() -> None:
    with Loopback(lambda text: answer(text) + "\u2028\x85\x0b.") as server:
        done = list(teacher(server, mode="batch").complete(requests(3), Notes()))
    assert sorted(each.text for each in done) == [f"ANSWER: {number}\u2028\x85\x0b." for number in range(3)]


@pytest.mark.parametrize("fault", ["401", "404", "400"])
def test_a_server_that_refuses_batches_stops_the_run_in_one_line(fault: str, session: OpenSession) -> None:
    with Loopback(answer) as server:
        server.batch_script.append(fault)
        run = session(teacher(server, mode="batch"))
        with pytest.raises(CallError, match=fault) as caught:
            run.ask(requests(3))
        assert "\n" not in str(caught.value)
        assert run.ledger.committed == 0


def test_a_key_that_is_refused_during_a_run_is_told_of_as_such(session: OpenSession) -> None:
    with (
        Loopback(answer, key="another") as server,
        pytest.raises(CallError, match=r"401 .*: the server refuses .* mend the key, the account or the options"),
    ):
        session(teacher(server, mode="batch")).ask(requests(3))


@pytest.mark.parametrize(
    ("fault", "tries", "told"),
    [("529", 4, "was not handed in"), ("reset-before", 3, "may have been handed in, and counts as billed")],
)
def test_a_server_that_takes_no_batch_is_not_called_a_refusal(
    fault: str, tries: int, told: str, session: OpenSession
) -> None:
    with Loopback(answer) as server:
        server.batch_script.extend([fault] * 9)
        run = session(teacher(server, mode="batch", attempts=4))
        with pytest.raises(CallError, match=rf": the batch {told}; .* a resumed run hands it in again") as caught:
            run.ask(requests(3))
        worst = sum(run.teacher.worst_cost(each) or 0 for each in requests(3)) / 2
        assert run.ledger.committed == pytest.approx(tries * worst if "billed" in told else 0)
        assert "mend" not in str(caught.value)
        assert len(server.batch_script) == 9 - tries
        server.batch_script.clear()
        assert len(session(teacher(server, mode="batch")).ask(requests(3))) == 3


def test_a_limit_cuts_batches_small_and_stops_before_it_is_passed(session: OpenSession) -> None:
    with Loopback(lambda text: answer(text) + " " + "word " * 2000) as server:
        with pytest.raises(BudgetError):
            session(teacher(server, mode="batch"), limit=0.01).ask(requests(30))
        assert 0 < server.cost <= 0.01
        assert len(server.batches) > 1
        again = session(teacher(server, mode="batch"), limit=1.0)
        assert len(again.ask(requests(30))) == 30
    assert set(server.bought().values()) == {1}
    assert again.ledger.committed == pytest.approx(server.cost)


ENTRY = st.sampled_from(["", "expired", "errored", "invalid", "canceled", "missing", *FINAL, *READABLE])


@settings(max_examples=30)
@given(
    st.dictionaries(st.integers(0, 4), st.lists(ENTRY, max_size=3)),
    st.lists(st.sampled_from(["", "lost", "reset-before", "429", "529"]), max_size=3),
    st.lists(st.sampled_from(["", "reset-body", *LOST]), max_size=2),
    st.booleans(),
    st.integers(2, 4),
)
def test_no_fault_of_a_batch_is_ever_an_answer(
    entries: dict[int, list[str]], handing_in: list[str], fetching: list[str], duplicates: bool, attempts: int
) -> None:
    done: list[Any] = []
    with Loopback(answer) as server:
        server.entry_faults = {prompt(number): deque(faults) for number, faults in entries.items()}
        server.batch_script.extend(handing_in)
        server.result_script.extend(fetching)
        server.duplicates = duplicates
        try:
            done.extend(teacher(server, mode="batch", attempts=attempts).complete(requests(5), Notes()))
        except CallError:
            assert handing_in or fetching
    assert len({each.key for each in done}) == len(done)
    for each in done:
        if each.stop == "end":
            assert each.text == intended(each.key)
        assert (each.error is not None) == (each.stop == "error")
        assert each.stop != "error" or each.text == ""
