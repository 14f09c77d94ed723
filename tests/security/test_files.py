"""Hostile files on their way through every command that reads one, and what a run directory may hold."""

from __future__ import annotations

import http.server
import json
import os
import re
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from referencing.exceptions import Unresolvable

from harness import run
from harness.api import HarnessError, JournalError
from harness.audit import EXIT_BLOCKED
from harness.boundary import files, folders, schemas
from harness.cli import main
from harness.registry.observers import Observers
from tests import hostile
from tests.conftest import ToyRun

OUTSIDE = (
    "../plan.json",
    "../../etc/passwd",
    "/etc/passwd",
    "examples/../../x",
    "a//b",
    ".hidden",
    "%2e%2e/x",
    "a\0b",
    "A",
    "x" * 300,
    "",
    "\u202egpj",
    "con:",
)

REFUSED = "lies outside the run directory|is no name that a file of a run has"


def _command(*arguments: str) -> Result:
    done = CliRunner().invoke(main, arguments)
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert hostile.on_terminal(done.output) == []
    return done


@pytest.mark.parametrize("content", hostile.FILES)
@pytest.mark.parametrize("name", ["result.json", "plan.json", "run_meta.json", "items.jsonl", "problems.jsonl"])
def test_a_hostile_file_is_invalid_in_a_few_lines(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_bytes(hostile.FILES[content])
    done = _command("validate", str(path))
    empty_rows = name.endswith("jsonl") and content == "empty"
    assert done.exit_code == (0 if empty_rows else 1)
    assert len(done.output) < 5000


@pytest.mark.parametrize("content", hostile.FILES)
@pytest.mark.parametrize("name", ["plan.json", "journal.jsonl", "run_meta.json"])
def test_a_run_with_a_hostile_file_is_refused_or_goes_on_with_its_own(
    finished_run: ToyRun, tmp_path: Path, name: str, content: str
) -> None:
    run_dir = finished_run(stages=("student-base",))
    result = (run_dir / "result.json").read_bytes()
    (run_dir / name).write_bytes(hostile.FILES[content])
    for arguments in (["run", "--resume", str(run_dir)], ["replay", str(run_dir)]):
        done = _command(*arguments)
        assert done.exit_code in (0, 1, 2, EXIT_BLOCKED)
        assert done.exit_code in (0, EXIT_BLOCKED) or len(done.stderr.splitlines()[-1]) < 1000
    assert (run_dir / "result.json").read_bytes() == result
    assert (tmp_path / "run").exists()


@pytest.mark.parametrize("content", hostile.FILES)
def test_a_hostile_configuration_is_one_line_with_exit_2(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(hostile.FILES[content])
    done = _command("run", "--config", str(path))
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1


def test_what_is_larger_than_the_cap_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with path.open("wb") as stream:
        stream.truncate(files.MAX_BYTES + 1)
    assert "too large; at most 67108864 bytes are read" in _command("validate", str(path)).output


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "result.json")
    assert "not a regular file" in _command("validate", str(tmp_path)).output
    os.mkfifo(tmp_path / "plan.json")
    assert _command("run", "--resume", str(tmp_path)).exit_code == 2


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        folders.inside(tmp_path, name)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_result_that_names_files_elsewhere_is_invalid(finished_run: ToyRun, name: str) -> None:
    run_dir = finished_run(stages=("student-base",))
    result = files.read(run_dir / "result.json")
    result["files"][name] = "0" * 64
    (run_dir / "result.json").write_text(json.dumps(result))
    assert re.search(REFUSED, _command("validate", str(run_dir)).output)


def test_a_name_inside_may_be_new_but_not_a_link(tmp_path: Path) -> None:
    assert folders.inside(tmp_path, "examples/lora-labels.jsonl") == tmp_path / "examples" / "lora-labels.jsonl"
    (tmp_path / "examples").symlink_to("/etc")
    with pytest.raises(ValueError, match="is a symbolic link"):
        folders.inside(tmp_path, "examples/passwd")


@pytest.mark.parametrize(
    "name", ["journal.jsonl", "plan.json", "lock", "result.json", "run_meta.json", "examples", "new"]
)
def test_a_run_directory_with_a_link_in_it_is_refused_and_nothing_behind_it_is_touched(
    finished_run: ToyRun, tmp_path: Path, name: str
) -> None:
    run_dir = finished_run()
    elsewhere = tmp_path / "elsewhere"
    if (run_dir / name).exists():
        (run_dir / name).rename(elsewhere)
    else:
        elsewhere.write_text("")
    (run_dir / name).symlink_to(elsewhere)
    before = elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir())
    with pytest.raises((JournalError, OSError)):
        run.resume(run_dir, Observers([]))
    assert before == (elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir()))


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_a_run_directory_is_for_its_owner_alone_under_any_umask(toy_run: ToyRun, tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        run_dir = toy_run(out="run")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [run_dir, *run_dir.rglob("*")]}
    wrong = {str(path): oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)}
    assert wrong == {}
    assert (tmp_path / "run") == run_dir


@pytest.fixture
def canary() -> object:
    """A server that counts who comes."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()
    thread.join()


def test_no_schema_is_ever_fetched(
    finished_run: ToyRun, canary: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, seen = canary
    run_dir = finished_run(stages=("student-base",))
    result = files.read(run_dir / "result.json")
    for reference in (f"{url}/schema.json", (tmp_path / "schema.json").as_uri()):
        hostile_result = result | {"$schema": reference, "$ref": reference, "$id": reference, "schema": reference}
        (run_dir / "result.json").write_text(json.dumps(hostile_result))
        assert _command("validate", str(run_dir)).exit_code == 1
        for keyword in ("$ref", "$dynamicRef"):
            load: Callable[[str], object] = schemas.load
            dialect = "https://json-schema.org/draft/2020-12/schema"
            own = {"$schema": dialect, "$id": "urn:transfer-harness:schema:own", keyword: reference}
            with monkeypatch.context() as patch:
                patch.setattr(schemas, "load", lambda name, own=own, load=load: own if name == "result" else load(name))
                schemas._validator.cache_clear()
                with pytest.raises(Unresolvable):
                    list(schemas.violations("result", {}))
            schemas._validator.cache_clear()
    assert seen == []


def test_a_plan_that_names_what_is_no_plugin_is_refused(finished_run: ToyRun) -> None:
    run_dir = finished_run(stages=("student-base",))
    plan = run_dir / "plan.json"
    for name in ("../evil", "toy\x1b[31m", "os:system", "x" * 1000):
        changed = files.read(plan)
        changed["plugins"]["student"]["name"] = name
        plan.write_text(json.dumps(changed))
        with pytest.raises(HarnessError, match="no student named"):
            run.resume(run_dir, Observers([]))
