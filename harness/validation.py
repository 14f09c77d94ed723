"""Checks files that a run left: their schema, and for a result every number against its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import files, measures, schemas

BESIDE = ("problems.jsonl", "items.jsonl")


def problems_of(path: Path) -> list[str]:
    """All that is wrong with a file, each as ``path: what``. The kind of file is told by its name or its content."""
    try:
        if path.suffix == ".jsonl":
            return list(_rows(path))
        value = files.read(path)
    except OSError as error:
        return [f"the file: {error.strerror}"]
    except ValueError as error:
        return [f"the file: {error}"]
    if path.name == "plan.json":
        return list(schemas.violations("plan", value))
    if path.name == "run_meta.json":
        return list(schemas.violations("run-meta", value))
    broken = list(schemas.violations("result", value))
    return broken or list(_result(path.parent, value))


def _rows(path: Path) -> Iterator[str]:
    name = path.stem.removesuffix("s")
    if name not in schemas.NAMES:
        yield f"the file: no schema for {path.name}; known: problems.jsonl, items.jsonl"
        return
    for number, row in enumerate(files.read_lines(path), 1):
        for violation in schemas.violations(name, row):
            yield f"line {number}: {violation}"


def _result(folder: Path, result: Mapping[str, Any]) -> Iterator[str]:
    rows: dict[str, Sequence[Mapping[str, Any]]] = {}
    for name, expected in result["files"].items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            yield f"files.{name}: lies outside the run directory"
        elif not path.is_file():
            yield f"files.{name}: is not beside the result, so its numbers cannot be recomputed"
        elif (found := files.file_digest(path)) != expected:
            yield f"files.{name}: has digest {found}, the result says {expected}"
        elif name in BESIDE:
            broken = list(_rows(path))
            yield from (f"{name}: {problem}" for problem in broken)
            if not broken:
                rows[name] = files.read_lines(path)
    if set(rows) == set(BESIDE):
        yield from _recomputed(result, rows["problems.jsonl"], rows["items.jsonl"])


def _recomputed(
    result: Mapping[str, Any], problems: Sequence[measures.Row], items: Sequence[measures.Row]
) -> Iterator[str]:
    """Where the result says another number than its rows do."""
    unsound = list(_unsound(problems, items))
    if unsound:
        yield from unsound
        return
    computed = {
        "plan_sha256": files.digest(result["plan"]),
        "problems": measures.problem_sets(problems),
        "arms": measures.arms(items, problems),
        "contrasts": measures.contrasts(items),
    }
    for key, value in computed.items():
        for path, said, given in files.differences(result[key], value, key):
            yield f"{path}: says {said!r}, the rows give {given!r}"


def _unsound(problems: Sequence[measures.Row], items: Sequence[measures.Row]) -> Iterator[str]:
    """Where rows contradict each other."""
    truths = {row["id"]: row["truth"] for row in problems}
    if len(truths) != len(problems):
        yield "problems.jsonl: an id occurs twice"
    seen: set[tuple[str, str]] = set()
    for number, row in enumerate(items, 1):
        where = f"items.jsonl: line {number}"
        if row["problem"] not in truths:
            yield f"{where}: problem {row['problem']!r} is not in problems.jsonl"
        elif row["truth"] != truths[row["problem"]]:
            yield f"{where}: truth {row['truth']!r}, problems.jsonl says {truths[row['problem']]!r}"
        if row["correct"] and row["outcome"]["kind"] != "answered":
            yield f"{where}: correct without an answer"
        if (row["arm"], row["problem"]) in seen:
            yield f"{where}: arm {row['arm']} has problem {row['problem']} twice"
        seen.add((row["arm"], row["problem"]))
