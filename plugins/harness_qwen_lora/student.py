"""A local chat model: what it is, its weights in memory, with or without an adapter.

Its files come from checkpoints/; tokens are in encoding.py, batches in generation.py, training in training/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import Adapter, Completion, HarnessError, Json, Request, Skill, Usage, UsageError
from harness_qwen_lora import adapters, memory
from harness_qwen_lora.checkpoints import architecture, loading
from harness_qwen_lora.checkpoints.architecture import Architecture
from harness_qwen_lora.checkpoints.checkpoint import Checkpoint, read_skills, settings_sha256
from harness_qwen_lora.encoding import Chat
from harness_qwen_lora.generation import Generator, Settings
from harness_qwen_lora.options import Device, Dtype, Quantization, StudentOptions

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

CPU_ROWS = 16
"""Prompts of a batch on a CPU where the options leave it open: more would gain little there."""
PREFILL_CHUNK = 128
"""Tokens of the prompts that go through the model at once on a GPU: bounds the memory that a large batch takes."""
CALL_BATCHES = 4
"""Batches of a call. More sort better by length; fewer lose less when a run is stopped."""


class QwenStudent:
    """One checkpoint, loaded at most once. ``name`` is what a folder is called in the result.

    A method that needs the weights loads them, and raises UsageError where they cannot be had.
    """

    def __init__(
        self,
        model: str,
        options: StudentOptions,
        *,
        revision: str | None = None,
        name: str | None = None,
        quantization: Quantization = "none",
    ) -> None:
        self._asked = (model, revision, name)
        self._options = options
        self._quantization = quantization
        self._wrapped: PeftModel | None = None
        self._adapter: str | None = None

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """Where the weights are. Loads and downloads nothing."""
        return loading.locate(*self._asked)

    @cached_property
    def device(self) -> torch.device:
        """Where the model runs."""
        return _device(self._options.device)

    @property
    def batch_size(self) -> int:
        """Prompts per call of ``generate``: several batches, because it sorts them by length."""
        return memory.MOST_ROWS if self._rows is None else CALL_BATCHES * self._rows

    @cached_property
    def identity(self) -> Mapping[str, Json]:
        """What answers, and how. Reads the weights' digest and the tokenizer, but does not load the weights."""
        return {
            "provider": "local",
            "model": self.checkpoint.name,
            "revision": self.checkpoint.revision,
            "weights_sha256": self.checkpoint.weights_sha256(),
            "device": self._device_type,
            "dtype": self.dtype,
            "attention": self.architecture.attention,
            "files_sha256": settings_sha256(self._settings),
            "template_arguments": dict(self._options.template_arguments),
            "template_date": self._options.template_date,
            "system_turn": "in the user's turn" if self.chat().folds_system else "its own",
            "decoding": "greedy",
            "max_new_tokens": self._options.max_new_tokens,
            "engine": self._options.engine,
            "quantization": self._quantization,
            "batch_size": self._rows or "auto",
            # what "auto" goes by, so that another card's batches are not taken for the same
            "memory_gib": None if self._rows else round((self.memory() or 0) / memory.GIB, 1),
            "prefill_chunk": self._prefill_chunk,
        }

    @cached_property
    def dtype(self) -> Dtype:
        """Number format of the weights, chosen by what the device can do where the options leave it open."""
        if self._options.dtype != "auto":
            return self._options.dtype
        if self._device_type == "cpu":
            return "float32"
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"

    @cached_property
    def architecture(self) -> Architecture:
        """The model without its values."""
        return architecture.describe(self._settings)

    def preflight(self) -> None:
        """Finds the checkpoint and the device, loads the tokenizer and builds the model without its values.

        Raises UsageError for whatever would keep the model from answering.
        """
        _ = self.checkpoint
        if self._options.device == "cuda":
            _ = self.device
        for option, value, instead in self._gpu_only():
            if self.device.type == "cpu":
                raise UsageError(f"student.{option}: {value} needs a GPU; on a CPU give {instead}")
        if self._quantization != "none":
            loading.check_quantization()
        self._check_ids()
        if self.checkpoint.folder is not None:
            architecture.check(self.checkpoint.folder, self.architecture.attention)

    def skills(self, count: int) -> Sequence[Skill]:
        """The first ``count`` skills that the checkpoint's folder states; none for a checkpoint that states none."""
        folder = self.checkpoint.folder
        return [] if folder is None else read_skills(folder)[:count]

    def chat(self) -> Chat:
        """Token ids of messages and replies, as the checkpoint wants them. Loads the tokenizer alone."""
        return self._chat

    def blank(self) -> PreTrainedModel:
        """The model without its values; whoever puts something on it takes it off."""
        model: PreTrainedModel = self.architecture.model
        return model

    @contextmanager
    def lend(self) -> Iterator[PreTrainedModel]:
        """The base model for a training, without any adapter; whoever borrows it takes off what they put on."""
        model = self._loaded
        self._take_off()
        use_cache = getattr(model.config, "use_cache", None)  # a config of several parts has none
        try:
            yield model
        finally:
            if use_cache is not None:
                model.config.use_cache = use_cache
            model.train(False).requires_grad_(False)

    def generate(self, requests: Sequence[Request], adapter: Adapter | None) -> list[Completion]:
        """One completion per request, in order; prompts of like length share a batch.

        Raises UsageError for a prompt that leaves no room for a reply, and HarnessError where the adapter's file is
        not the one that its digest names.
        """
        name = adapter.sha256 if adapter else None
        return self._replies(requests, adapter, lambda prompts: self._generator.answer(prompts, name))

    def sample(
        self, requests: Sequence[Request], adapter: Adapter | None, seed: int, temperature: float
    ) -> list[Completion]:
        """As ``generate``, each reply drawn at random; the same seed draws the same ones."""
        return self._replies(requests, adapter, lambda prompts: self._generator.sample(prompts, seed, temperature))

    def _replies(
        self,
        requests: Sequence[Request],
        adapter: Adapter | None,
        answer: Callable[[Sequence[Sequence[int]]], list[list[int]]],
    ) -> list[Completion]:
        prompts = [self.chat().prompt(request.messages) for request in requests]
        self._check_room(requests, prompts)
        with self._answering(adapter):
            replies = answer(prompts)
        return [self._completion(*parts) for parts in zip(requests, prompts, replies, strict=True)]

    def probe(self, requests: Sequence[Request], adapter: Adapter) -> float:
        """The largest absolute change of a next-token logit that the adapter makes on these prompts."""
        prompts = [self.chat().prompt(request.messages) for request in requests]
        largest = 0.0
        size = self._rows or CPU_ROWS
        for start in range(0, len(prompts), size):
            batch = prompts[start : start + size]
            with self._answering(adapter):
                changed = self._next_logits(batch)
            with self._answering(None):
                largest = max(largest, (changed - self._next_logits(batch)).abs().max().item())
        return largest

    def source(self) -> loading.Source:
        """What another process needs to load the same model; fetches the files if need be."""
        return loading.Source(
            self._folder,
            self.checkpoint.name,
            self.dtype,
            str(self.device),
            attention=self.architecture.attention,
            quantization=self._quantization,
            memory_gib=self._options.memory_gib,
        )

    def memory(self) -> int | None:
        """Bytes of the GPU that may be used; None on a CPU."""
        return None if self._device_type == "cpu" else memory.total(self.device, self._options.memory_gib)

    def release(self) -> None:
        """Frees the memory that the model takes; the next method that needs it loads it again."""
        self._wrapped = self._adapter = None
        for name in ("_generator", "_loaded"):
            self.__dict__.pop(name, None)
        if self.device.type == "cuda":
            import torch

            torch.cuda.empty_cache()

    def _gpu_only(self) -> Iterator[tuple[str, str, str]]:
        """Options that ask for a GPU: name, value, and what to give without one."""
        if self._options.dtype == "float16":
            yield "dtype", "float16", "float32, bfloat16 or auto"
        if self._options.engine == "continuous":
            yield "engine", "continuous", "generate"
        if self._quantization != "none":
            yield "quantization", self._quantization, "none"

    @property
    def _device_type(self) -> str:
        """``cpu`` or ``cuda``; asks torch, which takes seconds to import, only where the options do not say."""
        return self.device.type if self._options.device == "auto" else self._options.device

    @property
    def _rows(self) -> int | None:
        """Prompts of a padded batch; None where memory decides."""
        if self._options.batch_size != "auto":
            return self._options.batch_size
        return CPU_ROWS if self._device_type == "cpu" else None

    @property
    def _prefill_chunk(self) -> int | None:
        return None if self._device_type == "cpu" else PREFILL_CHUNK

    @cached_property
    def _folder(self) -> Path:
        """The checkpoint's files, fetched if need be. The student's identity does not depend on their being here."""
        return loading.fetch(self.checkpoint)

    @cached_property
    def _settings(self) -> Path:
        """The checkpoint's files besides the weights, fetched if need be."""
        return loading.settings(self.checkpoint)

    @cached_property
    def _chat(self) -> Chat:
        return Chat(
            loading.tokenizer(self._settings),
            loading.stops(self._settings),
            self._options.template_arguments,
            self._options.template_date,
        )

    @cached_property
    def _generator(self) -> Generator:
        settings = Settings(
            max_new_tokens=self._options.max_new_tokens,
            rows=self._rows,
            memory=self.memory() or 0,
            engine=self._options.engine,
            prefill_chunk=self._prefill_chunk,
        )
        return Generator(self._loaded, self._chat, settings)

    @cached_property
    def _loaded(self) -> PreTrainedModel:
        import torch
        from transformers import GenerationConfig

        if self._options.threads:
            torch.set_num_threads(self._options.threads)
        model = loading.load(self.source())
        # generate() fills whatever it is not told from here: a checkpoint's penalties would leak into greedy decoding.
        model.generation_config = GenerationConfig.from_dict({})
        return model

    def _check_ids(self) -> None:
        """Raises UsageError for a token that a text can hold and that the model's embeddings lack."""
        rows = self.architecture.embeddings
        beyond = {id_: name for id_, name in self._chat.used().items() if id_ >= rows}
        if beyond:
            id_ = min(beyond)
            raise UsageError(
                f"student.model: {len(beyond)} tokens of its tokenizer, such as {beyond[id_]!r} with the id {id_}, lie "
                f"beyond the model's {rows} embeddings; give the tokenizer that belongs to the model"
            )

    def _next_logits(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        logits = self._generator.next_logits(prompts)
        if not logits.isfinite().all():
            raise HarnessError(
                f"student {self.checkpoint.name}: a next-token logit is not finite in {self.dtype}; "
                "choose another student.dtype, or train at a lower trainer.learning_rate"
            )
        return logits

    def _check_room(self, requests: Sequence[Request], prompts: Sequence[Sequence[int]]) -> None:
        room = getattr(self._loaded.config, "max_position_embeddings", None)
        for request, prompt in zip(requests, prompts, strict=True):
            if room is not None and room > 0 and len(prompt) + self._options.max_new_tokens > room:
                raise UsageError(
                    f"student {self.checkpoint.name}: the prompt of {request.key} has {len(prompt)} tokens, and with "
                    f"student.max_new_tokens = {self._options.max_new_tokens} that is over the model's {room}; "
                    "shorten the prompt or lower student.max_new_tokens"
                )

    def _completion(self, request: Request, prompt: Sequence[int], made: Sequence[int]) -> Completion:
        text, stop, tokens = self.chat().reply(made)
        return Completion(request.key, text, stop, self.checkpoint.name, Usage(len(prompt), tokens))

    @contextmanager
    def _answering(self, adapter: Adapter | None) -> Iterator[None]:
        """The model with an adapter, or as it came: the adapter's layers are then passed by."""
        import torch

        if adapter is not None:
            self._put_on(adapter)
        passed_by = self._wrapped.disable_adapter() if self._wrapped and adapter is None else nullcontext()
        with passed_by, torch.inference_mode():
            yield

    def _put_on(self, adapter: Adapter) -> None:
        """Loads an adapter onto the base model, in place of the one before."""
        if self._adapter == adapter.sha256:
            return
        from peft import PeftModel

        adapters.check(adapter)
        self._take_off()
        try:
            with loading.known_peft_warning():
                self._wrapped = PeftModel.from_pretrained(self._loaded, str(adapter.folder)).eval()
        except (RuntimeError, ValueError, OSError, AttributeError, KeyError, TypeError) as error:
            self.release()  # peft may have got half way into the model
            raise HarnessError(
                f"adapter {adapter.folder}: it does not fit the student {self.checkpoint.name} "
                f"({type(error).__name__}); train it on this student"
            ) from error
        self._adapter = adapter.sha256

    def _take_off(self) -> None:
        if self._wrapped is not None:
            self._wrapped.unload()
        self._wrapped = self._adapter = None


def _device(wanted: Device) -> torch.device:
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise UsageError("student.device: 'cuda' was asked for, but torch finds no GPU; give cpu or auto")
    if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()):
        return torch.device("cuda", 0)
    return torch.device("cpu")
