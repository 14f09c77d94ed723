"""LoRA fine-tuning of a local student on replies: what is trained on, refused and reported.

One training in one process is in fitting.py, several processes in launcher.py; which tokens carry loss is decided in
encoding.py, and running the trained adapter is the student's part.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.api import (
    Adapter,
    Example,
    HarnessError,
    Json,
    LocalModel,
    Message,
    OnStep,
    Student,
    TokenRow,
    Tokens,
    TrainingReport,
    UnfitError,
    UsageError,
)
from harness_qwen_lora import adapters
from harness_qwen_lora.checkpoints.loading import Source
from harness_qwen_lora.cluster import hidden
from harness_qwen_lora.memory import shape
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.training import card, launcher
from harness_qwen_lora.training.fitting import (
    Fitted,
    Job,
    Split,
    adapted,
    alpha,
    fit,
    refuse_another_form,
    share,
    splits,
)

PROBE = Example("preflight", (Message("user", "1 + 1"),), "Step 1: 1 + 1 = 2.\nANSWER: YES", "YES", "teacher")
"""A row that any student can be trained on."""
ANY = Split(1, checkpointing=False)
"""A way to run a step, until it is planned."""
FLOAT32 = 4
"""Bytes of a value of an adapter, whatever the number format of the model."""


@runtime_checkable
class Shared(Protocol):
    """What a student must be able to do besides, for a training in several processes."""

    def source(self) -> Source:
        """What another process needs to load the same model."""


class LoraTrainer:
    """Trains one adapter per call. The same examples and seed give the same bytes on a CPU."""

    def __init__(self, options: LoraOptions) -> None:
        self._options = options

    @property
    def settings(self) -> Mapping[str, Json]:
        """Hyper-parameters, with the default of ``alpha`` filled in."""
        settings: dict[str, Json] = self._options.model_dump(mode="json")
        return settings | {"alpha": alpha(self._options), "method": "lora", "optimizer": "adamw"}

    def preflight(self, student: Student) -> None:
        """Raises UsageError unless the student's weights can be trained here."""
        local = _trainable(student)
        share(self._options)
        self._source(local)
        if self._options.processes > 1 and local.memory() is not None:
            self._check_gpus()
        try:
            local.chat().row(PROBE, max_length=sys.maxsize)
        except UnfitError as error:
            raise UsageError(f"student.model: it cannot be trained on a reply, since {error}") from error
        adapted(local.blank(), self._options)

    def unfit(self, student: Student, examples: Sequence[Example]) -> Mapping[str, str]:
        """Why the student cannot be trained on some examples, by problem id; one that it can be trained on is absent.

        Reads the tokenizer alone, and gives the same answer each time.
        """
        chat = _trainable(student).chat()
        reasons: dict[str, str] = {}
        for example in examples:
            try:
                row = chat.row(example, self._options.max_length)
            except (UnfitError, UsageError) as error:
                reasons.setdefault(example.problem_id, str(error))
                continue
            if row.truncated and not self._options.allow_truncation:
                reasons.setdefault(
                    example.problem_id, f"it is longer than trainer.max_length = {self._options.max_length} tokens"
                )
        return reasons

    def adapter_bytes(self, student: Student) -> int | None:
        """Bytes of an adapter's weights: in float32, a rank's worth for each input and output of a trained module."""
        return FLOAT32 * adapted(_trainable(student).blank(), self._options)

    def train(
        self, student: Student, examples: Sequence[Example], seed: int, folder: Path, on_step: OnStep
    ) -> TrainingReport:
        """Trains on the replies and saves adapter_config.json, adapter_model.safetensors and README.md into ``folder``.

        Raises UsageError for rows that are too long or modules that the model has not, and HarnessError if the loss
        stops being a number.
        """
        return self._train(student, None, examples, seed, folder, on_step)

    def train_further(
        self,
        student: Student,
        start: Adapter,
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        on_step: OnStep,
    ) -> TrainingReport:
        """As ``train``, from the weights of an adapter.

        Raises UsageError for one that is not of the form that rank, alpha, dropout and target_modules give, and
        HarnessError for one whose files are not as they were.
        """
        refuse_another_form(_trainable(student).blank(), self._options, adapters.check(start))
        return self._train(student, start, examples, seed, folder, on_step)

    def _train(
        self,
        student: Student,
        begun: Adapter | None,
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        on_step: OnStep,
    ) -> TrainingReport:
        if not examples:
            raise UsageError("trainer lora: no training examples were given; make at least one")
        local = _trainable(student)
        chat = local.chat()
        rows = [self._row(chat, example) for example in examples]
        self._refuse_truncation(rows)
        marked = [(_marked(row), row.prompt_tokens) for row in rows]
        start = time.perf_counter()
        job = Job(
            self._source(local),
            self._options,
            tuple(rows),
            chat.pad,
            seed,
            ANY,
            folder,
            begun.folder if begun else None,
        )
        fitted, split = self._fit(local, job, on_step)
        report = TrainingReport(
            settings={**self.settings, **asdict(split), "seed": seed, **({"start": begun.sha256} if begun else {})},
            examples=len(rows),
            steps=fitted.steps,
            losses=fitted.losses,
            supervised_tokens=sum(row.supervised_tokens for row in rows),
            prompt_tokens=sum(row.prompt_tokens for row in rows),
            truncated_rows=sum(row.truncated for row in rows),
            seconds=time.perf_counter() - start,
            peak_memory_bytes=fitted.peak_memory_bytes,
            supervised_prompt_tokens=sum(sum(carries[:prompt]) for carries, prompt in marked),
            rows_without_loss=sum(not any(carries) for carries, _ in marked),
        )
        card.write(folder, student.identity, examples, report)
        return report

    def _source(self, student: LocalModel) -> Source | None:
        """What each of several processes needs; None where this one trains alone."""
        if self._options.processes == 1:
            return None
        if not isinstance(student, Shared):
            raise UsageError("trainer.processes: this student's model cannot be loaded in several; give 1")
        return student.source()

    def _check_gpus(self) -> None:
        import torch

        found = torch.cuda.device_count()
        if found < self._options.processes:
            raise UsageError(
                f"trainer.processes: {self._options.processes} processes need a GPU each, and torch finds {found}; "
                f"give {found}"
            )

    def _refuse_truncation(self, rows: Sequence[TokenRow]) -> None:
        cut = sum(row.truncated for row in rows)
        if cut and not self._options.allow_truncation:
            raise UsageError(
                f"trainer.max_length: {cut} of {len(rows)} training examples are longer than "
                f"{self._options.max_length} tokens; raise it, or set trainer.allow_truncation=true to cut them"
            )

    def _row(self, chat: Tokens, example: Example) -> TokenRow:
        try:
            return chat.row(example, self._options.max_length)
        except UnfitError as error:
            raise UnfitError(f"training example {example.problem_id}: {error}; leave it out") from error

    def _fit(self, student: LocalModel, job: Job, on_step: OnStep) -> tuple[Fitted, Split]:
        """Trains and saves an adapter, taking less memory each time that there is not enough."""
        import torch

        available = student.memory()
        if available is None:
            ways = splits(self._options, None, job.rows, available)
        else:
            with student.lend() as base:
                ways = splits(self._options, shape(base), job.rows, available)
        if self._options.processes > 1:
            student.release()
        for split in ways:
            try:
                if self._options.processes > 1:
                    return launcher.launch(replace(job, split=split), on_step), split
                with student.lend() as base, hidden():
                    return fit(base, replace(job, split=split), on_step), split
            except torch.OutOfMemoryError:
                pass
            # Beyond the handler: until here, the traceback held on to the batch's tensors.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            logging.getLogger(__name__).warning(
                "trainer: %d examples do not fit into memory together; starting again with less", split.micro_batch
            )
        raise HarnessError(
            "trainer lora: a single example does not fit into memory; lower trainer.max_length, set "
            "trainer.checkpointing=on, or take a smaller model or another device"
        )


def _trainable(student: Student) -> LocalModel:
    if not isinstance(student, LocalModel):
        raise UsageError(
            f"trainer lora: student {student.identity.get('model')!r} has no local weights that it can train; "
            "choose the student qwen-tiny or qwen-lora"
        )
    return student


def _marked(row: TokenRow) -> list[bool]:
    """Which tokens of a row carry loss, as the training sees them."""
    from harness_qwen_lora.training.hf_trainer import IGNORED, tensors

    return [label != IGNORED for label in tensors(row)["labels"].tolist()]
