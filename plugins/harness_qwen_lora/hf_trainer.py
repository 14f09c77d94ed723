"""The part of a training that is written in transformers' terms: batches, the loop, the losses it saw.

A module of its own because a class that inherits from transformers' Trainer imports it on sight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from peft import PeftModel
from torch.nn.utils.rnn import pad_sequence
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from harness.errors import HarnessError
from harness.protocols import OnStep
from harness_qwen_lora.encoding import Row

IGNORED = -100
"""The label of a token that carries no loss."""


def run(
    model: PeftModel, rows: Sequence[Row], pad: int, arguments: TrainingArguments, on_step: OnStep
) -> tuple[list[float], int]:
    """Trains to the end. Gives the mean loss per supervised token of each epoch, and the number of optimizer steps.

    Raises HarnessError as soon as a loss is not finite.
    """
    trainer = _Recording(
        model=model,
        args=arguments,
        train_dataset=[tensors(row) for row in rows],
        data_collator=partial(collate, pad=pad),
    )
    record = _Record(trainer, on_step)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(record)
    trainer.train()
    return record.epochs, trainer.state.global_step


def tensors(row: Row) -> dict[str, torch.Tensor]:
    """Ids and labels of one row; the prompt's labels are ignored."""
    ids = torch.tensor(row.ids)
    labels = ids.clone()
    labels[: row.prompt_tokens] = IGNORED
    return {"input_ids": ids, "labels": labels}


def collate(rows: Sequence[dict[str, torch.Tensor]], pad: int) -> dict[str, torch.Tensor]:
    """One batch, padded on the right; padding is told by the mask, because its id may occur in a text."""
    ids = [row["input_ids"] for row in rows]
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=pad),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True, padding_value=0),
        "labels": pad_sequence([row["labels"] for row in rows], batch_first=True, padding_value=IGNORED),
    }


class _Recording(Trainer):
    """A Trainer that adds up its losses, weighted by the tokens they are a mean of."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step_loss = torch.zeros((), device=self.args.device)
        self.step_tokens = torch.zeros((), device=self.args.device)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        result: Any = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = result[0] if return_outputs else result
        # A share of the step's mean: Trainer has divided it by the supervised tokens of the whole step.
        self.step_loss += loss.detach().float()
        self.step_tokens += (inputs["labels"] != IGNORED).sum()
        return result


class _Record(TrainerCallback):
    """Passes each step on and keeps the mean loss of each epoch."""

    def __init__(self, trainer: _Recording, on_step: OnStep) -> None:
        self._trainer = trainer
        self._on_step = on_step
        self._loss = 0.0
        self._tokens = 0.0
        self.epochs: list[float] = []

    def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
        loss, tokens = self._trainer.step_loss.item(), self._trainer.step_tokens.item()
        self._trainer.step_loss.zero_()
        self._trainer.step_tokens.zero_()
        if not math.isfinite(loss):
            step = self._trainer.state.global_step
            raise HarnessError(f"trainer lora: the loss at step {step} is {loss}; lower trainer.learning_rate")
        self._loss += loss * tokens
        self._tokens += tokens
        self._on_step(self._trainer.state.global_step, self._trainer.state.max_steps, loss)

    def on_epoch_end(self, *_args: Any, **_kwargs: Any) -> None:
        self.epochs.append(self._loss / self._tokens)
        self._loss = self._tokens = 0.0
