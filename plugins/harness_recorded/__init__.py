"""Teacher `recorded`: what it offers and its one option. The teacher itself is in ``teacher``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from harness.api import Task, Teacher, TeacherSpec, hookimpl

# ``from`` is a word of the language, so the field cannot be written as an attribute.
_FIELDS: dict[str, Any] = {
    "from": (
        str,
        Field(min_length=1, description="Directory of the run whose replies are given again; part of the plan."),
    )
}
Options = create_model("Options", __config__=ConfigDict(frozen=True, extra="forbid"), **_FIELDS)


def origin(options: BaseModel) -> Path:
    """The directory of the run that is given again."""
    return Path(getattr(options, "from"))


def _create(options: BaseModel, task: Task, seed: int) -> Teacher:  # noqa: ARG001 - the factory's signature
    from harness_recorded.teacher import RecordedTeacher

    return RecordedTeacher(origin(options))


@hookimpl
def harness_teachers() -> list[TeacherSpec[Any]]:
    """The one teacher of this plugin."""
    return [
        TeacherSpec(
            name="recorded",
            summary="Gives the replies of an earlier run again, to the same prompts; asks nobody.",
            options=Options,
            create=_create,
            replays=origin,
        )
    ]
