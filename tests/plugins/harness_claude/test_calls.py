from __future__ import annotations

import json
import socket
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import BudgetError, CallError, Completion
from harness_claude.calls import Width
from tests.loopback.faults import FINAL, GOOD, HANG, LOST, REFUSED, UNBILLED
from tests.loopback.server import Loopback
from tests.plugins.harness_claude.conftest import Notes, OpenSession, answer, intended, prompt, requests, teacher


def test_every_request_gets_the_reply_meant_for_it() -> None:
    with Loopback(answer) as server:
        ledger = Notes()
        done = list(teacher(server).complete(requests(20), ledger))
    assert {each.key: each.text for each in done} == {each.key: intended(each.key) for each in requests(20)}
    assert {each.stop for each in done} == {"end"}
    assert {each.model for each in done} == {"claude-haiku-5-5"}
    assert sorted((key, attempt) for key, attempt, _ in ledger.sent) == sorted((each.key, 1) for each in requests(20))
    assert all(worst and worst > 8192 * 0.5e-6 for *_, worst in ledger.sent)
    assert len(server.purchases) == 20


def test_no_request_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with Loopback(answer) as server:
        assert list(teacher(server).complete([], Notes())) == []


@pytest.mark.parametrize("fault", [*UNBILLED, *LOST])
def test_a_passing_fault_is_written_down_and_tried_again(fault: str) -> None:
    with Loopback(answer, script=[fault]) as server:
        ledger = Notes()
        (done,) = teacher(server).complete(requests(1), ledger)
    assert (done.stop, done.text) == ("end", intended("solve/0"))
    assert [(key, attempt) for key, attempt, _ in ledger.sent] == [("solve/0", 1), ("solve/0", 2)]
    ((key, attempt, error, billed),) = ledger.faults
    assert (key, attempt) == ("solve/0", 1)
    assert billed == (fault in LOST or fault == "reset-before"), "what may have been billed counts as billed"
    assert "NO - error" not in error
    assert server.undelivered == (fault in LOST)


@pytest.mark.parametrize("fault", GOOD)
def test_an_oddly_sent_reply_is_a_reply(fault: str) -> None:
    with Loopback(answer, script=[fault]) as server:
        (done,) = teacher(server).complete(requests(1), Notes())
    assert (done.stop, done.text) == ("end", intended("solve/0"))


@pytest.mark.parametrize("fault", FINAL)
def test_a_reply_that_is_no_answer_is_bought_once_and_said_to_be_none(fault: str) -> None:
    with Loopback(answer, script=[fault]) as server:
        ledger = Notes()
        (done,) = teacher(server).complete(requests(1), ledger)
    assert done.stop == {"refusal": "refusal", "max_tokens": "length", "context": "length"}.get(fault, "error")
    assert len(server.purchases) == 1
    assert [billed for *_, billed in ledger.faults] == ([True] if done.stop == "error" else [])


def test_a_fault_that_stays_becomes_a_failure_that_names_it() -> None:
    with Loopback(answer, faults=["529"], chance=1) as server:
        ledger = Notes()
        done = list(teacher(server, attempts=5).complete(requests(2), ledger))
    assert [(each.stop, each.text, each.error) for each in done] == [
        ("error", "", "OverloadedError 529 request req_1")
    ] * 2
    assert len(ledger.faults) == 10
    assert server.purchases == []


def test_a_fault_that_costs_each_time_is_given_up_early() -> None:
    with Loopback(answer, faults=["malformed"], chance=1) as server:
        (done,) = teacher(server, attempts=20).complete(requests(1), Notes())
    assert done.error == "malformed reply: no JSON request req_1"
    assert len(server.purchases) == 3


def test_a_reply_that_never_ends_is_stopped_at_the_deadline() -> None:
    with Loopback(answer, script=[HANG]) as server:
        ledger = Notes()
        (done,) = teacher(server, deadline=0.15).complete(requests(1), ledger)
    assert (done.stop, done.error) == ("error", "timeout")
    assert [billed for *_, billed in ledger.faults] == [True]


def test_a_server_that_asks_for_more_patience_than_there_is_gets_none() -> None:
    with Loopback(answer, script=["429-after"] * 3) as server:
        server.retry_after = "4294967295"
        (done,) = teacher(server).complete(requests(1), Notes())
    assert done.error == "RateLimitError 429 request req_1"
    assert len(server.calls) == 1


def test_where_nobody_listens_nothing_is_billed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = Loopback(answer)
        server.address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ledger = Notes()
        (done,) = teacher(server, attempts=2).complete(requests(1), ledger)
        server.close()
    assert done.error == "APIConnectionError (ConnectError)"
    assert [billed for *_, billed in ledger.faults] == [False, False]


@pytest.mark.parametrize("fault", ["401", "403", "404"])
def test_a_refused_key_or_model_stops_the_run_and_keeps_what_came_before(fault: str) -> None:
    with Loopback(answer, script=["", "", fault], faults=[fault], chance=1) as server:
        ledger = Notes()
        done: list[Completion] = []
        with pytest.raises(CallError, match=f"{fault} .*req_1.*resume") as caught:
            done.extend(teacher(server, concurrency=1).complete(requests(50), ledger))
    assert "\n" not in str(caught.value)
    assert [each.stop for each in done] == ["end", "end"]
    assert len(server.calls) == 3
    assert all(not billed for *_, billed in ledger.faults)


