"""One adapter put on a model, trained, saved and taken off again: what each process of a training runs.

How many examples go through the model at once is planned here too. Which rows, and what is reported, is in trainer.py.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.api import ADAPTER_CARD, OnStep, TokenRow, UsageError
from harness_qwen_lora import memory
from harness_qwen_lora.adapters import CONFIG_FILE
from harness_qwen_lora.checkpoints.loading import (
    Source,
    cause,
    known_peft_warning,
    linear_features,
    no_linear_modules,
    quiet,
)
from harness_qwen_lora.options import ALL_LINEAR, LoraOptions

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig, PeftModel
    from transformers import PreTrainedModel, TrainingArguments

FORM = {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "target_modules": "target_modules"}
"""The options that decide the form of an adapter, by their name in its configuration."""
OS_ERROR = re.compile(r"\(os error (\d+)\)")


@dataclass(frozen=True, slots=True)
class Split:
    """How a step's examples go through the model. The adapter is the same but for rounding, and for dropout."""

    micro_batch: int
    checkpointing: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A training: all that decides its adapter, and where that goes."""

    source: Source | None
    """The model, as another process loads it; None where none does."""
    options: LoraOptions
    rows: tuple[TokenRow, ...]
    pad: int
    """Token id that fills a shorter row up."""
    seed: int
    split: Split
    folder: Path
    """It exists."""
    start: Path | None = None
    """The folder of the adapter that is trained further; None for a new one."""

    def to_json(self) -> str:
        """The job as text."""
        return json.dumps(asdict(self) | {"options": self.options.model_dump(mode="json")}, default=str)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job that ``to_json`` wrote."""
        data: dict[str, Any] = json.loads(text)
        return cls(
            source=Source(**{**data["source"], "folder": Path(data["source"]["folder"])}),
            options=LoraOptions(**data["options"]),
            rows=tuple(TokenRow(**{**row, "ids": tuple(row["ids"])}) for row in data["rows"]),
            pad=data["pad"],
            seed=data["seed"],
            split=Split(**data["split"]),
            folder=Path(data["folder"]),
            start=Path(data["start"]) if data["start"] else None,
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training came to."""

    losses: tuple[float, ...]
    """Mean loss per supervised token of each epoch."""
    steps: int
    peak_memory_bytes: int


def alpha(options: LoraOptions) -> int:
    """Scale of the adapter times its rank."""
    return 2 * options.rank if options.alpha is None else options.alpha


def share(options: LoraOptions) -> int:
    """Examples of a step that each process takes. Raises UsageError where they cannot be shared out evenly."""
    step = options.batch_size * options.accumulation
    if step % options.processes:
        raise UsageError(
            f"trainer.processes: {options.processes} processes cannot share the {step} examples of a step evenly "
            f"(batch_size {options.batch_size} x accumulation {options.accumulation}); give a divisor of {step}"
        )
    part = step // options.processes
    if options.micro_batch != "auto" and part % options.micro_batch:
        raise UsageError(
            f"trainer.micro_batch: {options.micro_batch} does not divide the {part} examples that a process takes of "
            f"each step; give a divisor of {part}, or auto"
        )
    return part


def splits(
    options: LoraOptions, shape: memory.Shape | None, rows: Sequence[TokenRow], available: int | None
) -> list[Split]:
    """Ways to run a step, the best first; each takes less memory than the one before.

    ``available`` is the memory of a GPU in bytes, or None on a CPU, where no shape is needed. Where it is known, the
    first is the best that the estimate allows.
    """
    part = share(options)
    sizes = [size for size in range(part, 0, -1) if part % size == 0]
    if options.micro_batch != "auto":
        sizes = [size for size in sizes if size <= options.micro_batch]
    elif available is None or options.dropout:
        sizes = [size for size in sizes if size <= options.batch_size]
    kept = [Split(size, checkpointing=False) for size in sizes]
    again = [Split(size, checkpointing=True) for size in sizes]
    ways = {"off": kept, "on": again, "auto": kept}[options.checkpointing]
    if options.checkpointing == "auto" and available is not None:
        # Below the batch that was asked for, making activations again costs less than smaller batches do.
        ways = [way for way in kept if way.micro_batch >= min(options.batch_size, sizes[0])] + again
    if available is None or shape is None:
        return ways
    length = max(len(row.ids) for row in rows)
    supervised = max(row.supervised_tokens for row in rows)
    left = memory.room(shape, available)
    fitting = (
        at
        for at, way in enumerate(ways)
        if memory.training(shape, way.micro_batch, length, supervised, way.checkpointing) <= left
    )
    return ways[next(fitting, len(ways) - 1) :]


def fit(base: PreTrainedModel, job: Job, on_step: OnStep) -> Fitted:
    """Trains the adapter of a job and saves it; the model, which is that of the job's source, stays as it was.

    Raises HarnessError if the loss stops being a number, and OSError if the adapter cannot be written.
    """
    from transformers import set_seed

    from harness_qwen_lora.training.hf_trainer import run

    _reset_peak_memory(base.device)
    set_seed(job.seed)  # before the adapter exists: its first values are drawn at random
    bits = _same_bits() if job.options.deterministic else nullcontext()
    with quiet(), bits:
        model = _put_on(base, job.options) if job.start is None else _put_back(base, job.start)
        try:
            with checkpointing(base) if job.split.checkpointing else nullcontext():
                losses, steps = run(model, job.rows, job.pad, _arguments(base, job), on_step)
            if int(os.environ.get("RANK", "0")) == 0:
                _save(model, job.folder)
        finally:
            model.unload()
    return Fitted(tuple(losses), steps, _peak_memory(base.device))


def refuse_another_form(blank: PreTrainedModel, options: LoraOptions, start: Mapping[str, Any]) -> None:
    """Raises UsageError where an adapter, by its configuration, is not of the form that these options give."""
    with quiet():
        model = _put_on(blank, options)
        wanted = cast("LoraConfig", model.peft_config["default"])
        model.unload()
        blank.requires_grad_(False)
    for option, name in FORM.items():
        made, given = getattr(wanted, name), start.get(name)
        if isinstance(made, set):
            made, given = sorted(made), sorted(given or ())
        if made != given:
            raise UsageError(
                f"trainer.{option}: an adapter can be trained further in its own form alone, which has {given}; these "
                f"options give {made}"
            )


def adapted(blank: PreTrainedModel, options: LoraOptions) -> int:
    """How many values an adapter of a model without values would have: it is put on and taken off again.

    Raises UsageError for modules that the model has not, or that peft cannot train.
    """
    with quiet():
        try:
            model = _put_on(blank, options)
        except (ValueError, NotImplementedError, RuntimeError) as error:
            raise UsageError(
                f"trainer.target_modules: peft cannot put an adapter on {', '.join(options.target_modules)} of this "
                f"model ({cause(error)}); choose others, or another checkpoint"
            ) from error
        values = sum(value.numel() for value in model.parameters() if value.requires_grad)
        model.unload()
        blank.requires_grad_(False)
    return values


def _check_modules(model: PreTrainedModel, options: LoraOptions) -> None:
    """Raises UsageError for a name that peft would pass over in silence while another one matches."""
    names = linear_features(model)
    if options.target_modules == ALL_LINEAR:
        unknown = [] if names else list(ALL_LINEAR)
    else:
        unknown = [name for name in options.target_modules if name not in names]
    if unknown:
        choice = f"choose among {', '.join(sorted(names))}, or all-linear" if names else "choose another checkpoint"
        raise UsageError(f"trainer.target_modules: the model has no linear module {', '.join(unknown)}; {choice}")


def _put_on(base: PreTrainedModel, options: LoraOptions) -> PeftModel:
    from peft import LoraConfig, get_peft_model

    _check_modules(base, options)
    modules = options.target_modules
    config = LoraConfig(
        r=options.rank,
        lora_alpha=alpha(options),
        lora_dropout=options.dropout,
        target_modules=ALL_LINEAR[0] if modules == ALL_LINEAR else list(modules),
        exclude_modules=no_linear_modules(base) or None,
        task_type="CAUSAL_LM",
    )
    with known_peft_warning():
        model = get_peft_model(base, config)
    return cast("PeftModel", model)


def _put_back(base: PreTrainedModel, folder: Path) -> PeftModel:
    """Puts a trained adapter on, to be trained further."""
    from peft import PeftModel

    with known_peft_warning():
        return PeftModel.from_pretrained(base, str(folder), is_trainable=True)


def _arguments(base: PreTrainedModel, job: Job) -> TrainingArguments:
    import torch
    from transformers import TrainingArguments

    options, split = job.options, job.split
    on_cpu = base.device.type == "cpu"
    arguments = TrainingArguments(
        output_dir=str(job.folder),  # to which nothing is written: see save_strategy
        num_train_epochs=options.epochs,
        per_device_train_batch_size=split.micro_batch,
        gradient_accumulation_steps=share(options) // split.micro_batch,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.scheduler,
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay,
        max_grad_norm=options.max_grad_norm,
        optim="adamw_torch",
        seed=job.seed,
        fp16=base.dtype == torch.float16,
        bf16=base.dtype == torch.bfloat16,
        use_cpu=on_cpu,
        ddp_backend="gloo" if on_cpu and options.processes > 1 else None,
        ddp_find_unused_parameters=False,
        average_tokens_across_devices=True,
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_num_workers=0,
    )
    # transformers would give every GPU of the machine a batch of its own, and so change the experiment.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


@contextmanager
def checkpointing(base: PreTrainedModel) -> Iterator[None]:
    """Keeps only the input of every layer for the backward pass."""
    model: Any = base
    # the name was another before transformers 5.20
    name = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{name}_checkpointing_enable")({"use_reentrant": False})
    try:
        yield
    finally:
        getattr(model, f"{name}_checkpointing_disable")()


@contextmanager
def _same_bits() -> Iterator[None]:
    """Only operations that give the same bits each time; one that has no such form raises."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    before = torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as cuBLAS wants it for the same bits
    torch.use_deterministic_algorithms(True)
    try:
        with sdpa_kernel([SDPBackend.MATH]):
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def _save(model: PeftModel, folder: Path) -> None:
    """Weights and configuration, the same bytes for the same adapter wherever it was trained."""
    with _disk_errors(folder):
        # "auto" would look the base model up at the Hub.
        model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / ADAPTER_CARD).unlink(missing_ok=True)  # peft's unfilled template
    config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # written from a set, in an order that changes with each process
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Gives what a disk refuses as OSError: safetensors has an error of its own, with the system's number in words."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        number = OS_ERROR.search(str(error))
        if number is None:
            raise
        code = int(number[1])
        raise OSError(code, os.strerror(code), str(folder)) from error


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
