"""LoRA fine-tuning of a local student on replies, with transformers' Trainer and peft.

Which tokens carry loss is decided in encoding.py; running the trained adapter is the student's part.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from harness.errors import UsageError
from harness.protocols import OnStep, Student
from harness.records import Example, Json, TrainingReport
from harness_qwen_lora.encoding import Chat, Row
from harness_qwen_lora.loading import known_peft_warning, linear_names, quiet
from harness_qwen_lora.options import ALL_LINEAR, LoraOptions

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, TrainingArguments

CONFIG_FILE = "adapter_config.json"


@runtime_checkable
class Trainable(Protocol):
    """What the trainer needs of a student, besides being one: its tokens, and its model on loan."""

    def chat(self) -> Chat:
        """Token ids of messages and replies."""

    def linear_modules(self) -> set[str] | None:
        """Names of the model's linear modules, without loading it; None where they are not known yet."""

    def lend(self) -> AbstractContextManager[PreTrainedModel]:
        """The loaded base model, to be given back without adapters."""


class LoraTrainer:
    """Trains one adapter per call. The same examples and seed give the same bytes on a CPU."""

    def __init__(self, options: LoraOptions) -> None:
        self._options = options

    @property
    def settings(self) -> Mapping[str, Json]:
        """Hyper-parameters, with the default of ``alpha`` filled in."""
        settings: dict[str, Json] = self._options.model_dump(mode="json")
        return settings | {"alpha": self._alpha, "method": "lora", "optimizer": "adamw"}

    def preflight(self, student: Student) -> None:
        """Raises UsageError unless the student's weights can be trained here."""
        local = _trainable(student)
        if self._options.target_modules != ALL_LINEAR:
            self._check_modules(local.linear_modules())

    def train(
        self, student: Student, examples: Sequence[Example], seed: int, folder: Path, on_step: OnStep
    ) -> TrainingReport:
        """Trains on the replies and saves adapter_config.json and adapter_model.safetensors into ``folder``.

        Raises UsageError for rows that are too long or modules that the model has not, and HarnessError if the loss
        stops being a number.
        """
        from harness_qwen_lora.hf_trainer import tensors

        if not examples:
            raise UsageError("trainer lora: no training examples were given; make at least one")
        local = _trainable(student)
        chat = local.chat()
        rows = [chat.row(example, self._options.max_length) for example in examples]
        self._refuse_truncation(rows)
        marked = [(tensors(row)["labels"], row) for row in rows]
        with local.lend() as base:
            self._check_modules(linear_names(base))
            start = time.perf_counter()
            _reset_peak_memory(base.device)
            losses, steps = self._fit(base, rows, chat.pad, seed, folder, on_step)
            seconds = time.perf_counter() - start
            return TrainingReport(
                settings={**self.settings, "seed": seed},
                examples=len(rows),
                steps=steps,
                losses=tuple(losses),
                supervised_tokens=sum(row.supervised_tokens for row in rows),
                prompt_tokens=sum(row.prompt_tokens for row in rows),
                truncated_rows=sum(row.truncated for row in rows),
                seconds=seconds,
                peak_memory_bytes=_peak_memory(base.device),
                supervised_prompt_tokens=sum(_marked(labels[: row.prompt_tokens]) for labels, row in marked),
                rows_without_loss=sum(_marked(labels) == 0 for labels, _ in marked),
            )

    @property
    def _alpha(self) -> int:
        return 2 * self._options.rank if self._options.alpha is None else self._options.alpha

    def _refuse_truncation(self, rows: Sequence[Row]) -> None:
        cut = sum(row.truncated for row in rows)
        if cut and not self._options.allow_truncation:
            raise UsageError(
                f"trainer.max_length: {cut} of {len(rows)} training examples are longer than "
                f"{self._options.max_length} tokens; raise it, or set trainer.allow_truncation=true to cut them"
            )

    def _check_modules(self, names: set[str] | None) -> None:
        """Raises UsageError for a name that peft would pass over in silence while another one matches."""
        if names is None or self._options.target_modules == ALL_LINEAR:
            return
        unknown = [name for name in self._options.target_modules if name not in names]
        if unknown:
            raise UsageError(
                f"trainer.target_modules: the model has no linear module {', '.join(unknown)}; "
                f"choose among {', '.join(sorted(names))}, or all-linear"
            )

    def _fit(
        self, base: PreTrainedModel, rows: Sequence[Row], pad: int, seed: int, folder: Path, on_step: OnStep
    ) -> tuple[list[float], int]:
        """Puts an adapter on, trains it, saves it and takes it off again: mean loss per epoch, and optimizer steps."""
        from transformers import set_seed

        from harness_qwen_lora.hf_trainer import run

        set_seed(seed)  # before the adapter exists: its first values are drawn at random
        with quiet(), TemporaryDirectory(prefix="harness-lora-") as scratch:
            model = self._put_on(base)
            try:
                losses, steps = run(model, rows, pad, self._arguments(base, seed, scratch), on_step)
                _save(model, folder)
            finally:
                model.unload()
        return losses, steps

    def _put_on(self, base: PreTrainedModel) -> PeftModel:
        from peft import LoraConfig, get_peft_model

        modules = self._options.target_modules
        config = LoraConfig(
            r=self._options.rank,
            lora_alpha=self._alpha,
            lora_dropout=self._options.dropout,
            target_modules=ALL_LINEAR[0] if modules == ALL_LINEAR else list(modules),
            task_type="CAUSAL_LM",
        )
        with known_peft_warning():
            model = get_peft_model(base, config)
        return cast("PeftModel", model)

    def _arguments(self, base: PreTrainedModel, seed: int, scratch: str) -> TrainingArguments:
        import torch
        from transformers import TrainingArguments

        options = self._options
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=options.batch_size,
            gradient_accumulation_steps=options.accumulation,
            learning_rate=options.learning_rate,
            lr_scheduler_type=options.scheduler,
            warmup_steps=options.warmup_steps,
            weight_decay=options.weight_decay,
            max_grad_norm=options.max_grad_norm,
            optim="adamw_torch",
            seed=seed,
            fp16=base.dtype == torch.float16,
            bf16=base.dtype == torch.bfloat16,
            use_cpu=base.device.type == "cpu",
            save_strategy="no",
            logging_strategy="no",
            logging_nan_inf_filter=False,
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_num_workers=0,
            ddp_find_unused_parameters=False,
        )
        # transformers would give every GPU of the machine a batch of its own, and so change the experiment.
        arguments._n_gpu = min(arguments.n_gpu, 1)
        return arguments


def _trainable(student: Student) -> Trainable:
    if not isinstance(student, Trainable):
        raise UsageError(
            f"trainer lora: student {student.identity.get('model')!r} has no local weights that it can train; "
            "choose the student qwen-tiny or qwen-lora"
        )
    return student


def _save(model: PeftModel, folder: Path) -> None:
    """Weights and configuration, the same bytes for the same adapter wherever it was trained."""
    # "auto" would look the base model up at the Hub.
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's unfilled template
    config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # written from a set, in an order that changes with each process
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _reset_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def _peak_memory(device: torch.device) -> int:
    """Bytes: of the GPU since the training began, or of this process since it began."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _marked(labels: torch.Tensor) -> int:
    """How many tokens carry loss."""
    from harness_qwen_lora.hf_trainer import IGNORED

    return int((labels != IGNORED).sum())
