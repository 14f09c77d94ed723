"""Files, paths and numbers that mean harm, given to every command that takes one: one line, the right exit code."""

from __future__ import annotations

import codecs
import copy
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.boundary import files
from harness.cli import main
from tests import hostile
from tests.conftest import ToyRun
from tests.toys import CHOSEN

TOYS = [f"--{kind}={name}" for kind, name in CHOSEN.items()]
TABLE = "arm,stratum,correct,n\nstudent-base,,{},12\n"

NUMBERS = {
    "400-digits": "9" * 400,
    "299-digits": "9" * 299,
    "5000-digits": "9" * 5000,
    "2-to-53": str(2**53),
    "1e400": "1e400",
    "1e308": "1e308",
    "nan": "NaN",
    "infinity": "Infinity",
    "minus-zero": "-0",
    "minus-zero-float": "-0.0",
    "negative": "-5",
    "underscore": "1_000",
    "fullwidth": "\uff11\uff12",
    "text": '"inf"',
    "half": "0.5",
    "bool": "true",
    "null": "null",
    "nested": "[" * 5000,
    "surrogate": '"\\ud800"',
}
"""What may stand where a number is expected, as text, by name."""


def _done(*arguments: object) -> tuple[int, list[str]]:
    """Exit code of a command, and the lines that it told of an error."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert hostile.on_terminal(done.output) == []
    return done.exit_code, done.stderr.splitlines()


def _refused(*arguments: object) -> str:
    """The one line with which a command refuses what it was given."""
    code, lines = _done(*arguments)
    assert (code, len(lines)) == (2, 1), lines
    return lines[0]


Readers = dict[str, Callable[[Path], Sequence[object]]]
READERS: Readers = {
    "audit": lambda path: ["audit", path],
    "report": lambda path: ["report", path],
    "compare": lambda path: ["compare", path, path],
    "config": lambda path: ["run", *TOYS, "--config", path],
    "strategy": lambda path: ["run", *TOYS, "--strategy-file", path],
    "table": lambda path: ["audit", "--task=parity", "--preset=small", "--table", path],
    "resume": lambda path: ["run", "--resume", path],
    "fork": lambda path: ["run", *TOYS, "--fork", path],
    "replay": lambda path: ["replay", path],
}
"""Arguments of every command that reads a file or a directory that a user names."""


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _over_the_limit(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(files.MAX_BYTES + 1)


def _unreadable(path: Path) -> None:
    path.write_text("secret")
    path.chmod(0)


KINDS: dict[str, Callable[[Path], object]] = {
    "directory": Path.mkdir,
    "fifo": _fifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "dangling": lambda path: path.symlink_to(path.with_name("nothing")),
    "over-the-limit": _over_the_limit,
    "unreadable": _unreadable,
    "empty": Path.touch,
    "nul": lambda path: path.write_bytes(b"\0" * 100),
    "nul-inside": lambda path: path.write_bytes(b"sort\0them"),
    "not-utf8": lambda path: path.write_bytes(b"caf\xe9"),
    "utf16": lambda path: path.write_bytes("[run]".encode("utf-16")),
    "utf32": lambda path: path.write_bytes("[run]".encode("utf-32-le")),
}
"""What a path can lead to that no command can read."""


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_read_is_one_line_that_names_it(kind: str, reader: str, tmp_path: Path) -> None:
    path = tmp_path / "given"
    KINDS[kind](path)
    if kind == "unreadable" and os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert str(path) in _refused(*READERS[reader](path))


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"directory", "loop", "dangling"}))
def test_validate_tells_what_cannot_be_read_as_a_problem_of_the_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    KINDS[kind](path)
    if kind == "unreadable" and os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    done = CliRunner().invoke(main, ["validate", str(path)])
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("reader", [*READERS, "out", "validate"])
@pytest.mark.parametrize("where", ["x" * 300, "file/inside", "loop/inside"])
def test_a_path_that_leads_nowhere_is_one_line(where: str, reader: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    path = tmp_path / where
    more: Readers = {"out": lambda path: ["run", *TOYS, "--out", path], "validate": lambda path: ["validate", path]}
    assert str(path)[:80] in _refused(*{**READERS, **more}[reader](path))


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("name", ["UTF-16", "UTF-32"])
def test_another_encoding_is_told_with_what_to_do(name: str, tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_bytes(TABLE.format(5).encode(name))
    for reader in ("audit", "compare", "config", "strategy", "table"):
        assert f"{name} text; save it as UTF-8" in _refused(*READERS[reader](path))


@pytest.mark.usefixtures("toy_site")
def test_a_byte_order_mark_is_in_no_plan_and_in_no_prompt(tmp_path: Path) -> None:
    config, strategy, table = tmp_path / "run.toml", tmp_path / "strategy.txt", tmp_path / "table.csv"
    config.write_bytes(codecs.BOM_UTF8 + b"[run]\nseed = 3\n")
    strategy.write_bytes(codecs.BOM_UTF8 + b"Look at the last digit.")
    table.write_bytes(codecs.BOM_UTF8 + TABLE.format(5).encode())
    out = tmp_path / "run"
    stages = "--stages=teacher-strategy,student-lora"
    code, lines = _done("run", *TOYS, "--config", config, "--strategy-file", strategy, stages, "--out", out)
    assert code in (0, 3), lines
    plan = files.read(out / "plan.json")
    assert (plan["seed"], plan["strategy"]) == (3, "Look at the last digit.")
    for path in out.rglob("*"):
        assert not path.is_file() or codecs.BOM_UTF8 not in path.read_bytes(), path
    assert _done(*READERS["table"](table))[0] == 3  # BLOCKED, as any bare table
    marked = out / "result.json"
    marked.write_bytes(codecs.BOM_UTF8 + marked.read_bytes())
    assert _done("audit", out)[0] in (0, 3)


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "option", ["--seed", "--limit", "--max-cost", "--training-seeds", "-osizes.test", "-orun.margin"]
)
def test_a_number_on_the_command_line_is_taken_or_refused_in_one_line(option: str, number: str) -> None:
    code, lines = _done("run", *TOYS, "--dry-run", f"{option}={NUMBERS[number]}")
    assert (code, lines) == (0, []) or (code, len(lines)) == (2, 1)
    if "digits" in number and option != "--max-cost":
        assert code == 2


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_a_configuration_is_taken_or_refused_in_one_line(number: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    for section, name in (("run", "seed"), ("run", "margin"), ("sizes", "test"), ("student", "level")):
        path.write_text(f"[{section}]\n{name} = {NUMBERS[number]}\n")
        code, lines = _done("run", *TOYS, "--dry-run", "--config", path)
        assert (code, lines) == (0, []) or (code, len(lines)) == (2, 1)


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_a_table_is_taken_or_refused_in_one_line(number: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(TABLE.format(NUMBERS[number].replace('"', "")))
    code, lines = _done(*READERS["table"](path))
    assert (code, lines) == (3, []) if number == "minus-zero" and code == 3 else (code, len(lines)) == (2, 1)


def _fields(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every number in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _fields(each, (*path, key))
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def _with(value: Any, path: tuple[Any, ...], number: str) -> str:
    """The JSON of a value in which a number stands as given."""
    changed = copy.deepcopy(value)
    *above, last = path
    holder = changed
    for key in above:
        holder = holder[key]
    holder[last] = "here"
    return json.dumps(changed).replace('"here"', number, 1)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_in_a_result_is_reckoned_with_or_refused_in_one_line(number: str, finished_run: ToyRun) -> None:
    run_dir = finished_run("sizes.test=3", stages=("student-base", "teacher-base"))
    result = files.read(run_dir / "result.json")
    good, path = run_dir / "good.json", run_dir.parent / "result.json"
    good.write_text(json.dumps(result))
    kinds = {tuple("*" if isinstance(key, int) else key for key in place): place for place in _fields(result)}
    first = list(NUMBERS).index(number)
    for place in [*kinds.values()][first :: len(NUMBERS)]:  # together, the numbers go through every place
        path.write_text(_with(result, place, NUMBERS[number]))
        for arguments in (["audit", path], ["compare", path, good]):
            code, lines = _done(*arguments)
            assert (code, len(lines)) == (2, 1) if code == 2 else code in (0, 3), (place, lines)
