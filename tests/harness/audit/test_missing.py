"""What is taken out of a result, or set to null, is never a pass of a check that had read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.api import MissingEvidenceError
from harness.audit import audit
from harness.audit.checks import checks
from harness.audit.claims import rungs
from harness.audit.evidence import Evidence
from harness.boundary import schemas
from harness.design.transfer import TRANSFER
from tests.harness.audit.results import Row, honest, table

Path = tuple[str | int, ...]
Looks = dict[str, Callable[[Evidence], bool]]
"""By check or rung: whether it finds nothing wrong."""


@pytest.fixture(scope="module")
def clean() -> Row:
    """The result of a run in which every arm knows something, so that every check passes."""
    test = {"student-base": 40, "student-prompted": 10, "teacher-base": 30, "lora-labels": 36, "lora-shuffled": 38}
    return honest(wrong={"test": test, "harder": {"student-base": 25}}).result()


def _looks() -> Looks:
    def passes(check: Any) -> Callable[[Evidence], bool]:
        return lambda evidence: all(each.status in ("pass", "not-applicable") for each in check.look(evidence))

    def climbs(rung: Any) -> Callable[[Evidence], bool]:
        return lambda evidence: all(reason.shown for reason in rung.reasons(evidence))

    return {check.id: passes(check) for check in checks([])} | {
        f"rung {rung.number}": climbs(rung) for rung in rungs(TRANSFER)
    }


def _holds(look: Callable[[Evidence], bool], result: Row) -> bool:
    try:
        return look(Evidence(result))
    except MissingEvidenceError:
        return False


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value that holds something: keys of objects, and members of lists."""
    if isinstance(value, dict | list):
        for place in list(value) if isinstance(value, dict) else range(len(value)):
            if value[place] is not None:
                yield (*path, place)
                yield from _paths(value[place], (*path, place))


def _without(result: Row, path: Path, act: str) -> Iterator[None]:
    """Takes a value out, or sets it to null; puts it back when asked for the next."""
    *parents, last = path
    holder: Any = result
    for place in parents:
        holder = holder[place]
    before = holder.copy()
    if act == "null":
        holder[last] = None
    else:
        del holder[last]
    yield
    holder.clear()
    holder.update(before) if isinstance(holder, dict) else holder.extend(before)


def _holes(result: Row, act: str, concerned: Callable[[str], list[str]]) -> list[tuple[str, list[str]]]:
    """Places without which the result is still valid, and some of those concerned find nothing wrong with it."""
    looks, holes = _looks(), []
    for path in _paths(result):
        place = schemas.path_text(path)
        names = concerned(place)
        for _ in _without(result, path, act) if names else ():
            try:
                content = [name for name in names if _holds(looks[name], result)]
            except Exception as error:
                content = [f"{type(error).__name__}: {error}"]
            if content and not any(schemas.violations("result", result)):
                holes.append((place, content))
    return holes


def test_every_check_passes_on_the_run_that_is_taken_apart(clean: Row) -> None:
    made = audit(clean, [])
    assert {check["status"] for check in made["checks"]} == {"pass"}
    assert made["claims"]["rung"] == len(rungs(TRANSFER))


@pytest.mark.parametrize("act", ["delete", "null"])
def test_without_what_it_had_read_no_check_passes_and_no_rung_is_shown(clean: Row, act: str) -> None:
    read = {}
    for name, look in _looks().items():
        evidence = Evidence(clean)
        assert look(evidence)
        read[name] = set(evidence.read)
    assert _holes(clean, act, lambda place: [name for name in read if place in read[name]]) == []


@pytest.mark.parametrize("act", ["delete", "null"])
def test_no_check_of_a_table_passes_because_something_was_taken_out(act: str) -> None:
    counts = table(honest(seeds=1, controls="none", without=["student-prompted", "teacher-base"]))
    not_passed = [name for name, look in _looks().items() if not _holds(look, counts)]
    assert {"constant-score", "coverage", "adapter", "rung 1"} <= set(not_passed)
    assert _holes(counts, act, lambda place: not_passed) == []  # noqa: ARG005 - whatever the place


def test_an_audit_names_all_that_a_check_read_once(clean: Row) -> None:
    for check in audit(clean, [])["checks"]:
        assert check["read"]
        assert len(check["read"]) == len(set(check["read"]))
