"""Who answers and in which words, by which source: what of a run is not in its plan, and must be the same to go on.

Recorded at the head of the journal. So a resume can say what has changed, and a replay needs no weights and no device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.api import UsageError
from harness.boundary import differences, files
from harness.boundary.faults import suspected
from harness.boundary.text import one_line
from harness.design.plan import Plan
from harness.design.planned import PlannedPlugin
from harness.journal import keys
from harness.journal.store import Journal
from harness.preflight import problems
from harness.preflight.components import Components
from harness.registry import sources as installed

SOURCES = "sources"
"""The field of an identity with the digests of the sources. A journal that an earlier version began has none."""
UNKNOWN = (
    "of the source of some plugin no digest is recorded, as by versions that recorded none: whether the plugin has "
    "changed since the run began cannot be told"
)
"""What a run that goes on without knowing warns of."""


@suspected("asking the parts of the run who they are", UsageError)
def of(plan: Plan, components: Components) -> dict[str, Any]:
    """The identity of a run as JSON: that of each part that it uses, and examples of the task's prompts."""
    problem = problems.of_set(plan, components.task, plan.splits[0])[0]
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


def sources(plan: Plan) -> dict[str, str | None]:
    """The digest of the source of each plugin that a result depends on, by kind; None for one that cannot be read."""
    used = {
        "design": True,
        "task": True,
        "verifier": True,
        "teacher": plan.asks_teacher,
        "student": plan.asks_student or plan.trains,
        "reflection": plan.learns,
        "trainer": plan.trains,
    }
    by_package: dict[tuple[str, str], str | None] = {}
    for kind, choice in plan.plugins.items():
        place = choice.target, choice.distribution
        if used[kind] and place not in by_package:
            by_package[place] = installed.digest(*place)
    return {kind: by_package[choice.target, choice.distribution] for kind, choice in plan.plugins.items() if used[kind]}


def recorded_sources(journal: Journal) -> dict[str, str | None] | None:
    """The digests that a run was begun with; None where none were recorded."""
    found: dict[str, str | None] | None = (journal.recorded(keys.IDENTITY) or {}).get(SOURCES)
    return found


def changed(plan: Plan, was: Mapping[str, str | None] | None) -> list[str]:
    """The plugins whose source is known to be another one now, each as a person would name it."""
    now = sources(plan)
    return [
        _named(kind, plan.plugins[kind])
        for kind in now
        if (known := (was or {}).get(kind)) is not None and known != now[kind]
    ]


def is_known(plan: Plan, was: Mapping[str, str | None] | None) -> bool:
    """Whether the source of every plugin that a result depends on was recorded."""
    return was is not None and all(was.get(kind) is not None for kind in sources(plan))


def _named(kind: str, choice: PlannedPlugin) -> str:
    return f"{kind} {choice.name!r} ({choice.distribution} {choice.version}, {choice.target})"


def check(plan: Plan, components: Components, journal: Journal) -> None:
    """Records the identity of a new run. Raises UsageError, with the difference, if it was begun with another.

    Of the sources see ``refuse_changed_sources``.
    """
    now = of(plan, components)
    was = journal.once(keys.IDENTITY, None, lambda: now | {SOURCES: sources(plan)})
    differences.refuse(
        "this run cannot go on as it was begun",
        {key: value for key, value in was.items() if key != SOURCES},
        now,
        "Start a new run, or take over what still holds by --fork",
    )


def refuse_changed_sources(plan: Plan, journal: Journal) -> None:
    """Raises UsageError, with the plugins, if the source of one is known to be another than that of the run."""
    if others := changed(plan, recorded_sources(journal)):
        raise UsageError(
            one_line(
                f"this run cannot go on as it was begun: the source of {' and of '.join(others)} has changed since. "
                "Put back what was, start a new run, or take over what still holds by --fork"
            )
        )


def warnings_of(plan: Plan, journal: Journal) -> list[str]:
    """What there is to say of a finished run whose plugins are others by now."""
    return [
        f"the source of {other} has changed since this run; what is told here is what it was then"
        for other in changed(plan, recorded_sources(journal))
    ]
