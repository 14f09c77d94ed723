"""Reflection `lrl`, Linguistic Reinforcement Learning: what it offers and its options.

The way it learns is in ``learning``, the words it asks in are in ``prompts``.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Reflection, ReflectionSpec, Task, hookimpl


class Options(BaseModel):
    """Options of reflection `lrl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch_size: int = Field(
        default=10, ge=1, description="Problems that are tried before the teacher writes a journal entry."
    )
    distil_every: int = Field(
        default=5, ge=1, description="Batches after which the journal is distilled into a new strategy."
    )
    seed_strategy: str = Field(default="", description="The strategy to start from; empty for the task's own.")
    max_reply_chars: int = Field(
        default=2000,
        ge=200,
        description="Characters of one reply that a reflection is shown; of a longer one, both ends.",
    )
    max_entry_chars: int = Field(
        default=4000,
        ge=200,
        description="Characters of one journal entry that a distillation is shown; of a longer one, both ends.",
    )


def _create(options: Options, task: Task) -> Reflection:
    from harness_lrl.learning import LinguisticReinforcement

    return LinguisticReinforcement(options, task)


@hookimpl
def harness_reflections() -> list[ReflectionSpec[Options]]:
    """The one reflection strategy of this plugin."""
    return [
        ReflectionSpec(
            name="lrl",
            summary="A journal entry after each batch of problems, a strategy distilled from the journal every few.",
            options=Options,
            create=_create,
        )
    ]
