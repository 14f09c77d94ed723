from __future__ import annotations

from collections import deque
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BudgetError, CallError, StoppedError
from harness.ledger import Books
from harness.records import Json
from harness_claude import batches, client
from harness_claude.batches import Batch
from tests.loopback.faults import FINAL, LOST, UNBILLED
from tests.loopback.server import Batch as ServerBatch
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


class Crash(BaseException):
    """The process dies here."""


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
    assert run.books.committed == pytest.approx(server.cost)


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
        completions = first.teacher.complete(requests(5), first.books)
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
        completions = first.teacher.complete(requests(2), first.books)
        kept = next(completions)
        completions.close()  # type: ignore[attr-defined]  # the protocol promises an iterator; this one is a generator
        (last,) = [each for each in requests(2) if each.key != kept.key]
        (done,) = session(teacher(server, mode="batch")).ask([last])
    assert done.text == intended(last.key)
    assert len(server.batches) == 1
    assert server.calls == []


@pytest.mark.parametrize("notes", [1, 2])
def test_a_crash_around_the_handing_in_loses_no_batch(
    session: OpenSession, monkeypatch: pytest.MonkeyPatch, notes: int
) -> None:
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        real, left = Books.note, [notes]

        def crashing(books: Books, name: str, value: Json) -> None:
            left[0] -= 1
            if left[0] == 0 and notes == 2:
                raise Crash
            real(books, name, value)
            if left[0] == 0:
                raise Crash

        monkeypatch.setattr(Books, "note", crashing)
        with pytest.raises(Crash):
            first.ask(requests(5))
        monkeypatch.undo()
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk")
        assert len(server.batches) == notes - 1, "before the batch was handed in, or after"
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(5))) == 5
    assert len(server.batches) == 1
    assert set(server.bought().values()) == {1}
    assert again.books.committed == pytest.approx(server.cost)


def test_a_batch_whose_reply_was_lost_is_found_in_the_list() -> None:
    with Loopback(answer) as server:
        list(teacher(server, mode="batch").complete(requests(3), Notes()))
        server.batch_script.append("lost")
        done = list(teacher(server, mode="batch").complete([request(7), request(8), request(9)], Notes()))
    assert sorted(each.text for each in done) == [f"ANSWER: {number}" for number in (7, 8, 9)]
    assert len(server.batches) == 2
    assert set(server.bought().values()) == {1}


@pytest.mark.parametrize("hours", [-48, 2, 48])
def test_a_batch_whose_reply_was_lost_is_found_whatever_the_time_here_is(
    hours: int, session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback(answer) as server:
        real = server.hand_in

        def dated(entries: list[Any]) -> Any:
            fault, batch = real(entries)
            if batch is not None:
                batch.created = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
            return fault, batch

        monkeypatch.setattr(server, "hand_in", dated)
        server.batch_script.append("lost")
        run = session(teacher(server, mode="batch"))
        assert len(run.ask(requests(3))) == 3
        assert len(server.batches) == 1
        assert run.books.committed == pytest.approx(server.cost)


def test_a_batch_that_the_list_does_not_show_is_booked_before_it_is_handed_in_again(
    session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback(answer) as server:
        real = client.listing

        async def late(connection: Any, limit: int, seconds: float) -> Any:
            listed = await real(connection, limit, seconds)
            return listed if len(server.batches) > 1 else []

        monkeypatch.setattr(client, "listing", late)
        server.batch_script.append("lost")
        run = session(teacher(server, mode="batch"))
        assert len(run.ask(requests(3))) == 3
        assert len(server.batches) == 2
        worst = sum(run.teacher.worst_cost(each) or 0 for each in requests(3)) / 2
        assert run.books.committed == pytest.approx(worst + server.cost / 2)
        assert run.books.committed >= server.cost


def test_a_lost_batch_is_not_given_up_as_unbilled_where_the_list_may_be_too_short(
    session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LISTED", 2)
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        lost = Batch("tag", "", {each.key: 1 for each in requests(3)})
        for each in requests(3):
            first.books.sending(each.key, 1, 0.01)
        first.books.note(batches.NOTE, [asdict(lost)])
        for number in range(2):
            server.batches[f"msgbatch_other_{number}"] = ServerBatch(
                f"msgbatch_other_{number}", [{}], 0, datetime.now(UTC).isoformat()
            )
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(3))) == 3
        assert again.books.committed == pytest.approx(0.03 + server.cost)


def test_the_id_of_a_batch_that_was_found_is_kept(session: OpenSession, monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        with monkeypatch.context() as patch:
            patch.setattr(client, "submit", _dies_after(client.submit))
            with pytest.raises(Crash):
                first.ask(requests(3))
        second = session(teacher(server, mode="batch"))
        completions = second.teacher.complete(requests(3), second.books)
        next(completions)
        completions.close()  # type: ignore[attr-defined]  # the protocol promises an iterator; this one is a generator
        third = session(teacher(server, mode="batch"))
        monkeypatch.delattr(client, "listing")
        assert len(third.ask(requests(3))) == 3
    assert len(server.batches) == 1


def _dies_after(real: Any) -> Any:
    async def submit(*given: Any, **named: Any) -> None:
        await real(*given, **named)
        raise Crash

    return submit


def test_results_that_the_server_keeps_no_longer_are_bought_again(
    session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        next(first.teacher.complete(requests(3), first.books))
        worst = sum(first.teacher.worst_cost(each) or 0 for each in requests(3)) / 2
        real = client.results

        async def archived(connection: Any, batch: str, seconds: float) -> Any:
            return await real(connection, "gone" if batch == "msgbatch_0" else batch, seconds)

        monkeypatch.setattr(client, "results", archived)
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(3))) == 3
        assert again.books.committed == pytest.approx(worst + server.cost / 2)
    assert len(server.batches) == 2


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


@pytest.mark.parametrize(("fault", "billed"), [("lost", True), ("529", False)])
def test_a_stop_in_the_pause_after_a_fault_loses_nothing_from_the_books(
    fault: str, billed: bool, session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's list shows the batch too late, so that it is bought twice."""

    def stop(*_: Any) -> None:
        raise StoppedError("stopped as asked")

    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        worst = sum(first.teacher.worst_cost(each) or 0 for each in requests(3)) / 2
        server.batch_script.append(fault)
        with monkeypatch.context() as patch:
            patch.setattr(batches.Batches, "_wait", stop)
            with pytest.raises(StoppedError):
                first.ask(requests(3))
        assert first.books.committed == pytest.approx(worst if billed else 0)
        real: Any = client.listing

        async def late(connection: Any, limit: int, seconds: float) -> Any:
            return [each for each in await real(connection, limit, seconds) if each["id"] != "msgbatch_0"]

        monkeypatch.setattr(client, "listing", late)
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(3))) == 3
    assert len(server.batches) == 1 + billed
    assert again.books.committed >= server.cost
    assert again.books.in_doubt == []


@pytest.mark.parametrize("fault", ["401", "404", "400"])
def test_a_server_that_refuses_batches_stops_the_run_in_one_line(fault: str, session: OpenSession) -> None:
    with Loopback(answer) as server:
        server.batch_script.append(fault)
        run = session(teacher(server, mode="batch"))
        with pytest.raises(CallError, match=fault) as caught:
            run.ask(requests(3))
        assert "\n" not in str(caught.value)
        assert run.books.committed == 0


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
        assert run.books.committed == pytest.approx(tries * worst if "billed" in told else 0)
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
    assert again.books.committed == pytest.approx(server.cost)


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
