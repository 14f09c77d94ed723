"""Designs `cycles`, `ensemble` and `stream`: what comes after a single transfer.

Each is data, in a module of its own; here is what they have in common, and how they are offered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.api import DesignSpec, hookimpl
from harness_designs import cycles, ensemble, stream


@hookimpl
def harness_designs() -> Iterable[DesignSpec[Any]]:
    """The designs of this plugin."""
    return [
        DesignSpec(
            name="cycles",
            summary="Recursive improvement: the teacher learns from the student's errors, round after round.",
            options=cycles.Options,
            create=cycles.design,
            defaults={"sizes": {"train": 60}},  # so that the first round leaves something to learn
        ),
        DesignSpec(
            name="ensemble",
            summary="Several strategies: one student on a mixture of them, and a vote of a student for each.",
            options=ensemble.Options,
            create=ensemble.design,
        ),
        DesignSpec(
            name="stream",
            summary="Continuous adaptation: problems drift from window to window, and the student goes with them.",
            options=stream.Options,
            create=stream.design,
            defaults={"sizes": {"train": 100}},
        ),
    ]
