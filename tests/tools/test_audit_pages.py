from __future__ import annotations

from pathlib import Path

from harness.audit.checks import checks
from tools import audit_page, published_page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_the_audit_is_that_of_the_code() -> None:
    assert (DOCS / "audit.md").read_text() == audit_page.page(), (
        "docs/audit.md is out of date: python -m tools.audit_page > docs/audit.md"
    )


def test_every_check_has_its_reason_and_every_reason_its_check() -> None:
    assert audit_page.reasons().keys() == {check.id for check in checks(None)}


def test_the_page_of_the_published_numbers_shows_what_the_audit_says_of_them() -> None:
    assert (DOCS / "published_numbers.md").read_text() == published_page.page(), (
        "docs/published_numbers.md is out of date: python -m tools.published_page > docs/published_numbers.md"
    )