def test_a_bad_request_fails_alone_once_others_have_gone_through() -> None:
    with Loopback(answer, script=["", "400", "400", "400", "400"]) as server:
        done = list(teacher(server, concurrency=1).complete(requests(10), Notes()))
    assert sorted(each.stop for each in done) == ["end"] * 6 + ["error"] * 4
    assert {each.error for each in done if each.error} == {
        "BadRequestError 400 (NO - error: invalid_request_error for Bearer ***) request req_1"
    }


def test_when_the_first_requests_are_all_refused_the_rest_is_not_sent() -> None:
    with Loopback(answer, faults=["400"], chance=1) as server, pytest.raises(CallError, match="BadRequestError 400"):
        list(teacher(server, concurrency=1).complete(requests(50), Notes()))
    assert len(server.calls) == 3


@pytest.mark.parametrize("concurrency", [1, 7])
def test_as_many_calls_are_under_way_as_allowed_and_no_more(concurrency: int) -> None:
    with Loopback(answer, gate=concurrency) as server:
        assert len(list(teacher(server, concurrency=concurrency).complete(requests(25), Notes()))) == 25
    assert server.most_under_way == concurrency


def test_too_many_requests_narrow_the_way_and_replies_widen_it_again() -> None:
    width = Width(8)
    width.less(sent=1.0, now=2.0)
    width.less(sent=1.5, now=2.5)
    assert int(width) == 4, "calls sent before the cut say nothing new"
    width.less(sent=3.0, now=4.0)
    assert int(width) == 2
    for _ in range(60):
        width.more()
    assert int(width) == 8
    for now in range(5, 15):
        width.less(sent=now, now=now)
    assert int(width) == 1


def test_a_caller_who_stops_early_leaves_nothing_running() -> None:
    with Loopback(answer, gate=4) as server:
        ledger = Notes()
        done = teacher(server, concurrency=4).complete(requests(50), ledger)
        next(done)
        done.close()  # type: ignore[attr-defined]  # the protocol promises an iterator; this one is a generator
        assert len(server.calls) <= 4
        assert len(ledger.sent) == 4


def test_nothing_is_sent_or_written_down_while_a_completion_is_being_recorded() -> None:
    with Loopback(answer) as server:
        ledger = Notes()
        for number, _ in enumerate(teacher(server, concurrency=3).complete(requests(12), ledger)):
            assert len(ledger.sent) <= number + 3, "a crash here would lose more than three replies"


def test_a_limit_below_all_reservations_slows_the_run_but_does_not_stop_it(session: OpenSession) -> None:
    with Loopback(answer) as server:
        made = teacher(server)
        run = session(made, limit=0.01)
        assert len(run.ask(requests(30))) == 30
    assert server.most_under_way <= 2, "each call reserves more than 0.004 USD"
    assert run.ledger.committed == pytest.approx(server.cost)


def test_the_limit_stops_before_it_is_passed_and_a_resume_buys_nothing_twice(session: OpenSession) -> None:
    with Loopback(lambda text: answer(text) + " " + "word " * 1000) as server:
        with pytest.raises(BudgetError):
            session(teacher(server), limit=0.01).ask(requests(30))
        assert 0 < len(server.purchases) < 30
        assert server.cost <= 0.01
        again = session(teacher(server), limit=1.0)
        assert len(again.ask(requests(30))) == 30
    assert set(server.bought().values()) == {1}
    assert again.ledger.committed == pytest.approx(server.cost)
    assert again.ledger.in_doubt == []


def test_a_third_of_calls_failing_changes_no_reply_and_no_bill(session: OpenSession) -> None:
    passing = [*UNBILLED, *LOST, *GOOD]
    with Loopback(answer, faults=passing, chance=0.3, seed=3) as server:
        run = session(teacher(server, attempts=12, concurrency=8))
        done = run.ask(requests(150))
    assert [each.text for each in done] == [intended(each.key) for each in requests(150)]
    assert set(server.bought().values()) == {1}
    assert sum(server.met[fault] for fault in (*UNBILLED, *LOST)) == run.ledger.failures > 20
    assert all(server.met[fault] for fault in passing)
    assert run.ledger.committed >= server.cost, "what was billed and never arrived is counted at its worst case"


def test_without_faults_the_bill_is_exact(session: OpenSession) -> None:
    with Loopback(answer, faults=["429", "529", "500", "429-after", *GOOD], chance=0.4, seed=1) as server:
        run = session(teacher(server, attempts=12))
        run.ask(requests(60))
    assert run.ledger.committed == pytest.approx(server.cost, rel=1e-9)


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["", *UNBILLED, *LOST, *FINAL, *GOOD, *REFUSED]), max_size=16),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_no_fault_is_ever_an_answer(script: list[str], attempts: int, concurrency: int) -> None:
    done: list[Completion] = []
    with Loopback(answer, script=script) as server, suppress(CallError):
        for each in teacher(server, attempts=attempts, concurrency=concurrency).complete(requests(5), Notes()):
            done.append(each)
    assert len(done) == 5 or set(script) & set(REFUSED)
    assert len({each.key for each in done}) == len(done)
    for each in done:
        if each.stop == "end":
            assert each.text == intended(each.key)
        assert (each.error is not None) == (each.stop == "error")
        assert each.stop != "error" or each.text == ""
        assert "NO - error: overloaded" not in json.dumps(each.error) + each.text


def test_prompts_reach_the_server_as_they_are() -> None:
    with Loopback(answer) as server:
        list(teacher(server, cache=True).complete(requests(1), Notes()))
    assert server.purchases[0].prompt == prompt(0)
