"""Teacher `claude`: any model behind Anthropic's Messages API, paid for by the token.

Only the description is here. The teacher is in ``teacher``, one call in ``client``, many in ``calls`` and ``batches``.
"""

from __future__ import annotations

from harness.api import Task, Teacher, TeacherSpec, hookimpl
from harness_claude.options import Options


def _create(options: Options, task: Task, seed: int) -> Teacher:  # noqa: ARG001 - a served model has no seed
    from harness_claude.teacher import create

    return create(options)


@hookimpl
def harness_teachers() -> list[TeacherSpec[Options]]:
    """The one teacher of this plugin."""
    return [
        TeacherSpec(
            name="claude",
            summary="A Claude model, or any other behind a server that speaks the Messages API. Spends money.",
            options=Options,
            create=_create,
        )
    ]
