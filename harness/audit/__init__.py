"""The audit: what forbids to read a result as it seems, and what it supports if nothing does.

A pure function of the result, and of what differs between it and its rows. Missing evidence is unknown, never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from harness.api import Check, Finding, MissingEvidenceError, Severity
from harness.audit import claims
from harness.audit.checks import RULESET, CoreCheck, checks
from harness.audit.checks.provenance import selected
from harness.audit.evidence import Evidence
from harness.boundary import files

SCHEMA = "urn:transfer-harness:schema:audit:1.0"
FAULTY = ("fail", "unknown")
WORST = ("fail", "unknown", "pass", "not-applicable")
EXIT_BLOCKED = 3
UNKNOWN = "What is not known does not pass: give the audit what it says is missing, or claim nothing that rests on it."
"""What to do about a check of which nothing worse is known: its own advice speaks of what was found."""


def audit(
    result: Mapping[str, Any],
    mismatches: Sequence[str] | None,
    plugins: Sequence[Check] = (),
    on_broken: Callable[[BaseException], None] | None = None,
) -> dict[str, Any]:
    """The audit of a result, as plain data.

    ``mismatches``: what differs from the rows; None where there are none. ``plugins``: checks beside those of the
    harness. A check of a plugin that breaks is unknown, and ``on_broken`` is told with what; one of the harness raises
    what it breaks with.
    """
    checked = [_checked(check, result, on_broken) for check in (*checks(mismatches), *plugins)]
    blocking = [check["id"] for check in checked if check["weight"] == "block"]
    return {
        "schema": SCHEMA,
        "ruleset": RULESET,
        "result_sha256": files.digest(result),
        "simulated": list(result.get("simulated") or []),
        "verdict": "blocked" if blocking else "clean",
        "blocking": blocking,
        "warnings": [check["id"] for check in checked if check["weight"] == "warn"],
        "checks": checked,
        "claims": claims.ladder(Evidence(result), bool(blocking), _faults(checked), selected(Evidence(result))),
    }


def _faults(checked: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong on the harder split, but for what the rung that reads it looks at by itself."""
    return [
        f"{check['id']}: {row['subject']}: {row['text']}"
        for check in checked
        if check["id"] not in claims.READ_BY_RUNGS
        for row in check["findings"]
        if row["split"] == "harder" and row["status"] in FAULTY and row["severity"] != "note"
    ]


def _checked(
    check: Check, result: Mapping[str, Any], on_broken: Callable[[BaseException], None] | None
) -> dict[str, Any]:
    evidence = Evidence(result)
    found: list[Finding] = []
    try:
        for each in check.look(evidence):
            found.append(_sound(each))
    except MissingEvidenceError as error:
        found.append(Finding("run", "unknown", str(error)))
    except BaseException as error:
        if isinstance(check, CoreCheck) or isinstance(error, KeyboardInterrupt):
            raise  # a fault of the harness is one to be seen
        if on_broken:
            on_broken(error)
        found.append(Finding("run", "unknown", f"the check broke: {type(error).__name__}"))
    rows = [
        {
            "subject": each.subject,
            "split": each.split,
            "status": each.status,
            "severity": each.severity or check.severity,
            "text": each.text,
        }
        for each in found
    ]
    weight = _weight(rows)
    status = _status(rows, weight)
    return {
        "id": check.id,
        "rule": check.rule,
        "severity": check.severity,
        "advice": UNKNOWN if status == "unknown" else check.advice,
        "status": status,
        "weight": weight,
        "findings": rows,
        "read": evidence.read,
    }


def _sound(finding: object) -> Finding:
    """What a check gave, if it is a finding: a plugin may give anything."""
    if not isinstance(finding, Finding) or finding.status not in WORST:
        raise TypeError("not a finding")
    texts = finding.subject, finding.text, finding.split or ""
    if finding.severity not in (None, *get_args(Severity)) or not all(map(is_text, texts)):
        raise TypeError("not a finding")
    return finding


def is_text(value: object) -> bool:
    """Whether a value that a plugin gave is text that a file can hold: half of a surrogate pair is not."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _weight(rows: Sequence[Mapping[str, Any]]) -> str:
    """The heaviest of what does not pass: ``block``, ``warn``, ``note``, or ``none``."""
    weights = {row["severity"] for row in rows if row["status"] in FAULTY}
    return next((weight for weight in ("block", "warn", "note") if weight in weights), "none")


def _status(rows: Sequence[Mapping[str, Any]], weight: str) -> str:
    """The worst status of what weighs most."""
    heaviest = [row["status"] for row in rows if weight in ("none", row["severity"])]
    return min(heaviest, key=WORST.index, default="not-applicable")
