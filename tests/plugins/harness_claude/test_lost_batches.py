"""A batch that the server may or may not have: found again, or booked before it is bought anew."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.api import Json, StoppedError
from harness.journal.ledger import RunLedger
from harness_claude import batches, client
from harness_claude.batches import Batch
from tests.loopback.server import Batch as ServerBatch
from tests.loopback.server import Loopback
from tests.plugins.harness_claude.conftest import (
    Notes,
    OpenSession,
    answer,
    request,
    requests,
    teacher,
)


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("notes", [1, 2])
def test_a_crash_around_the_handing_in_loses_no_batch(
    session: OpenSession, monkeypatch: pytest.MonkeyPatch, notes: int
) -> None:
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        real, left = RunLedger.note, [notes]

        def crashing(ledger: RunLedger, name: str, value: Json) -> None:
            left[0] -= 1
            if left[0] == 0 and notes == 2:
                raise Crash
            real(ledger, name, value)
            if left[0] == 0:
                raise Crash

        monkeypatch.setattr(RunLedger, "note", crashing)
        with pytest.raises(Crash):
            first.ask(requests(5))
        monkeypatch.undo()
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk")
        assert len(server.batches) == notes - 1, "before the batch was handed in, or after"
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(5))) == 5
    assert len(server.batches) == 1
    assert set(server.bought().values()) == {1}
    assert again.ledger.committed == pytest.approx(server.cost)


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
        assert run.ledger.committed == pytest.approx(server.cost)


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
        assert run.ledger.committed == pytest.approx(worst + server.cost / 2)
        assert run.ledger.committed >= server.cost


def test_a_lost_batch_is_not_given_up_as_unbilled_where_the_list_may_be_too_short(
    session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LISTED", 2)
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        lost = Batch("tag", "", {each.key: 1 for each in requests(3)})
        for each in requests(3):
            first.ledger.sending(each.key, 1, 0.01)
        first.ledger.note(batches.NOTE, [asdict(lost)])
        for number in range(2):
            server.batches[f"msgbatch_other_{number}"] = ServerBatch(
                f"msgbatch_other_{number}", [{}], 0, datetime.now(UTC).isoformat()
            )
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(3))) == 3
        assert again.ledger.committed == pytest.approx(0.03 + server.cost)


def test_the_id_of_a_batch_that_was_found_is_kept(session: OpenSession, monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(answer) as server:
        first = session(teacher(server, mode="batch"))
        with monkeypatch.context() as patch:
            patch.setattr(client, "submit", _dies_after(client.submit))
            with pytest.raises(Crash):
                first.ask(requests(3))
        second = session(teacher(server, mode="batch"))
        completions = second.teacher.complete(requests(3), second.ledger)
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
        next(first.teacher.complete(requests(3), first.ledger))
        worst = sum(first.teacher.worst_cost(each) or 0 for each in requests(3)) / 2
        real = client.results

        async def archived(connection: Any, batch: str, seconds: float) -> Any:
            return await real(connection, "gone" if batch == "msgbatch_0" else batch, seconds)

        monkeypatch.setattr(client, "results", archived)
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(3))) == 3
        assert again.ledger.committed == pytest.approx(worst + server.cost / 2)
    assert len(server.batches) == 2


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
        assert first.ledger.committed == pytest.approx(worst if billed else 0)
        real: Any = client.listing

        async def late(connection: Any, limit: int, seconds: float) -> Any:
            return [each for each in await real(connection, limit, seconds) if each["id"] != "msgbatch_0"]

        monkeypatch.setattr(client, "listing", late)
        again = session(teacher(server, mode="batch"))
        assert len(again.ask(requests(3))) == 3
    assert len(server.batches) == 1 + billed
    assert again.ledger.committed >= server.cost
    assert again.ledger.in_doubt == []
