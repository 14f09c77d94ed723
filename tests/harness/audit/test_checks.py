from __future__ import annotations

from collections import Counter

import pytest

from harness.audit import UNKNOWN
from harness.audit.checks import checks
from harness.boundary import schemas
from harness.output.terminal import audit as text
from tests.harness.audit.cases import CASES, Case
from tests.harness.audit.results import Row

BY_NAME = [pytest.param(case, id=f"{case.check}: {case.about}") for case in CASES]


def _of(audit: Row, check: str) -> Row:
    (found,) = (row for row in audit["checks"] if row["id"] == check)
    assert isinstance(found, dict)
    return found


def _named(audit: Row, check: str) -> str:
    """What the verdict makes of a check."""
    if check in audit["blocking"]:
        return "block"
    return "warn" if check in audit["warnings"] else "none"


def test_every_check_has_a_fixture_that_trips_it_and_one_a_single_change_away() -> None:
    assert {case.check for case in CASES} == {check.id for check in checks(None)}
    assert max(Counter((case.check, case.about) for case in CASES).values()) == 1
    assert all(case.trips != case.spares for case in CASES)


@pytest.mark.parametrize("case", BY_NAME)
def test_the_check_fires_with_the_change_and_only_with_it(case: Case) -> None:
    tripped, spared = case.tripped, case.audit(case.spares)
    assert (_of(tripped, case.check)["weight"], _of(tripped, case.check)["status"]) == (case.weight, case.status)
    assert _of(spared, case.check)["weight"] == case.spared
    for audit, weight in ((tripped, case.weight), (spared, case.spared)):
        assert _named(audit, case.check) == (weight if weight in ("block", "warn") else "none")
    if case.weight == "block":
        assert tripped["verdict"] == "blocked"
    assert not list(schemas.violations("audit", tripped))


@pytest.mark.parametrize("case", BY_NAME)
def test_the_audit_is_told_in_80_columns(case: Case) -> None:
    made = case.tripped
    for told in (text.full(made), text.brief(made)):
        assert max(map(len, told.splitlines())) <= 80
        if case.weight in ("block", "warn"):
            assert f" {case.check}\n" in told
    unknown = any(row["status"] == "unknown" and row["weight"] != "note" for row in made["checks"])
    assert " ".join(text.full(made).split()).count(UNKNOWN) == unknown
