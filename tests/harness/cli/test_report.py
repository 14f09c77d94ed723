from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.boundary import files
from harness.cli import VERBS, main
from tests.conftest import ToyRun
from tests.harness.output.report.pages import Page

PROBE = (
    "import sys; import harness.output.report, harness.cli.report; print(sorted(m.split('.')[0] for m in sys.modules))"
)


@pytest.fixture(autouse=True)
def verb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERBS, "report", "Write the page of a run.")


def _report(path: Path) -> Result:
    return CliRunner().invoke(main, ["report", str(path)])


def test_the_page_of_a_run_and_the_cards_of_its_adapters_are_written(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    done = _report(run_dir)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"report: {run_dir / 'report.html'}"
    assert done.stdout.startswith("audit: BLOCKED")
    page = Page((run_dir / "report.html").read_text())
    assert not page.faults
    assert page.one("h1") == "parity: toy to toy"
    for training in files.read(run_dir / "result.json")["training"]:
        assert training["adapter_sha256"] in (run_dir / "adapters" / training["arm"] / "README.md").read_text()


def test_a_result_file_stands_for_its_run_and_gives_the_same_bytes(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    _report(run_dir)
    written = {path: path.read_bytes() for path in sorted(run_dir.rglob("*")) if path.is_file()}
    (run_dir / "report.html").unlink()
    assert _report(run_dir / "result.json").exit_code == 0
    assert {path: path.read_bytes() for path in sorted(run_dir.rglob("*")) if path.is_file()} == written


def test_a_result_alone_has_a_page_that_says_what_is_not_known(finished_run: ToyRun, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(finished_run() / "result.json", alone)
    assert _report(alone).exit_code == 0
    assert "there are no rows to recompute anything from" in Page((alone / "report.html").read_text()).one("main")


def test_a_number_that_was_changed_is_what_the_page_begins_with(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    result = files.read(run_dir / "result.json")
    result["arms"][0]["accuracy"]["value"] = 0.99
    (run_dir / "result.json").write_text(files.pretty(result))
    assert _report(run_dir).exit_code == 0
    assert "arms[0].accuracy.value: says 0.99" in Page((run_dir / "report.html").read_text()).one("main")


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"schema": "other"}'])
def test_what_is_no_result_is_one_line_and_leaves_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "result.json").write_text(content)
    done = _report(tmp_path)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "report.html").exists()


def test_templates_and_figures_are_loaded_only_when_a_page_is_made() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert not set(ast.literal_eval(done.stdout)) & {"jinja2", "markupsafe", "matplotlib", "huggingface_hub", "torch"}
