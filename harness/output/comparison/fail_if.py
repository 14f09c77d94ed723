"""Conditions on a comparison, such as ``student-lora.accuracy < -0.02``: read strictly, and looked up.

What is compared, and how, is in ``compare``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.api import Design, UsageError
from harness.boundary.text import did_you_mean
from harness.design.transfer import TRANSFER
from harness.output.comparison.compare import METRICS

EXAMPLE = f"{TRANSFER.treatment}.accuracy < -0.02"
FORM = f"ARM[/SPLIT].METRIC[.low|.high] OPERATOR NUMBER, such as {EXAMPLE!r}"
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LIMITS = ("value", "low", "high")
_NAME = r"[A-Za-z0-9_-]{1,64}"
_PATTERN = re.compile(
    rf"""
    \s* ({_NAME}) (?: / ({_NAME}) )?  # arm, split
    \. ({_NAME}) (?: \. ({_NAME}) )?  # metric, limit
    \s* ( <= | >= | < | > )
    \s* ( [+-]? (?: \d{{1,20}} \.? \d{{0,20}} | \. \d{{1,20}} ) ) \s*
    """,
    re.ASCII | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A bound on the difference B minus A of one metric of one arm, as a share of the problems."""

    text: str
    arm: str
    split: str
    metric: str
    limit: str
    """``value`` for the difference itself, ``low`` or ``high`` for a limit of its interval."""
    operator: str
    number: float


def parse(text: str, design: Design) -> Condition:
    """Reads a condition on arms of a design; the split is by default the first of the arm. Raises UsageError."""
    matched = _PATTERN.fullmatch(text)
    if matched is None:
        raise UsageError(f"--fail-if: got {text[:100]!r}, expected {FORM}")
    arm, split, metric, limit, sign, number = matched.groups()
    _known("arm", arm, design.names)
    splits = design.arm(arm).splits
    _known(f"split of {arm}", split or splits[0], splits)
    _known("metric", metric, METRICS)
    _known("part of a difference", limit or "value", LIMITS)
    if abs(float(number)) > 1:
        raise UsageError(
            f"--fail-if: {text.strip()!r}: {number} is no share; give one from -1 to 1, such as -0.02 for two points"
        )
    return Condition(text.strip(), arm, split or splits[0], metric, limit or "value", sign, float(number))


def _known(what: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise UsageError(f"--fail-if: no {what} {name!r};{did_you_mean(name, names)} known: {', '.join(names)}")


def judge(condition: Condition, comparison: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a condition holds, with the number it is about.

    Raises UsageError where the comparison does not have that number: what is not known must not pass.
    """
    for entry in comparison["arms"]:
        if (entry["arm"], entry["split"]) == (condition.arm, condition.split):
            difference = entry["difference"][condition.metric]
            break
    else:
        splits = [f"{entry['arm']}/{entry['split']}" for entry in comparison["arms"] if entry["arm"] == condition.arm]
        compared = ", ".join(splits or dict.fromkeys(entry["arm"] for entry in comparison["arms"]))
        raise UsageError(
            f"--fail-if: {condition.text!r}: {condition.arm}/{condition.split} is not compared; compared: {compared}"
        )
    if difference is None:
        raise UsageError(
            f"--fail-if: {condition.text!r}: {condition.metric} of {condition.arm}/{condition.split} is not known in "
            "both results; use another metric"
        )
    value = difference[condition.limit]
    holds = OPERATORS[condition.operator](value, condition.number)
    return {"condition": condition.text, "value": value, "holds": holds}
