"""What the code of this project may never hold, because it would run what only looks like data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SKIPPED = (".venv", ".git", "build", "dist", "runs")
MODULES = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "jsonpickle")
CALLS = ("eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "subprocess.getoutput")
TRUE = ("shell", "trust_remote_code", "allow_pickle")
WORDS = re.compile(r"shell\s*=\s*True|trust_remote_code\s*[=:]\s*[Tt]rue|import\s+pickle|(?<![\w.])(?:eval|exec)\(")
WAIVED = re.compile(r"# noqa: [A-Z]+\d+ - \S.*$")
TEXT = (".py", ".sh", ".toml", ".cfg", ".yml", ".yaml", ".md", ".json", "")


def _files() -> list[Path]:
    found = [path for path in REPOSITORY.rglob("*") if path.is_file() and not path.is_symlink()]
    return [
        path
        for path in found
        if not any(
            part in SKIPPED or part.endswith((".egg-info", "_cache")) for part in path.relative_to(REPOSITORY).parts
        )
        and path != Path(__file__)
    ]


SOURCES = [path for path in _files() if path.suffix == ".py"]


def banned(source: str) -> Iterator[str]:
    """What in a source may not be there: line and word."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names if alias.name.split(".")[0] in MODULES]
            case ast.ImportFrom(module=str(module)):
                found = [module] if module.split(".")[0] in MODULES else []
            case ast.Call(func=function, keywords=keywords):
                found = [name] if (name := ast.unparse(function)) in CALLS else []
                found += [
                    f"{given.arg}={ast.unparse(given.value)}"
                    for given in keywords
                    if given.arg in TRUE and not (isinstance(given.value, ast.Constant) and given.value.value is False)
                ]
            case _:
                continue
        yield from (f"line {node.lineno}: {what}" for what in found)


def test_no_source_runs_what_only_looks_like_data() -> None:
    assert len(SOURCES) > 100
    found = {str(path.relative_to(REPOSITORY)): list(banned(path.read_text())) for path in SOURCES}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_no_text_of_the_project_shows_how_either() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}: {match[0]}"
        for path in _files()
        if path.suffix in TEXT and path.stat().st_size < 10**6
        for match in WORDS.finditer(path.read_text("utf-8", "replace"))
    ]
    assert found == []


def test_every_rule_that_is_waived_has_its_reason() -> None:
    waived = [
        f"{path.relative_to(REPOSITORY)}: {line.strip()}"
        for path in SOURCES
        for line in path.read_text().splitlines()
        if "# noqa" in line and not WAIVED.search(line)
    ]
    assert waived == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib.memory",
        "eval('1')",
        "exec('1')",
        "subprocess.run('ls', shell=True)",
        "load(trust_remote_code=given)",
        "torch.load('adapter.bin')",
    ],
)
def test_the_ban_finds(source: str) -> None:
    assert list(banned(source))


@pytest.mark.parametrize(
    "source", ["model.eval()", "load(trust_remote_code=False)", "run(shell=False)", "x = 'eval(1)'"]
)
def test_the_ban_lets_pass(source: str) -> None:
    assert not list(banned(source))
