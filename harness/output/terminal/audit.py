"""An audit for the terminal, in 80 columns: the verdict, what does not pass, the checks in one table, the claims.

Figures in it are counts and differences; an accuracy stands only in a summary, beside what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.audit import FAULTY, UNKNOWN
from harness.output.terminal import filled

MOST = 4
"""At most so many findings of one check are told in full."""


def full(audit: Mapping[str, Any]) -> str:
    """Everything: verdict, every check with what it found, claims."""
    lines = [verdict(audit), ""]
    for check in audit["checks"]:
        lines += [f"  {_mark(check):<8} {check['id']}"]
        lines += list(_findings(check)) if check["weight"] != "none" else []
    return "\n".join([*lines, *_unknown(audit), "", *_claims(audit)])


def brief(audit: Mapping[str, Any], run: str = "RUN") -> str:
    """The verdict with what forbids or weakens a claim, and the claims: what a run ends with."""
    lines = [verdict(audit)]
    for check in audit["checks"]:
        if check["weight"] in ("block", "warn"):
            lines += [f"  {_mark(check):<8} {check['id']}", *_findings(check)]
    lines += [*_unknown(audit), *_claims(audit, reasons=False)]
    return "\n".join([*lines, f"everything that was checked: harness audit {run}"])


def wrong(audit: Mapping[str, Any]) -> str:
    """What was found wrong, without what is not known."""
    lines = []
    for check in audit["checks"]:
        if check["weight"] in ("block", "warn") and check["status"] == "fail":
            lines += [f"  {_mark(check):<8} {check['id']}", *_findings(check)]
    return "\n".join(lines)


def verdict(audit: Mapping[str, Any]) -> str:
    """``audit: blocked by constant-score, overlap``, or ``audit: clean``."""
    warned = audit["warnings"]
    told = f", {len(warned)} warning{'s' if len(warned) > 1 else ''}: {', '.join(warned)}" if warned else ""
    simulated = f" SIMULATED: {', '.join(audit['simulated'])}." if audit["simulated"] else ""
    if audit["verdict"] == "blocked":
        told = f"audit: BLOCKED {'; '.join(_reasons(audit))}{told}. No score of this result shows a transfer."
    else:
        told = f"audit: clean{told}."
    return filled(f"{told}{simulated}", "", "  ")


def _reasons(audit: Mapping[str, Any]) -> Iterator[str]:
    """What blocks: that which was found wrong, then that which nobody knows."""
    status = {check["id"]: check["status"] for check in audit["checks"]}
    for introduction, wanted in (("by", "fail"), ("by what is not known:", "unknown")):
        names = [name for name in audit["blocking"] if status[name] == wanted]
        if names:
            yield f"{introduction} {', '.join(names)}"


def _mark(check: Mapping[str, Any]) -> str:
    if check["weight"] in ("block", "warn"):
        return str(check["weight"]).upper() if check["status"] == "fail" else "UNKNOWN"
    if check["status"] == "not-applicable":
        return "n/a"
    return "note" if check["weight"] == "note" else "pass"


def heaviest(check: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The findings of a check that do not pass and give it its weight. Lighter ones are told among all checks alone."""
    return [row for row in check["findings"] if row["severity"] == check["weight"] and row["status"] in FAULTY]


def _findings(check: Mapping[str, Any]) -> Iterator[str]:
    """What does not pass, the heaviest first, and what to do."""
    heavy = heaviest(check)
    for row in heavy[:MOST]:
        unknown = "unknown: " if row["status"] == "unknown" else ""
        yield filled(f"{row['subject']}: {unknown}{row['text']}", " " * 11, " " * 13)
    if len(heavy) > MOST:
        yield f"{' ' * 11}... and {len(heavy) - MOST} more"
    if check["weight"] != "note" and check["advice"] != UNKNOWN:
        yield filled(f"-> {check['advice']}", " " * 11, " " * 14)


def _unknown(audit: Mapping[str, Any]) -> Iterator[str]:
    """What to do about all checks of which nothing worse is known, told once."""
    if any(check["advice"] == UNKNOWN and check["weight"] in ("block", "warn") for check in audit["checks"]):
        yield filled(UNKNOWN, "  ", "  ")


def _claims(audit: Mapping[str, Any], reasons: bool = True) -> Iterator[str]:
    """The ladder with all its reasons, or with those of the first rung that is missing alone."""
    claims = audit["claims"]
    yield filled(f"claim {claims['rung']} of {len(claims['rungs'])}: {claims['claim']}", "", "  ")
    for rung in claims["rungs"]:
        mark = "x" if rung["rung"] <= claims["rung"] else " "
        yield f"  [{mark}] {rung['rung']} {rung['claim']}"
        if not reasons and rung["rung"] != claims["rung"] + 1:
            continue
        for reason in rung["reasons"]:
            yield filled(reason, " " * 8, " " * 10)
        if rung["rung"] == claims["rung"] + 1:
            why = "the audit blocks" if audit["verdict"] == "blocked" else rung["status"].replace("-", " ")
            yield filled(f"{why}; it needs {rung['needs']}", " " * 8, " " * 10)
    for own in claims.get("own", ()):
        yield filled(f"[{'x' if own['status'] == 'shown' else ' '}] {own['claim']}", "  ", "      ")
        for reason in own["reasons"]:
            yield filled(reason, " " * 8, " " * 10)
        if own["status"] != "shown":
            yield filled(f"{own['status'].replace('-', ' ')}; it needs {own['needs']}", " " * 8, " " * 10)
