"""Mutation testing of the core: of faults put into it one by one, how many does `make test` notice?

    .venv/bin/pip install -c requirements-dev.lock cosmic-ray pytest-cov
    python -m benchmarks.mutants --count 300 --seed 0 --out mutants

Faults are those of cosmic-ray, at places that are drawn evenly; where only an annotation would change there is none. A
first run of the tests, under coverage, tells which test executes which line. Against each mutant run the tests that
execute its line, those of its own module first, then the quick ones, then the others, until one fails or they would
take longer than ``--seconds``. Each run is a fork of this process, which has the libraries loaded,
in a copy of the tree.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PACKAGES = ("boundary", "design", "journal", "preflight", "experiment", "measures", "results", "audit")
SOURCES = (".", "plugins", "tasks", "schemas")
LIBRARIES = (
    *("pytest", "hypothesis", "numpy", "scipy.stats", "pydantic", "jsonschema", "matplotlib.figure", "jinja2", "click"),
    *("rich", "anthropic", "torch", "transformers", "peft", "sklearn.metrics", "statsmodels.api"),
)
"""What the tests import of others."""
SOUND = 6
"""So many selections of tests are first tried without a fault."""
FIRST = 25
"""So many tests are run first, since most faults are noticed by the nearest; then all others together."""
PATIENCE = 5
"""A mutant is given up, as late, when its tests take so many times as long as they should, and a minute more."""


@dataclass(frozen=True)
class Mutant:
    """One fault: cosmic-ray's operator, at its occurrence in a module."""

    module: str
    line: int
    operator: str
    occurrence: int
    was: str
    became: str


@dataclass(frozen=True)
class Suite:
    """What a run of the tests told: seconds of each test, and which tests execute which line of which module."""

    seconds: dict[str, float]
    executing: dict[tuple[str, int], set[str]]

    def chosen(self, mutant: Mutant, limit: float) -> list[str]:
        """The tests to be run against a mutant, in their order."""
        executing = self.executing.get((mutant.module, mutant.line), set())
        path = Path("tests", mutant.module)
        mirrored = {name for name in self.seconds if name.startswith(f"{path.parent}/test_{path.stem}.py::")}
        near = {name for name in self.seconds if name.startswith(f"{path.parent}/")}
        found: list[str] = []
        spent = 0.0
        for tests in (mirrored & executing, executing, mirrored, near, {*self.seconds}):
            for name in sorted(tests - {*found}, key=lambda name: self.seconds.get(name, 1.0)):
                spent += self.seconds.get(name, 1.0)
                if found and spent > limit:
                    return found
                found.append(name)
        return found


def copied(folder: Path) -> Path:
    """A copy of the tree, with everything compiled."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S607 - the git that there is
    for name in listed.decode().split("\0")[:-1]:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)  # noqa: S603 - our own files
    return folder


def measured(tree: Path, out: Path) -> Suite:
    """Runs the tests under coverage, unless that was done before, and reads what it told."""
    from coverage import CoverageData

    data, report = out.resolve() / "coverage", out.resolve() / "tests.xml"
    if not report.exists():
        subprocess.run(  # noqa: S603 - our own tests
            [
                *(sys.executable, "-m", "pytest", "-q", "--cov=harness", "--cov-context=test", "--cov-report="),
                *("-o", "junit_family=xunit1", f"--junit-xml={report}"),
            ],
            cwd=tree,
            env=os.environ | {"COVERAGE_FILE": str(data)},
            check=False,
        )
    seconds = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - our own report
        if not len(case):  # nor one that was skipped, or fails without a fault
            seconds[f"{case.get('file')}::{case.get('name')}"] = float(case.get("time", 0))
    told = CoverageData(str(data))
    told.read()
    executing = defaultdict(set)
    for path in told.measured_files():
        module = path[path.rindex("/harness/") + 1 :]
        for line, contexts in told.contexts_by_lineno(path).items():
            executing[module, line] = {context.rpartition("|")[0] for context in contexts} & seconds.keys()
    return Suite(seconds, executing)


def meaning(source: str) -> str:
    """What a source does when it runs: its syntax tree without annotations. Raises SyntaxError."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
    return ast.dump(tree)


def _mutated(source: str, operator: str, occurrence: int) -> str:
    from cosmic_ray import plugins
    from cosmic_ray.mutating import mutate_code

    return str(mutate_code(source, plugins.get_operator(operator)(), occurrence))


def _places(source: str) -> dict[Any, list[tuple[str, int]]]:
    """Every place at which there can be a fault: the operators, with their occurrences."""
    from cosmic_ray import plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    nodes, places = list(ast_nodes(get_ast(source))), defaultdict(list)
    for name in plugins.operator_names():
        kind = plugins.get_operator(name)
        if kind.arguments() or name.endswith("NoOp"):
            continue
        positions = (position for node in nodes for position in kind().mutation_positions(node))
        for occurrence, position in enumerate(positions):
            places[position].append((name, occurrence))
    return places


