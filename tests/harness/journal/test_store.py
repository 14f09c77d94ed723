from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import JournalError, StoppedError
from harness.boundary import files
from harness.journal import encoding
from harness.journal.run_dirs import locked
from harness.journal.store import GROUP, GROUP_SECONDS, Journal, ReadOnlyJournal, Recorded


def never() -> object:
    raise AssertionError("an effect that is recorded was repeated")


def inputs(**given: object) -> dict[str, dict[str, str]]:
    """The digests of these inputs, by key."""
    return {key: encoding.digests(each) for key, each in given.items()}


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
        return [Recorded("c", "C"), Recorded("a", "A")]

    assert journal.fill(inputs(a=1, b=2, c=3), perform) == {"a": "A", "b": "B", "c": "C"}


def test_a_failed_effect_is_told_and_tried_again_by_the_next_opening(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.fill(inputs(a=1), lambda _: [Recorded("a", "failed", final=False)]) == {"a": "failed"}
    journal.close()
    assert Journal(tmp_path / "journal.jsonl").once("a", 1, lambda: "fine") == "fine"


def test_another_input_under_the_same_key_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.once("a", 1, lambda: "A")
    with pytest.raises(JournalError, match="a was recorded for another input"):
        journal.once("a", 2, never)


@pytest.mark.parametrize("answers", [[Recorded("b", 1)], [Recorded("a", 1), Recorded("a", 2)]])
def test_an_answer_that_was_not_asked_for_or_comes_twice_is_refused(tmp_path: Path, answers: list[Recorded]) -> None:
    with pytest.raises(JournalError, match="which was not asked for, or had been answered"):
        Journal(tmp_path / "journal.jsonl").fill(inputs(a=1), lambda _: answers)


def test_a_request_that_nobody_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="1 of 1 requests, the first is a"):
        Journal(tmp_path / "journal.jsonl").fill(inputs(a=1), lambda _: [])


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


