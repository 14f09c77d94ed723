"""Who answers and in which words: what of a run is not in its plan, and must be the same whenever it goes on.

Recorded at the head of the journal. So a resume can say what has changed, and a replay needs no weights and no device.
"""

from __future__ import annotations

from typing import Any

from harness.api import UsageError
from harness.boundary import differences, files
from harness.boundary.faults import suspected
from harness.design.plan import Plan
from harness.journal import keys
from harness.journal.store import Journal
from harness.preflight.components import Components


@suspected("asking the parts of the run who they are", UsageError)
def of(plan: Plan, components: Components) -> dict[str, Any]:
    """The identity of a run as JSON: that of each part that it uses, and examples of the task's prompts."""
    split = plan.splits[0]
    problem = components.task.problems(split, plan.sizes[split])[0]
    student = (
        {"identity": components.student.identity, "batch_size": components.student.batch_size}
        if plan.asks_student
        else None
    )
    made: dict[str, Any] = files.plain(
        {
            "teacher": components.teacher.identity if plan.asks_teacher else None,
            "student": student,
            "trainer": components.trainer.settings if plan.trains else None,
            "prompts": {
                "solve": components.task.prompt(problem, None),
                "demonstrate": components.task.demonstration(problem, None),
            },
        }
    )
    return made


def check(plan: Plan, components: Components, journal: Journal) -> None:
    """Records the identity of a new run. Raises UsageError, with the difference, if it was begun with another."""
    now = of(plan, components)
    was = journal.once(keys.IDENTITY, None, lambda: now)
    differences.refuse(
        "this run cannot go on as it was begun", was, now, "Start a new run, or take over what still holds by --fork"
    )
