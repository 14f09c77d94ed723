from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.audit import EXIT_BLOCKED
from harness.boundary import filenames, files, schemas
from harness.cli import main
from tests.conftest import ToyRun
from tests.harness.audit.results import honest


def _audit(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return honest(seeds=3).write(tmp_path_factory.mktemp("clean") / "honest")


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clean, tmp_path / "honest"))


def test_a_clean_run_gives_exit_0_by_its_directory_or_its_result(folder: Path) -> None:
    by_folder, by_file = _audit(folder), _audit(folder / filenames.RESULT)
    assert by_folder.exit_code == by_file.exit_code == 0
    assert by_folder.output == by_file.output
    assert by_folder.output.startswith("audit: clean, 1 warning: recompute.\n")  # the plugins of the run are none
    assert "claim 6 of 6" in by_folder.output


def test_a_blocked_run_gives_exit_3_and_says_so_first(finished_run: ToyRun) -> None:
    shown = _audit(finished_run())
    assert shown.exit_code == EXIT_BLOCKED
    assert shown.output.startswith("audit: BLOCKED by ")
    assert "SIMULATED: teacher toy." in shown.output.split("\n\n")[0].replace("\n  ", " ")
    assert "claim 0 of 6: numbers only" in shown.output


@pytest.mark.parametrize("blocked", [False, True])
def test_json_is_a_valid_audit_with_the_same_exit_code(folder: Path, finished_run: ToyRun, blocked: bool) -> None:
    shown = _audit(finished_run() if blocked else folder, "--json")
    made = json.loads(shown.output)
    assert not list(schemas.violations("audit", made))
    assert (made["verdict"], shown.exit_code) == (("blocked", EXIT_BLOCKED) if blocked else ("clean", 0))


def test_it_says_what_the_run_wrote_at_its_end(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    assert json.loads(_audit(run_dir, "--json").output) == files.read(run_dir / filenames.AUDIT)


def test_a_result_without_its_rows_cannot_be_clean(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_text((folder / filenames.RESULT).read_text())
    shown = _audit(alone)
    assert shown.exit_code == EXIT_BLOCKED
    assert "by what is not known: recompute" in shown.output


def test_a_changed_row_blocks(folder: Path) -> None:
    path = folder / filenames.ITEMS
    path.write_text(path.read_text().replace('"correct":true', '"correct":false', 1))
    shown = _audit(folder)
    assert shown.exit_code == EXIT_BLOCKED
    assert "BLOCKED by recompute" in shown.output


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:-20])


def _without_arms(path: Path) -> None:
    result = json.loads(path.read_text())
    del result["arms"]
    path.write_text(json.dumps(result))


def _not_utf_8(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def _nan(path: Path) -> None:
    path.write_text('{"schema": NaN}')


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut, "not sound JSON"),
        (_without_arms, "'arms' is a required property"),
        (_not_utf_8, "not sound JSON"),
        (_nan, "NaN is not JSON"),
        (Path.unlink, "is not finished; go on with: harness run --resume"),
    ],
)
def test_what_is_no_result_gives_one_line_and_exit_2(folder: Path, damage: Callable[[Path], None], told: str) -> None:
    damage(folder / filenames.RESULT)
    shown = _audit(folder)
    assert shown.exit_code == 2
    assert told in shown.output
    assert str(folder) in shown.output
    assert len(shown.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give either a run directory or its result.json, or --table FILE"),
        (("run", "--table", "counts.csv"), "give either a run directory or its result.json, or --table FILE"),
        (("run", "--task", "scheduling"), "--task, --design, --preset and -o belong to --table"),
    ],
)
def test_what_does_not_go_together_gives_one_line_and_exit_2(arguments: tuple[str, ...], told: str) -> None:
    shown = _audit(*arguments)
    assert (shown.exit_code, len(shown.output.strip().splitlines())) == (2, 1)
    assert told in shown.output