def drawn(tree: Path, count: int, seed: int) -> Iterator[Mutant]:
    """Mutants at so many places of the core, one at each."""
    chance = random.Random(seed)
    modules = [path for name in PACKAGES for path in sorted((tree / "harness" / name).rglob("*.py"))]
    sources = {str(path.relative_to(tree)): path.read_text() for path in modules}
    places = [(name, place, each) for name, source in sources.items() for place, each in _places(source).items()]
    chance.shuffle(places)
    for name, ((line, _), _), operators in places:
        operator, occurrence = chance.choice(operators)
        source = sources[name]
        changed = _mutated(source, operator, occurrence)
        try:
            if meaning(changed) == meaning(source):
                continue
        except SyntaxError:
            continue
        was, became = source.splitlines(), changed.splitlines()
        at = next(number for number, (one, other) in enumerate(zip(was, became, strict=False)) if one != other)
        yield Mutant(name, line, operator.rpartition("/")[2], occurrence, was[at].strip(), became[at].strip())
        count -= 1
        if not count:
            return


def _tested(tree: Path, names: Sequence[str], log: Path) -> None:
    """In a fork: runs tests in a copy of the tree, and exits as pytest would."""
    os.setsid()
    with log.open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    os.chdir(tree)
    paths = [str(tree / source) for source in SOURCES]
    sys.path[:] = [*paths, *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        del sys.modules[name]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    import pytest

    listed = log.with_suffix(".tests")
    listed.write_text("\n".join(names))
    arguments = ("-n0", "-x", "-q", "--tb=line", "-m", "", "-p", "no:cacheprovider", "-p", "no:cov", f"@{listed}")
    os._exit(pytest.main(["-W", "ignore::pytest.PytestAssertRewriteWarning", *arguments]))  # they were loaded before


class Bench:
    """Copies of the tree, in each of which one mutant is tried at a time."""

    def __init__(self, trees: Sequence[Path], suite: Suite, limit: float) -> None:
        self._free, self._suite, self._limit = list(trees), suite, limit
        self._busy: dict[Path, tuple[ForkProcess, Mutant, str, float, list[str]]] = {}
        self._tried = 0

    def tries(self, mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, str, str]]:
        """Each mutant with what came of it (killed, survived, late, untested) and the test that noticed it."""
        waiting = iter(mutants)
        while True:
            while self._free and (mutant := next(waiting, None)):
                if names := self._suite.chosen(mutant, self._limit):
                    self._start(mutant, names)
                else:
                    yield mutant, "untested", ""
            if not self._busy:
                return
            multiprocessing.connection.wait([process.sentinel for process, *_ in self._busy.values()], timeout=1)
            yield from self._ended()

    def _start(self, mutant: Mutant, names: list[str], again: bool = False) -> None:
        names, later = (names[:FIRST], names[FIRST:]) if not again else (names, [])
        tree, path = self._free[-1], self._free.pop() / mutant.module
        source = path.read_text()
        if mutant.operator:
            path.write_text(_mutated(source, f"core/{mutant.operator}", mutant.occurrence))
        self._tried += 1
        os.utime(path, (self._tried, self._tried))  # no compiled file is of this time
        due = sum(self._suite.seconds.get(name, 1.0) for name in names)
        process = multiprocessing.get_context("fork").Process(target=_tested, args=(tree, names, tree / "log.txt"))
        process.start()
        self._busy[tree] = (process, mutant, source, time.monotonic() + 60 + PATIENCE * due, later)

    def _ended(self) -> Iterator[tuple[Mutant, str, str]]:
        for tree, (process, mutant, source, until, later) in list(self._busy.items()):
            late = time.monotonic() > until
            if process.is_alive() and not late:
                continue
            with suppress(ProcessLookupError):
                os.killpg(process.pid or 0, signal.SIGKILL)  # with whatever a test has left running
            process.join()
            (tree / mutant.module).write_text(source)
            del self._busy[tree]
            self._free.append(tree)
            told = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - |$)", (tree / "log.txt").read_text(), re.MULTILINE)
            came = "late" if late else "survived" if process.exitcode == 0 else "killed"
            if came == "survived" and later:
                self._start(mutant, later, again=True)
                continue
            yield mutant, came, told[1] if told and came == "killed" else ""


def main() -> None:
    """Writes a line for each mutant into ``mutants.jsonl`` of a folder, and prints the share that was noticed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="of tests against one mutant, at most")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("mutants"), help="folder for what was measured and found")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        trees = [copied(Path(folder) / str(number)) for number in range(given.processes)]
        suite = measured(trees[0], given.out)
        for name in LIBRARIES:
            importlib.import_module(name)
        bench, counts = Bench(trees, suite, given.seconds), Counter[str]()
        with (given.out / "mutants.jsonl").open("w") as stream:
            mutants = [*drawn(trees[0], given.count, given.seed)]
            for mutant, came, test in bench.tries([replace(mutant, operator="") for mutant in mutants[:SOUND]]):
                if came != "survived":
                    raise SystemExit(f"{mutant.module} without a fault: {came} by {test}")
            for mutant, came, test in bench.tries(mutants):
                counts[came] += 1
                stream.write(json.dumps({**asdict(mutant), "came": came, "test": test}) + "\n")
                stream.flush()
    noticed = counts["killed"]
    print(f"{noticed} of {counts.total()} mutants noticed ({noticed / counts.total():.1%}): {dict(counts)}")


if __name__ == "__main__":
    main()
