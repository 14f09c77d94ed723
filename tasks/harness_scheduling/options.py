"""The options of task ``scheduling`` and of verifier ``sweep-line``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


class SchedulingOptions(BaseModel):
    """Which problems are drawn, and from which seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    distribution: Literal["balanced", "published"] = Field(
        "balanced",
        description="balanced: as many YES as NO in every stratum, and splits that share no problem; published: the "
        "sets of the published experiment, draw for draw",
    )
    drift: Literal["harder", "none"] = Field(
        "harder",
        description="harder: from window to window more problems with six meetings and more, from none to all; none: "
        "every window like the first; always balanced, with a longer day or longer meetings than the splits",
    )
    reflect_seed: int = Field(42, ge=0, description="seed of the problems to reflect on; the run's seed is added")
    test_seed: int = Field(
        123, ge=0, description="seed of the test problems and of the harder ones; the run's seed is added"
    )
    train_seed: int = Field(999, ge=0, description="seed of the problems to train on; the run's seed is added")

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Without the usual drift, so that a plan from before there was one is still the same plan."""
        written: dict[str, object] = write(self)
        return {name: value for name, value in written.items() if (name, value) != ("drift", "harder")}


class SweepLineOptions(BaseModel):
    """Nothing to choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")
