from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.audit import UNKNOWN, audit
from harness.audit.checks import checks
from harness.boundary import schemas
from harness.output.terminal import audit as text
from tests.harness.audit.cases import CASES, Case
from tests.harness.audit.results import Row, honest

BY_NAME = [pytest.param(case, id=f"{case.check}: {case.about}") for case in CASES]
FINDINGS = Path(__file__).with_name("findings.txt")
"""What each check finds; `python -m tests.harness.audit.test_checks > tests/harness/audit/findings.txt` writes it."""


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
    tripped, spared = case.tripped, case.spared_run
    assert (_of(tripped, case.check)["weight"], _of(tripped, case.check)["status"]) == (case.weight, case.status)
    assert _of(spared, case.check)["weight"] == case.spared
    for made, weight in ((tripped, case.weight), (spared, case.spared)):
        assert _named(made, case.check) == (weight if weight in ("block", "warn") else "none")
    if case.weight == "block":
        assert tripped["verdict"] == "blocked"
    assert not list(schemas.violations("audit", tripped))


def _told(check: Row) -> list[str]:
    return [f"{row['status']} {row['severity']} {row['subject']}: {row['text']}" for row in check["findings"]]


def _section(case: Case) -> str:
    """What a check says with a change and not without it, and the other way round."""
    tripped, spared = (_told(_of(made, case.check)) for made in (case.tripped, case.spared_run))
    differ = [*(f"  + {line}" for line in tripped if line not in spared)]
    differ += [f"  - {line}" for line in spared if line not in tripped]
    return "\n".join([f"{case.check}: {case.about}", *differ])


def _sound() -> str:
    """What every check says of a run in which nothing is wrong."""
    told = [
        f"  {check['id']}: {line}" for check in audit(honest(seeds=1).result(), [])["checks"] for line in _told(check)
    ]
    return "\n".join(["an honest run", *told])


@pytest.fixture(scope="module")
def written() -> list[str]:
    return FINDINGS.read_text().rstrip("\n").split("\n\n")


def test_the_checks_say_of_an_honest_run_what_they_looked_at(written: list[str]) -> None:
    assert _sound() == written[0]


@pytest.mark.parametrize("case", BY_NAME)
def test_the_check_says_what_it_finds(case: Case, written: list[str]) -> None:
    assert _section(case) == written[1 + CASES.index(case)]


@pytest.mark.parametrize("case", BY_NAME)
def test_the_audit_is_told_in_80_columns(case: Case) -> None:
    made = case.tripped
    for told in (text.full(made), text.brief(made)):
        assert max(map(len, told.splitlines())) <= 80
        if case.weight in ("block", "warn"):
            assert f" {case.check}\n" in told
    unknown = any(row["status"] == "unknown" and row["weight"] != "note" for row in made["checks"])
    assert " ".join(text.full(made).split()).count(UNKNOWN) == unknown


if __name__ == "__main__":
    print("\n\n".join([_sound(), *map(_section, CASES)]))
