"""A trainer that knows of its student what `harness.api` says, and trains another kind of adapter in a loop of its own.

Installed by a test as a distribution of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from harness.api import (
    Example,
    Json,
    LocalModel,
    OnStep,
    Student,
    TokenRow,
    TrainerSpec,
    TrainingReport,
    UsageError,
    hookimpl,
)

ENTRY_POINTS = "[harness.trainers]\nia3 = tests.ia3\n"
EPOCHS, BATCH, RATE, LENGTH = 2, 4, 1e-2, 1024


class NoOptions(BaseModel):
    """None."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ia3Trainer:
    """IA3 on the replies' tokens."""

    settings: Mapping[str, Json] = {"method": "ia3", "epochs": EPOCHS, "batch_size": BATCH, "learning_rate": RATE}

    def __init__(self, options: NoOptions) -> None:
        pass

    def preflight(self, student: Student) -> None:
        """Raises UsageError for a student whose weights are elsewhere."""
        if not isinstance(student, LocalModel):
            raise UsageError(
                f"trainer ia3: student {student.identity.get('model')!r} is no local model; choose another"
            )

    def train(
        self, student: Student, examples: Sequence[Example], seed: int, folder: Path, on_step: OnStep
    ) -> TrainingReport:
        """Plain AdamW, row after row."""
        import torch
        from peft import IA3Config, get_peft_model

        assert isinstance(student, LocalModel)
        tokens, began = student.chat(), time.perf_counter()
        rows = [tokens.row(example, LENGTH) for example in examples]
        losses: list[float] = []
        torch.manual_seed(seed)
        with student.lend() as base:
            model: Any = get_peft_model(
                base,
                IA3Config(
                    task_type="CAUSAL_LM",
                    target_modules=["k_proj", "v_proj", "down_proj"],
                    feedforward_modules=["down_proj"],
                ),
            ).train()
            optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=RATE)
            steps = list(_batches(rows)) * EPOCHS
            for step, batch in enumerate(steps, 1):
                optimizer.zero_grad()
                loss = sum(row.weight * _loss(model, row) for row in batch) / len(batch)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                on_step(step, len(steps), losses[-1])
            model.save_pretrained(str(folder), save_embedding_layers=False)
            model.unload()
        each_epoch = len(steps) // EPOCHS
        return TrainingReport(
            settings=self.settings,
            examples=len(rows),
            steps=len(steps),
            losses=tuple(sum(losses[at : at + each_epoch]) / each_epoch for at in range(0, len(losses), each_epoch)),
            supervised_tokens=sum(row.supervised_tokens for row in rows),
            prompt_tokens=sum(row.prompt_tokens for row in rows),
            truncated_rows=sum(row.truncated for row in rows),
            seconds=time.perf_counter() - began,
            peak_memory_bytes=0,
        )


def _batches(rows: Sequence[TokenRow]) -> Iterator[Sequence[TokenRow]]:
    return (rows[at : at + BATCH] for at in range(0, len(rows), BATCH))


def _loss(model: Any, row: TokenRow) -> Any:
    """Mean cross-entropy of a reply's tokens."""
    import torch

    ids = torch.tensor([row.ids], device=model.device)
    labels = ids.clone()
    labels[:, : row.prompt_tokens] = -100
    return model(input_ids=ids, labels=labels).loss


@hookimpl
def harness_trainers() -> list[TrainerSpec[NoOptions]]:
    """This trainer."""
    return [TrainerSpec(name="ia3", summary="IA3.", options=NoOptions, create=Ia3Trainer)]
