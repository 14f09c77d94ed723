"""Who answers and in which words: what of a run is not in its plan, and must be the same whenever it goes on.

Recorded at the head of the journal. So a resume can say what has changed, and a replay needs no weights and no device.
"""

from __future__ import annotations

from typing import Any

from harness import changes, files
from harness.crew import Crew
from harness.journal import Journal
from harness.plan import Plan

KEY = "setting"


def of(plan: Plan, crew: Crew) -> dict[str, Any]:
    """The setting of a plan as JSON: the identity of each part that it uses, and examples of the task's prompts."""
    split = plan.splits[0]
    problem = crew.task.problems(split, plan.sizes[split])[0]
    student = {"identity": crew.student.identity, "batch_size": crew.student.batch_size} if plan.asks_student else None
    made: dict[str, Any] = files.plain(
        {
            "teacher": crew.teacher.identity if plan.asks_teacher else None,
            "student": student,
            "trainer": crew.trainer.settings if plan.trains else None,
            "prompts": {
                "solve": crew.task.prompt(problem, None),
                "demonstrate": crew.task.demonstration(problem, None),
            },
        }
    )
    return made


def check(plan: Plan, crew: Crew, journal: Journal) -> None:
    """Records the setting of a new run. Raises UsageError, with the difference, if a run was begun in another one."""
    now = of(plan, crew)
    was = journal.once(KEY, None, lambda: now)
    changes.refuse(
        "this run cannot go on as it was begun", was, now, "Start a new run, or take over what still holds by --fork"
    )
