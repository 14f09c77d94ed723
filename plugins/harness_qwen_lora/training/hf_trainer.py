"""The part of a training that is written in transformers' terms: batches, their order, the loss, the loop.

A module of its own because a class that inherits from transformers' Trainer imports it on sight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from peft import PeftModel
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from harness.api import HarnessError, OnStep, TokenRow
from harness_qwen_lora.generation import known_arguments

IGNORED = -100
"""The label of a token that carries no loss."""


def run(
    model: PeftModel, rows: Sequence[TokenRow], pad: int, arguments: TrainingArguments, on_step: OnStep
) -> tuple[list[float], int]:
    """Trains to the end. Gives the mean loss per supervised token of each epoch, and the number of optimizer steps.

    Raises HarnessError as soon as a loss is not finite. Run in several processes, it does what one would do: each takes
    its share of every step, and ``on_step`` is called in each.
    """
    # What evens out the shares of several processes; it is never drawn otherwise.
    filler = TokenRow((pad,), 1, truncated=False)
    trainer = _Recording(
        model=SupervisedLoss(model),
        args=arguments,
        train_dataset=[tensors(row) for row in (*rows, filler)],
        data_collator=partial(collate, pad=pad),
    )
    record = _Record(trainer, on_step)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(record)
    trainer.train()
    return record.epochs, trainer.state.global_step


def tensors(row: TokenRow) -> dict[str, torch.Tensor]:
    """Ids, labels and weight of one row; the prompt's labels are ignored."""
    ids = torch.tensor(row.ids)
    labels = ids.clone()
    labels[: row.prompt_tokens] = IGNORED
    return {"input_ids": ids, "labels": labels, "weight": torch.tensor(row.weight)}


def collate(rows: Sequence[dict[str, torch.Tensor]], pad: int) -> dict[str, torch.Tensor]:
    """One batch, padded on the right; padding is told by the mask, because its id may occur in a text.

    ``logits_to_keep`` holds the positions from which a supervised token of some row is predicted.
    """
    ids = [row["input_ids"] for row in rows]
    labels = pad_sequence([row["labels"] for row in rows], batch_first=True, padding_value=IGNORED)
    return {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=pad),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True, padding_value=0),
        "labels": labels,
        "weights": torch.stack([row["weight"] for row in rows]),
        "logits_to_keep": (labels[:, 1:] != IGNORED).any(dim=0).nonzero().squeeze(1),
    }


class SupervisedLoss(torch.nn.Module):
    """A model that gives its loss and nothing else.

    Logits exist only where a supervised token is predicted, and in float32 for one row at a time: over whole prompts
    and a vocabulary of 150,000 they would be the largest thing in memory.
    """

    accepts_loss_kwargs = True
    """Tells Trainer to hand over the step's number of supervised tokens."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model
        self._known = known_arguments(model)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        logits_to_keep: torch.Tensor,
        num_items_in_batch: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """The batch's share of the step's mean cross-entropy per supervised token, each row's by its weight."""
        output = self.model(
            **self._known(
                input_ids=input_ids, attention_mask=attention_mask, logits_to_keep=logits_to_keep, use_cache=False
            )
        )
        all_logits = output.logits
        if all_logits.shape[1] != len(logits_to_keep):  # of a family that knows no logits_to_keep
            all_logits = all_logits[:, logits_to_keep]
        targets = labels[:, logits_to_keep + 1]
        losses = [
            cross_entropy(logits.float(), wanted, ignore_index=IGNORED, reduction="sum")
            for logits, wanted in zip(all_logits, targets, strict=True)
        ]
        return {"loss": (torch.stack(losses) * weights).sum() / num_items_in_batch}


class Order(Sampler[int]):
    """Another order of the rows in each epoch, drawn from the seed alone.

    ``multiple``: the order is filled up to such a length with the index after the last row.
    """

    def __init__(self, rows: int, seed: int, multiple: int) -> None:
        self._rows = rows
        self._seed = seed
        self._length = math.ceil(rows / multiple) * multiple
        self._epoch = 0

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator()
        generator.manual_seed(self._seed + self._epoch)
        self._epoch += 1
        yield from torch.randperm(self._rows, generator=generator).tolist()
        yield from [self._rows] * (self._length - self._rows)

    def __len__(self) -> int:
        return self._length


class _Recording(Trainer):
    """A Trainer that adds up its losses, weighted by the tokens they are a mean of."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._rows = len(kwargs["train_dataset"]) - 1
        self.step_loss = torch.zeros((), device=self.args.device)
        self.step_tokens = torch.zeros((), device=self.args.device)

    def _get_train_sampler(self, train_dataset: Any = None) -> Order:  # noqa: ARG002 - Trainer's signature
        # One process needs no filler: its last batch may be smaller.
        processes = self.args.world_size
        multiple = processes * self.args.train_batch_size if processes > 1 else 1
        return Order(self._rows, self.args.seed, multiple)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        result: Any = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        loss = result[0] if return_outputs else result
        self.step_loss += loss.detach().float()
        self.step_tokens += (inputs["labels"] != IGNORED).sum()
        return result

    def take_step(self) -> tuple[float, float]:
        """Mean loss and supervised tokens of the step that ends, over all processes; starts the next."""
        loss, tokens = self.step_loss, self.step_tokens
        if self.args.world_size > 1:
            # Trainer has multiplied each share by the number of processes, for the mean that DDP takes.
            loss = self.accelerator.reduce(loss, reduction="mean")
            tokens = self.accelerator.reduce(tokens, reduction="sum")
        values = loss.item(), tokens.item()
        self.step_loss = torch.zeros_like(self.step_loss)
        self.step_tokens = torch.zeros_like(self.step_tokens)
        return values


class _Record(TrainerCallback):
    """Passes each step on and keeps the mean loss of each epoch."""

    def __init__(self, trainer: _Recording, on_step: OnStep) -> None:
        self._trainer = trainer
        self._on_step = on_step
        self._loss = 0.0
        self._tokens = 0.0
        self.epochs: list[float] = []

    def on_step_end(self, *_args: Any, **_kwargs: Any) -> None:
        loss, tokens = self._trainer.take_step()
        if not math.isfinite(loss):
            step = self._trainer.state.global_step
            raise HarnessError(f"trainer lora: the loss at step {step} is {loss}; lower trainer.learning_rate")
        self._loss += loss * tokens
        self._tokens += tokens
        self._on_step(self._trainer.state.global_step, self._trainer.state.max_steps, loss)

    def on_epoch_end(self, *_args: Any, **_kwargs: Any) -> None:
        self.epochs.append(self._loss / self._tokens)
        self._loss = self._tokens = 0.0
