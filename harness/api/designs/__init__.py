"""A design as data: what is done in an experiment, the arms that it makes, and which of them are compared.

arms: who answers, and what for. steps: what is done, in order. design: all of it, and what is asked of it.
checking: what could not be run, or read as it says. Nothing here runs anything. Whoever reads an experiment asks a
design for roles, never for an arm by its name.
"""

from __future__ import annotations

from harness.api.designs.arms import (
    EXPLANATIONS,
    Arm,
    ArmRole,
    Claim,
    Condition,
    Contrast,
    Explanation,
    Recipe,
)
from harness.api.designs.design import Design
from harness.api.designs.steps import Demonstrate, Examine, Learn, ProblemSet, Step, Train

__all__ = [
    "EXPLANATIONS",
    "Arm",
    "ArmRole",
    "Claim",
    "Condition",
    "Contrast",
    "Demonstrate",
    "Design",
    "Examine",
    "Explanation",
    "Learn",
    "ProblemSet",
    "Recipe",
    "Step",
    "Train",
]
