"""What an audit says, as data for a page: the headline or what stands in its place, the claims, and every check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.audit import FAULTY
from harness.design import designs
from harness.measures import formatting
from harness.output.terminal.audit import heaviest

Data = Mapping[str, Any]
Tone = Literal["bad", "doubt", "good", "plain"]
TONES: Mapping[str, Tone] = {"block": "bad", "warn": "doubt", "note": "plain", "none": "good"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A word with a tone: the word says it all, the tone may colour it."""

    word: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it demands, what it found, what to do."""

    id: str
    mark: Mark
    unknown: bool
    """Whether nothing worse is known of it than that something is not known."""
    rule: str
    advice: str
    heaviest: Sequence[str]
    """Findings that give the check its weight: those that the verdict tells, as the terminal does."""
    faults: Sequence[str]
    """All findings that do not pass, the heaviest first."""
    others: Sequence[str]


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder, or a claim beside it."""

    claim: str
    mark: Mark
    reasons: Sequence[str]
    missing: str
    """What it takes to reach it; empty for a rung that is reached."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader learns first."""

    mark: Mark
    headline: str
    scores: Sequence[str]
    """The trained student's score, once for each training seed; none while the audit blocks."""
    blocking: Sequence[Check]
    unknown: Sequence[Check]
    """What blocks only because nobody knows."""
    warnings: Sequence[Check]
    checks: Sequence[Check]
    rungs: Sequence[Rung]
    own: Sequence[Rung]
    """What the design claims beside the ladder."""
    ruleset: str


def verdict(result: Data, audit: Data) -> Verdict:
    """The verdict of an audit. A blocked one has findings where a clean one has a claim and scores."""
    checks = [_check(check) for check in audit["checks"]]
    blocked, claims = audit["verdict"] == "blocked", audit["claims"]
    blocking = [check for check in checks if check.id in audit["blocking"]]
    return Verdict(
        mark=Mark("blocked", "bad") if blocked else Mark("clean", "good"),
        headline="No score of this result shows a transfer."
        if blocked
        else f"Claim {claims['rung']} of {len(claims['rungs'])}: {claims['claim']}",
        scores=[] if blocked else list(_scores(result)),
        blocking=[check for check in blocking if not check.unknown],
        unknown=[check for check in blocking if check.unknown],
        warnings=[check for check in checks if check.id in audit["warnings"]],
        checks=checks,
        rungs=[_rung(rung, claims["rung"], blocked) for rung in claims["rungs"]],
        own=[_own(claim) for claim in claims.get("own", ())],
        ruleset=audit["ruleset"],
    )


def _scores(result: Data) -> Iterator[str]:
    treatment = designs.of(result).treatment
    for arm in result["arms"]:
        if (arm["arm"], arm["split"]) == (treatment, "test"):
            best = arm["best_trivial"]
            rule = f"{best['rule']} gets {formatting.percent(best['accuracy'])}%" if best else "none"
            yield (
                f"{formatting.named(arm)}: {formatting.share(arm['accuracy'])}% of {arm['n']} problems right "
                f"(95% interval); best trivial rule: {rule}; blank replies: {formatting.blank(arm)}."
            )


def _check(check: Data) -> Check:
    faults = [row for row in check["findings"] if row["status"] in FAULTY]
    faults.sort(key=lambda row: row["severity"] != check["weight"])
    return Check(
        id=check["id"],
        mark=_mark(check),
        unknown=check["status"] == "unknown",
        rule=check["rule"],
        advice=check["advice"],
        heaviest=[_told(row) for row in heaviest(check)],
        faults=[_told(row) for row in faults],
        others=[_told(row) for row in check["findings"] if row["status"] not in FAULTY],
    )


def _mark(check: Data) -> Mark:
    tone = TONES.get(check["weight"], "bad")
    if check["status"] in FAULTY:
        word = {"block": "blocks", "warn": "warns"}.get(check["weight"], "note")
        return Mark(f"unknown, {word}" if check["status"] == "unknown" else word, tone)
    return Mark("does not apply" if check["status"] == "not-applicable" else "passes", tone)


def _told(row: Data) -> str:
    unknown = "unknown: " if row["status"] == "unknown" else ""
    return f"{row['subject']}: {unknown}{row['text']}"


def _rung(rung: Data, reached: int, blocked: bool) -> Rung:
    number, shown = rung["rung"], rung["status"] == "shown"
    if number <= reached:
        mark, missing = Mark("reached", "good"), ""
    elif shown:
        why = "the audit blocks" if blocked else "a rung below it is missing"
        mark, missing = Mark("withheld", "plain"), f"shown by itself, but {why}"
    else:
        mark = Mark(rung["status"].replace("-", " "), "plain")
        missing = f"needs {rung['needs']}"
    return Rung(rung["claim"], mark, rung["reasons"], missing)


def _own(claim: Data) -> Rung:
    shown = claim["status"] == "shown"
    mark = Mark(claim["status"].replace("-", " "), "good" if shown else "plain")
    return Rung(claim["claim"], mark, claim["reasons"], "" if shown else f"needs {claim['needs']}")
