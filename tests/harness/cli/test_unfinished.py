from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.audit import EXIT_BLOCKED
from harness.cli import main
from tests.conftest import ToyRun

VERBS = ("audit", "report", "replay", "validate", "compare")


def _invoke(verb: str, path: Path) -> Result:
    return CliRunner().invoke(main, [verb, *[str(path)] * (2 if verb == "compare" else 1)])


@pytest.fixture
def unfinished(finished_run: ToyRun) -> Path:
    """A run that was killed after some calls of its teacher."""
    run_dir = finished_run(out="my run", stages=("teacher-base",))
    for path in run_dir.iterdir():
        if path.is_file() and path.name not in ("plan.json", "journal.jsonl", "run_meta.json", "lock"):
            path.unlink()
    journal = run_dir / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-3]))
    return run_dir


@pytest.mark.parametrize("verb", VERBS)
def test_a_run_that_is_not_finished_is_one_line_with_the_command_that_goes_on(unfinished: Path, verb: str) -> None:
    before = sorted(path.name for path in unfinished.rglob("*"))
    done = _invoke(verb, unfinished)
    told = f"harness: {unfinished} is not finished; go on with: harness run --resume '{unfinished}'\n"
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", told)
    assert sorted(path.name for path in unfinished.rglob("*")) == before


def test_that_command_finishes_it(unfinished: Path) -> None:
    assert CliRunner().invoke(main, ["run", "--resume", str(unfinished)]).exit_code == EXIT_BLOCKED
    assert _invoke("replay", unfinished).exit_code == 0
    assert _invoke("validate", unfinished).exit_code == 0


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_missing_or_no_run_is_one_line_that_says_which(tmp_path: Path, verb: str) -> None:
    for path, told in ((tmp_path / "none", "No such file or directory; "), (tmp_path, "")):
        done = _invoke(verb, path)
        assert (done.exit_code, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1
        assert told in done.stderr
        assert "run directory" in done.stderr
