from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.api import Student, UsageError
from harness.cli import main
from harness.preflight import disk
from harness.preflight.forecast import Load
from tests import toys
from tests.conftest import ToyRun

Space = namedtuple("Space", "total used free")


def test_a_full_disk_is_found_before_anything_is_done(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Space(100, 99, 1_000_000))
    with pytest.raises(UsageError, match=r"1 MB are free there, and the run may write 36 MB; free some, or give"):
        toy_run()
    assert not (tmp_path / "run").exists()


def test_more_calls_need_more_room_and_some_is_always_needed() -> None:
    load = Load("teacher-base", "solve", "test", 1000, 0, 300_000, None)
    assert disk.needed([]) == disk.SPARE
    assert disk.needed([load, load]) - disk.SPARE == 2 * (disk.needed([load]) - disk.SPARE) > 2 * 300_000 * 4


def test_every_adapter_needs_room_where_their_trainer_knows_its_size(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 10**9

    class Sized(toys.ToyTrainer):
        def adapter_bytes(self, student: Student) -> int | None:  # noqa: ARG002 - the protocol's signature
            return size

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Space(10**12, 0, 4 * size))
    monkeypatch.setattr(toys, "ToyTrainer", Sized)
    toy_run(stages=("student-base",), out="untrained")
    toy_run(stages=("bootstrap", "student-lora"), out="one")
    with pytest.raises(UsageError, match=r"the run may write 40\d\d MB"):
        toy_run("run.training_seeds=2", stages=("bootstrap", "student-lora", "lora-labels"))


def test_the_room_is_looked_for_where_the_directory_will_be(tmp_path: Path) -> None:
    disk.check_room(tmp_path / "not" / "there" / "yet", 1)


@pytest.mark.parametrize(("kind", "told"), [("ext4", None), ("nfs4", "a network file system (nfs4)")])
def test_a_network_file_system_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, told: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    below = f"2 1 0:2 / {tmp_path.resolve()} rw shared:1 - {kind} server:/x rw"
    mounts.write_text(f"1 1 0:1 / / rw - ext4 /dev/x rw\n{below}\n")
    monkeypatch.setattr(disk, "MOUNTS", mounts)
    said = disk.caution(tmp_path / "run")
    assert (said is None) if told is None else (told in str(said))


def test_where_mounts_are_not_known_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "MOUNTS", tmp_path / "none")
    assert disk.caution(tmp_path) is None


def test_a_torn_record_is_told_of_on_the_terminal_and_in_run_meta(finished_run: ToyRun) -> None:
    run_dir = finished_run(stages=("student-base",))
    with (run_dir / "journal.jsonl").open("ab") as stream:
        stream.write(b"0123456789abcdef {")
    done = CliRunner().invoke(main, ["run", "--resume", str(run_dir)])
    told = "warning: the last line of journal.jsonl was torn, as a crash leaves it; its 18"
    assert told in done.stderr
    assert max(map(len, done.stderr.splitlines())) <= 80 or str(run_dir) in done.stderr
    assert "18 bytes were dropped" in (run_dir / "run_meta.json").read_text()
    assert '"bytes_dropped": 18' in (run_dir / "run_meta.json").read_text()
