"""Makes docs/published_numbers.md: what the published tables show, in the words of the audit.

python -m tools.published_page > docs/published_numbers.md
"""

from __future__ import annotations

from pathlib import Path

from harness.audit import audit
from harness.design.plan import UserSettings
from harness.output.terminal import audit as text
from harness.results.published import imported

TABLES = Path(__file__).parents[1] / "docs" / "published"
PAGE = Path(__file__).parent / "pages" / "published_numbers.md"


def page() -> str:
    """The page as Markdown."""
    return PAGE.read_text("utf-8").format(
        main=_audit("table.csv"), later=_brief("later_table.csv"), smaller=_brief("smaller_student.csv")
    )


def _audit(name: str) -> str:
    user = UserSettings({"task": "scheduling", "preset": "published"})
    return text.full(audit(imported(TABLES / name, user), None))


def _brief(name: str) -> str:
    """What was found wrong, without what is not known."""
    user = UserSettings({"task": "scheduling", "preset": "published"})
    return text.wrong(audit(imported(TABLES / name, user), None))


if __name__ == "__main__":
    print(page(), end="")
