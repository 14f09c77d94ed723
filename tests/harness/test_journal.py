from __future__ import annotations

import errno
import multiprocessing
import os
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import JournalError
from harness.journal import Journal, Recorded, locked


def never() -> object:
    raise AssertionError("an effect that is recorded was repeated")


def test_an_effect_is_performed_once_over_all_openings(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.once("a", 1, lambda: {"text": "héllo\n"}) == {"text": "héllo\n"}
    assert journal.once("a", 1, never) == {"text": "héllo\n"}
    journal.close()
    assert Journal(tmp_path / "journal.jsonl").once("a", 1, never) == {"text": "héllo\n"}


def test_only_what_is_missing_is_asked_for_in_any_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.once("b", 2, lambda: "B")

    def perform(missing: list[str]) -> Iterable[Recorded]:
        assert missing == ["a", "c"]
        return [("c", "C", True), ("a", "A", True)]

    assert journal.fill({"a": 1, "b": 2, "c": 3}, perform) == {"a": "A", "b": "B", "c": "C"}


def test_a_failed_effect_is_told_and_tried_again_by_the_next_opening(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.fill({"a": 1}, lambda _: [("a", "failed", False)]) == {"a": "failed"}
    journal.close()
    assert Journal(tmp_path / "journal.jsonl").once("a", 1, lambda: "fine") == "fine"


def test_another_input_under_the_same_key_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.once("a", 1, lambda: "A")
    with pytest.raises(JournalError, match="a was recorded for another input"):
        journal.once("a", 2, never)


@pytest.mark.parametrize("answers", [[("b", 1, True)], [("a", 1, True), ("a", 2, True)]])
def test_an_answer_that_was_not_asked_for_or_comes_twice_is_refused(tmp_path: Path, answers: list[Recorded]) -> None:
    with pytest.raises(JournalError, match="which was not asked for, or had been answered"):
        Journal(tmp_path / "journal.jsonl").fill({"a": 1}, lambda _: answers)


def test_a_request_that_nobody_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="1 of 1 requests, the first is a"):
        Journal(tmp_path / "journal.jsonl").fill({"a": 1}, lambda _: [])


@pytest.fixture
def three(tmp_path: Path) -> Path:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    for key in "abc":
        journal.once(key, 0, key.upper)
    journal.close()
    return path


def test_a_journal_cut_at_any_byte_keeps_its_whole_lines(three: Path) -> None:
    data = three.read_bytes()
    for cut in range(len(data)):
        three.write_bytes(data[:cut])
        journal = Journal(three)
        kept = data[:cut].count(b"\n")
        for key in "abc"[:kept]:
            assert journal.once(key, 0, never) == key.upper()
        journal.close()
        assert three.read_bytes() == b"".join(line + b"\n" for line in data.split(b"\n")[:kept])
        assert journal.dropped_bytes == cut - len(three.read_bytes())


def test_a_flipped_bit_anywhere_is_refused_but_in_the_last_newline_which_then_is_a_torn_tail(three: Path) -> None:
    data = three.read_bytes()
    last = len(data) - 1
    for place in range(len(data)):
        three.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        if place < last:
            with pytest.raises(JournalError, match="is damaged"):
                Journal(three)
    journal = Journal(three)
    assert journal.once("b", 0, never) == "B"
    assert journal.once("c", 0, lambda: "asked again") == "asked again"
    journal.close()


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_after_a_failed_write_nothing_more_is_written_and_the_rest_is_whole(
    three: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before = three.read_bytes()
    journal = Journal(three)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(JournalError, match="No space left on device"):
            journal.once("d", 0, lambda: "D")
    with pytest.raises(JournalError, match="after a failed write"):
        journal.once("e", 0, lambda: "E")
    assert three.read_bytes() == before


@given(st.dictionaries(st.text(), st.text(), min_size=1))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal = Journal(path)
    for key, value in values.items():
        journal.once(key, key, lambda value=value: value)  # type: ignore[misc]
    journal.close()
    again = Journal(path)
    assert {key: again.once(key, key, never) for key in values} == values
    again.close()


def _hold(run_dir: Path, ready: Connection) -> None:
    with locked(run_dir):
        ready.send("held")
        ready.recv()


def test_a_held_directory_names_its_holder_and_is_free_after_a_kill(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    holder = context.Process(target=_hold, args=(tmp_path, theirs))
    holder.start()
    assert mine.recv() == "held"
    with pytest.raises(JournalError, match=f"in use by process {holder.pid}"), locked(tmp_path):
        pass
    holder.kill()
    holder.join()
    with locked(tmp_path):
        pass
