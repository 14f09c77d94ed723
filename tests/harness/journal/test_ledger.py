from __future__ import annotations

import sys
from pathlib import Path
from threading import Thread

import pytest

from harness import run
from harness.api import BudgetError, StoppedError, Usage
from harness.boundary import files
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness.registry.observers import Observers
from tests.conftest import ToyRun


def _cost(usage: Usage) -> float:
    return usage.output_tokens / 1000


def _open(path: Path, limit: float | None = None) -> RunLedger:
    return RunLedger(Journal(path / "journal.jsonl"), _cost, limit)


def test_the_worst_case_is_reserved_before_sending_and_replaced_by_the_cost(tmp_path: Path) -> None:
    ledger = _open(tmp_path, 1.0)
    ledger.sending("a", 1, 0.8)
    assert ledger.committed == pytest.approx(0.8)
    with pytest.raises(BudgetError, match=r"--max-cost 1: 0\.8000 USD are spent or reserved"):
        ledger.sending("b", 1, 0.3)
    ledger.settle("a", Usage(output_tokens=100))
    assert ledger.committed == pytest.approx(0.1)
    ledger.sending("b", 1, 0.3)


def test_a_failed_attempt_costs_nothing_unless_it_may_have_been_billed(tmp_path: Path) -> None:
    ledger = _open(tmp_path)
    ledger.sending("a", 1, 0.5)
    ledger.failed("a", 1, "RateLimitError 429", billed=False)
    assert ledger.committed == 0
    ledger.sending("a", 2, 0.5)
    ledger.failed("a", 2, "APITimeoutError", billed=True)
    assert ledger.committed == 0.5
    assert ledger.failures == 2


def test_the_books_go_on_after_a_crash_and_name_what_is_in_doubt(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    ledger = RunLedger(journal, _cost, None)
    for key in ("done", "lost", "open"):
        ledger.sending(key, 1, 0.5)
    journal.once("done", 0, lambda: {"stop": "end", "usage": {"input_tokens": 0, "output_tokens": 200}})
    ledger.settle("done", Usage(output_tokens=200))
    ledger.failed("lost", 1, "APITimeoutError", billed=True)
    ledger.note("batch", "msgbatch_1")
    again = _open(tmp_path)
    assert again.committed == pytest.approx(ledger.committed) == pytest.approx(0.2 + 0.5 + 0.5)
    assert [(attempt.key, attempt.worst_cost) for attempt in again.in_doubt] == [("open", 0.5)]
    assert again.noted("batch") == "msgbatch_1"
    assert again.noted("other") is None


def test_a_limit_cannot_be_kept_without_a_price(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="no known price"):
        _open(tmp_path, 1.0).sending("a", 1, None)


def test_a_failure_that_was_accepted_costs_nothing_more_after_a_resume(toy_run: ToyRun) -> None:
    options = ("teacher.trouble=one", "sizes.reflect=12", "sizes.train=20")
    run_dir = toy_run(*options)
    before, journal = files.read(run_dir / "run_meta.json")["teacher"], (run_dir / "journal.jsonl").read_bytes()
    run.resume(run_dir, Observers([]))
    assert files.read(run_dir / "run_meta.json")["teacher"] == before
    assert (run_dir / "journal.jsonl").read_bytes() == journal


def test_a_run_stops_at_its_limit_and_goes_on_when_it_is_raised(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    whole = toy_run(out="whole")
    with pytest.raises(BudgetError):
        toy_run(f"teacher.marker={marker}", max_cost=500e-6)
    run_dir = tmp_path / "run"
    meta = files.read(run_dir / "run_meta.json")
    assert 0 < meta["teacher"]["committed_usd"] <= 500e-6
    run.resume(run_dir, Observers([]), 1.0)
    bought = marker.read_text().splitlines()
    assert len(bought) == len(set(bought)), "a reply was bought twice"
    arms = [files.read(path / "result.json")["arms"] for path in (whole, run_dir)]
    assert arms[0] == arms[1]


def test_a_failed_attempt_of_known_usage_is_booked_by_it(tmp_path: Path) -> None:
    ledger = _open(tmp_path)
    ledger.sending("a", 1, 0.5)
    ledger.failed("a", 1, "empty reply: no text in it", billed=True, usage=Usage(output_tokens=30))
    assert ledger.committed == pytest.approx(0.03)
    assert _open(tmp_path).committed == pytest.approx(0.03)


def test_no_attempt_is_written_down_once_the_user_asked_to_stop(tmp_path: Path) -> None:
    def refuse() -> None:
        raise StoppedError("stopped as asked")

    ledger = RunLedger(Journal(tmp_path / "journal.jsonl"), _cost, None, refuse)
    for act in (ledger.proceed, lambda: ledger.sending("a", 1, 0.1)):
        with pytest.raises(StoppedError):
            act()
    assert ledger.in_doubt == []


class _Nothing:
    """A journal that writes nothing, so that a thread can go as fast as it can."""

    notes = ()

    def note(self, key: str, value: object) -> None: ...


def test_the_books_can_be_read_while_another_thread_writes_into_them() -> None:
    ledger = RunLedger(_Nothing(), _cost, None)  # type: ignore[arg-type]

    def write() -> None:
        for number in range(1_000):
            ledger.sending(str(number), 1, 0.5)

    writer = Thread(target=write)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        writer.start()
        while writer.is_alive():
            assert ledger.committed >= 0
    finally:
        sys.setswitchinterval(before)
        writer.join()
    assert len(ledger.in_doubt) == 1_000
