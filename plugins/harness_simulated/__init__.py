"""Teacher `simulated`: what it offers and its options.

The teacher itself is in ``teacher``, what it writes and reads in ``journal``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Task, Teacher, TeacherSpec, hookimpl


class Options(BaseModel):
    """Options of teacher `simulated`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    naive_rule: str = Field(
        default="",
        description="Name of the task's rule to hold while the strategy states none; "
        "empty for the task's first rule that is not trivial.",
    )
    final_rule: str = Field(
        default="",
        description="Name of the task's rule that every distillation arrives at, whatever the journal says; "
        "empty to go by the evidence.",
    )
    slip: float = Field(
        default=0.03, ge=0, le=1, description="Probability of a wrong last line after right steps, in an answer."
    )
    demonstration_slip: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="The same in a worked solution for a student; 0 because noise in training labels is a factor to "
        "vary on purpose.",
    )
    min_evidence: int = Field(
        default=10,
        ge=1,
        description="Problems on which a rule must be compared with the current one before it can replace it.",
    )


def _create(options: Options, task: Task, seed: int) -> Teacher:
    from harness_simulated.teacher import SimulatedTeacher

    return SimulatedTeacher(options, task, seed)


@hookimpl
def harness_teachers() -> list[TeacherSpec[Options]]:
    """The one teacher of this plugin."""
    return [
        TeacherSpec(
            name="simulated",
            summary="Offline stand-in for a teacher model: carries out a rule of the task and learns a better one.",
            options=Options,
            create=_create,
            simulated=True,
        )
    ]
