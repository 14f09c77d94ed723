"""Makes docs/audit.md: every check with its rule, and the claims, from the code; the rest from tools/pages.

python -m tools.audit_page > docs/audit.md
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from harness.audit.checks import RULESET, CoreCheck, checks
from harness.audit.claims import NOTHING, rungs
from harness.design.transfer import TRANSFER

PAGES = Path(__file__).parent / "pages"
LADDER = """\
## The claim ladder

A result supports a claim only if it supports every one before it, and none while the audit blocks.

| rung | claim | what it needs |
|---|---|---|
"""


def page() -> str:
    """The page as Markdown."""
    rows = [f"| 0 | {NOTHING} | |", *(f"| {rung.number} | {rung.claim} | {rung.needs} |" for rung in rungs(TRANSFER))]
    head = (PAGES / "audit_head.md").read_text("utf-8").format(ruleset=RULESET)
    why = reasons()
    sections = [_section(check, why[check.id]) for check in checks(None)]
    own = (PAGES / "audit_own_claims.md").read_text("utf-8")
    return "\n".join([head, *sections, LADDER + "\n".join(rows), "", own])


def reasons() -> dict[str, str]:
    """Why each check is there, by its id."""
    sections = (PAGES / "audit_reasons.md").read_text("utf-8").removeprefix("## ").split("\n## ")
    return {name: text.strip() for name, _, text in (section.partition("\n") for section in sections)}


def _section(check: CoreCheck, why: str) -> str:
    weight = "blocks" if check.severity == "block" else "warns"
    rule = textwrap.fill(f"**{check.rule}** ({weight})", 118, break_on_hyphens=False)
    advice = textwrap.fill(f"What to do: {check.advice}", 118, break_on_hyphens=False)
    return f"## {check.id}\n\n{rule}\n\n{why}\n\n{advice}\n"


if __name__ == "__main__":
    print(page(), end="")