def test_a_line_that_is_longer_than_any_is_refused_with_its_number(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", max(map(len, three.read_bytes().splitlines(keepends=True))))
    Journal(three).close()
    with three.open("a") as stream:
        stream.write("x" * files.MAX_BYTES)
    with pytest.raises(JournalError, match="line 4 is damaged"):
        Journal(three)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_after_a_failed_write_nothing_more_is_written_and_the_rest_is_whole(
    three: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    before = three.read_bytes()
    journal = Journal(three)

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(JournalError, match=os.strerror(number)):
            journal.once("d", 0, lambda: "D")
    with pytest.raises(JournalError, match="after a failed write"):
        journal.once("e", 0, lambda: "E")
    assert three.read_bytes() == before


def test_a_short_write_is_a_failed_one_even_if_the_file_cannot_be_cut_back(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, write = three.read_bytes(), os.write
    journal = Journal(three)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(JournalError, match="short write"):
            journal.once("d", 0, lambda: "D")
    journal.close()
    assert three.read_bytes()[: len(before)] == before
    again = Journal(three)
    assert again.dropped_bytes == 20
    assert three.read_bytes() == before
    again.close()


def test_a_sync_that_failed_is_not_tried_again(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, syncs = Journal(three), []

    def fail(descriptor: int) -> None:
        syncs.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    for key in ("d", "e"):
        with pytest.raises(JournalError):
            journal.once(key, 0, lambda: "D")
    assert len(syncs) == 1


def test_what_is_interrupted_in_a_write_is_not_written_after(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(three)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.once("d", 0, lambda: "D")
    with pytest.raises(JournalError, match="after a failed write"):
        journal.once("e", 0, lambda: "E")


def test_what_of_an_input_has_changed_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.once("a", {"model": "m", "messages": ["x"]}, lambda: "A")
    with pytest.raises(JournalError, match=r"a was recorded for another input \(messages changed\)"):
        journal.once("a", {"model": "m", "messages": ["y"]}, never)


def test_a_recording_gives_what_is_recorded_and_performs_and_writes_nothing(three: Path) -> None:
    before = three.read_bytes()
    recording = ReadOnlyJournal(three)
    assert not recording.live
    assert recording.once("a", 0, never) == "A"
    with pytest.raises(JournalError, match="holds no record of d; the run did not"):
        recording.once("d", 0, never)
    with pytest.raises(JournalError, match="holds no record of note"):
        recording.note("note", 1)
    recording.close()
    assert three.read_bytes() == before


def test_a_call_that_failed_last_is_part_of_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for value in ("failed", "failed again"):
        journal = Journal(path)
        journal.fill(inputs(a=1), lambda _, value=value: [Recorded("a", value, final=False)])  # type: ignore[misc]
        journal.close()
    recording = ReadOnlyJournal(path)
    assert recording.once("a", 1, never) == "failed again"
    recording.close()


def test_only_what_has_the_same_input_is_taken_over_from_another_journal(three: Path, tmp_path: Path) -> None:
    journal, lender = Journal(tmp_path / "new.jsonl"), ReadOnlyJournal(three)
    journal.take_over_from(lender, lambda record: record.key != "c")
    assert journal.once("a", 0, never) == "A"
    assert journal.once("b", "another", lambda: "anew") == "anew"
    assert journal.once("c", 0, lambda: "not lent") == "not lent"
    assert journal.taken == 1
    journal.close()
    again = Journal(tmp_path / "new.jsonl")
    assert (again.once("a", 0, never), again.taken) == ("A", 1)
    again.close()
    lender.close()


def test_nothing_is_performed_after_a_request_to_stop(tmp_path: Path) -> None:
    def refuse() -> None:
        raise StoppedError("stopped as asked")

    journal = Journal(tmp_path / "journal.jsonl", refuse)
    with pytest.raises(StoppedError):
        journal.once("a", 0, never)
    journal.close()


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of the journal at each sync."""
    made: list[int] = []
    real = os.fdatasync

    def counted(descriptor: int) -> None:
        made.append(os.fstat(descriptor).st_size)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    return made


@pytest.mark.parametrize(("free", "expected"), [(True, 1), (False, 5)])
def test_what_costs_something_is_durable_at_once_and_what_is_free_at_the_end(
    tmp_path: Path, syncs: list[int], free: bool, expected: int
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.fill(inputs(a=1, b=2, c=3, d=4, e=5), lambda keys: (Recorded(key, key, free=free) for key in keys))
    assert len(syncs) == expected
    assert syncs[-1] == (tmp_path / "journal.jsonl").stat().st_size


def test_a_record_that_costs_something_makes_the_free_ones_before_it_durable(tmp_path: Path, syncs: list[int]) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.fill(inputs(a=1, b=2), lambda _: [Recorded("a", "A", free=True), Recorded("b", "B")])
    assert syncs == [(tmp_path / "journal.jsonl").stat().st_size]


def test_free_records_wait_for_no_more_than_a_group_and_no_longer_than_a_moment(
    tmp_path: Path, syncs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    journal = Journal(tmp_path / "journal.jsonl")
    asked = {f"a/{number}": encoding.digests(number) for number in range(GROUP + 1)}
    journal.fill(asked, lambda keys: (Recorded(key, key, free=True) for key in keys))
    assert len(syncs) == 2
    monkeypatch.setattr(time, "monotonic", itertools.count(GROUP_SECONDS, GROUP_SECONDS).__next__)
    journal.fill(inputs(x=1, y=2), lambda keys: (Recorded(key, key, free=True) for key in keys))
    assert len(syncs) == 4


def test_what_was_recorded_is_durable_though_the_effects_end_with_an_error(tmp_path: Path, syncs: list[int]) -> None:
    def perform(_: list[str]) -> Iterable[Recorded]:
        yield Recorded("a", "A", free=True)
        raise StoppedError("enough")

    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(StoppedError):
        journal.fill(inputs(a=1, b=2), perform)
    assert syncs == [(tmp_path / "journal.jsonl").stat().st_size]


def test_where_the_sync_of_a_group_fails_the_file_is_cut_back_to_what_is_durable(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, journal = three.read_bytes(), Journal(three)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(JournalError, match=os.strerror(errno.EIO)):
        journal.fill(inputs(x=1, y=2), lambda keys: (Recorded(key, key, free=True) for key in keys))
    assert three.read_bytes() == before


def test_a_line_that_was_changed_under_an_open_journal_is_not_read(three: Path) -> None:
    journal = Journal(three)
    three.write_bytes(three.read_bytes()[:20])
    with pytest.raises(JournalError, match="changed while it was open"):
        journal.recorded("c")


KEYS = st.text().map("a/{}".format)
"""Keys of which nothing is known, so that they may hold anything."""


@given(st.dictionaries(KEYS, st.text(), min_size=1))
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
