"""The options of the two students and of the trainer: types, bounds, defaults, help.

Nothing here loads a model or imports a library that could.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

Auto = Literal["auto"]
Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Literal["sdpa", "eager"]
Engine = Literal["generate", "continuous"]
Quantization = Literal["none", "nf4"]
Checkpointing = Literal["auto", "on", "off"]
Device = Literal["auto", "cpu", "cuda"]
Scheduler = Literal["linear", "cosine", "constant", "constant_with_warmup"]


TAKEN_NAMES = frozenset(
    {
        "messages",
        "conversation",
        "chat_template",
        "add_generation_prompt",
        "continue_final_message",
        "tokenize",
        "sanitize_control_tokens",
        "padding",
        "truncation",
        "max_length",
        "return_tensors",
        "return_dict",
        "return_assistant_tokens_mask",
        "tokenizer_kwargs",
        "tools",
        "documents",
        "strftime_now",
        "raise_exception",
    }
)
"""What a template is given by this plugin or by transformers, and so cannot be an argument of the user's."""


def _free(arguments: dict[str, JsonValue]) -> dict[str, JsonValue]:
    taken = sorted(TAKEN_NAMES & arguments.keys())
    if taken:
        raise ValueError(f"{', '.join(taken)}: not for the user to set; give the template's own switches")
    return arguments


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


class StudentOptions(BaseModel):
    """How a checkpoint is run, whichever it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_new_tokens: int = Field(
        256, ge=1, description="Tokens of a reply; one that needs more is cut and counts as truncated."
    )
    batch_size: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto",
        description="Prompts that are answered together; prompts of like length share a batch. auto: 16 on a CPU, on a "
        "GPU as many as its memory holds. A batch that does not fit after all is halved.",
    )
    dtype: Dtype = Field(
        "auto",
        description="Format of the weights. auto: float32 on a CPU; on a GPU bfloat16, or float16 if it lacks that.",
    )
    device: Device = Field("auto", description="Where the model runs. auto: on the GPU if there is one.")
    threads: int = Field(0, ge=0, description="CPU threads; 0 leaves the choice to torch.")
    engine: Engine = Field(
        "generate",
        description="How replies are made. continuous: transformers' continuous batching, on a GPU, checked against "
        "generate before it is used.",
    )
    memory_gib: float = Field(
        0.0, ge=0, description="GPU memory that may be used, in GiB: 12 for what a 12 GB card can do. 0: all there is."
    )
    template_arguments: Annotated[dict[str, JsonValue], AfterValidator(_free)] = Field(
        {}, description="Arguments of the chat template, such as {enable_thinking=false}."
    )
    template_date: Annotated[str, AfterValidator(_day)] = Field(
        "2025-01-01", description="The day, as YYYY-MM-DD, that a chat template takes for today if it writes a date."
    )


class QwenLoraOptions(StudentOptions):
    """Options of the student `qwen-lora`."""

    model: str = Field(
        "Qwen/Qwen2.5-3B-Instruct",
        min_length=1,
        description="Hub id such as Qwen/Qwen2.5-3B-Instruct, or a Hugging Face model folder (begins with / . or ~). "
        "The 3B model is under the Qwen Research licence (non-commercial); 1.5B and 7B are under Apache-2.0.",
    )
    revision: str | None = Field(
        None, description="Branch, tag or commit of a Hub id; pinned to a commit when the run begins."
    )
    quantization: Quantization = Field(
        "none",
        description="Format in which the weights are kept. nf4: in 4 bits (QLoRA), on a GPU and with bitsandbytes "
        "installed.",
    )


class QwenTinyOptions(StudentOptions):
    """Options of the student `qwen-tiny`."""

    max_new_tokens: int = Field(
        160, ge=1, description="Tokens of a reply; one that needs more is cut and counts as truncated."
    )
    batch_size: Annotated[int, Field(ge=1)] | Auto = Field(50, description="Prompts that are answered together.")
    dtype: Dtype = Field("float32", description="Number format of the weights.")
    device: Device = Field("cpu", description="Where the model runs.")
    threads: int = Field(
        1, ge=0, description="CPU threads; with 1, results do not depend on the number of cores. 0: torch's choice."
    )


ALL_LINEAR = ("all-linear",)


def _split(value: object) -> object:
    """A command line gives the names in one string."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


def _alone(names: tuple[str, ...]) -> tuple[str, ...]:
    if ALL_LINEAR[0] in names and names != ALL_LINEAR:
        raise ValueError("all-linear stands for every linear module; give it alone")
    return names


class LoraOptions(BaseModel):
    """Options of the trainer `lora`. The defaults are the published hyper-parameters of the full-size run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(8, ge=1, description="Rank of the adapter.")
    alpha: int | None = Field(None, ge=1, description="Scale of the adapter is alpha / rank. Default: twice the rank.")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Dropout before the adapter. 0 keeps a training independent of how batches are split.",
    )
    target_modules: Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_alone)] = Field(
        ("q_proj", "v_proj"),
        min_length=1,
        description="Linear modules that get an adapter, separated by commas; all-linear: all but the output layer.",
    )
    learning_rate: float = Field(2e-4, gt=0, description="Peak learning rate of AdamW.")
    epochs: int = Field(3, ge=1, description="Passes over the examples.")
    batch_size: int = Field(2, ge=1, description="Examples per forward pass, unless micro_batch says otherwise.")
    accumulation: int = Field(
        4, ge=1, description="Forward passes per optimizer step: batch_size times this many examples make a step."
    )
    micro_batch: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto",
        description="Examples that really go through the model together; a step keeps its examples, so the adapter is "
        "the same but for rounding. auto: batch_size, and on a GPU without dropout as many as its memory holds.",
    )
    checkpointing: Checkpointing = Field(
        "auto",
        description="Whether activations are made again for the backward pass instead of kept: less memory, more time, "
        "the same adapter. auto: where memory needs it.",
    )
    deterministic: bool = Field(
        False, description="Only operations that give the same bits each time. Slower; a CPU does so without it."
    )
    processes: int = Field(
        1, ge=1, description="Processes that share each step, a GPU each where there are GPUs (torchrun, DDP)."
    )
    max_length: int = Field(1024, ge=2, description="Longest example in tokens, prompt and reply together.")
    warmup_steps: int = Field(0, ge=0, description="Optimizer steps over which the learning rate rises to its peak.")
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of AdamW.")
    max_grad_norm: float = Field(
        1.0, ge=0, description="Gradient norm above which gradients are scaled down; 0 never does."
    )
    scheduler: Scheduler = Field("linear", description="Course of the learning rate after the warm-up.")
    allow_truncation: bool = Field(
        False, description="Cut examples that are longer than max_length instead of refusing them."
    )


class AllLinearOptions(LoraOptions):
    """Options of the trainer `lora-all-linear`: those of `lora`, with an adapter on every linear module."""

    target_modules: Annotated[tuple[str, ...], BeforeValidator(_split), AfterValidator(_alone)] = Field(
        ALL_LINEAR, min_length=1, description="Linear modules that get an adapter."
    )
