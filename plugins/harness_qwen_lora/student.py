"""A local chat model that answers in padded batches, greedily, with or without an adapter.

Where its files come from is in loading.py, tokens are in encoding.py, training in training.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, UsageError
from harness.records import Adapter, Completion, Json, Request, Skill, Usage
from harness_qwen_lora import loading
from harness_qwen_lora.encoding import Chat
from harness_qwen_lora.options import Device, Dtype, StudentOptions

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import GenerationConfig, PreTrainedModel

GREEDY: dict[str, Any] = {
    "do_sample": False,
    "num_beams": 1,
    "num_return_sequences": 1,
    "min_new_tokens": 0,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "use_cache": True,
    "disable_compile": True,
}
"""Every setting that changes what greedy decoding gives, said out loud."""


class QwenStudent:
    """One checkpoint, loaded at most once. ``name`` is what a folder is called in the result.

    A method that needs the weights loads them, and raises UsageError where they cannot be had.
    """

    def __init__(self, model: str, options: StudentOptions, *, revision: str | None = None, name: str | None = None):
        self._asked = (model, revision, name)
        self._options = options
        self._wrapped: PeftModel | None = None
        self._adapter: str | None = None

    @cached_property
    def checkpoint(self) -> loading.Checkpoint:
        """Where the weights are. Loads and downloads nothing."""
        return loading.locate(*self._asked)

    @cached_property
    def device(self) -> torch.device:
        """Where the model runs."""
        return _device(self._options.device)

    @property
    def batch_size(self) -> int:
        """Prompts per padded batch."""
        return self._options.batch_size

    @cached_property
    def identity(self) -> Mapping[str, Json]:
        """What answers, and how. Reads the weights' digest, but does not load them."""
        return {
            "provider": "local",
            "model": self.checkpoint.name,
            "revision": self.checkpoint.revision,
            "weights_sha256": self.checkpoint.weights_sha256(),
            "device": self._options.device if self._options.device != "auto" else self.device.type,
            "dtype": self.dtype,
            "attention": "sdpa",
            "decoding": "greedy",
            "max_new_tokens": self._options.max_new_tokens,
            "batch_size": self._options.batch_size,
        }

    @cached_property
    def dtype(self) -> Dtype:
        """Number format of the weights, chosen by what the device can do where the options leave it open."""
        if self._options.dtype != "auto":
            return self._options.dtype
        if self.device.type == "cpu":
            return "float32"
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"

    def preflight(self) -> None:
        """Finds the checkpoint and the device. Raises UsageError if one is not there or they do not suit each other."""
        _ = self.checkpoint
        if self._options.device == "cuda":
            _ = self.device
        if self._options.dtype == "float16" and self.device.type == "cpu":
            raise UsageError("student.dtype: float16 needs a GPU; on a CPU give float32, bfloat16 or auto")

    def skills(self, count: int) -> Sequence[Skill]:
        """The first ``count`` skills that the checkpoint's folder states; none for a checkpoint that states none."""
        folder = self.checkpoint.folder
        return [] if folder is None else loading.read_skills(folder)[:count]

    def chat(self) -> Chat:
        """Token ids of messages and replies, as the checkpoint wants them."""
        return self._loaded[1]

    def linear_modules(self) -> set[str] | None:
        """Names of the model's linear modules, read off its config; None while that is only at the Hub."""
        folder = self.checkpoint.folder
        return None if folder is None else loading.linear_modules(folder)

    @contextmanager
    def lend(self) -> Iterator[PreTrainedModel]:
        """The base model for a training, without any adapter; whoever borrows it takes off what they put on."""
        model = self._loaded[0]
        self._take_off()
        use_cache = model.config.use_cache
        try:
            yield model
        finally:
            model.config.use_cache = use_cache
            model.train(False).requires_grad_(False)

    def generate(self, requests: Sequence[Request], adapter: Adapter | None) -> list[Completion]:
        """One completion per request, in order; prompts beyond ``batch_size`` go into further batches.

        Raises UsageError for a prompt that leaves no room for a reply, and HarnessError where the adapter's file is
        not the one that its digest names.
        """
        prompts = [self.chat().prompt(request.messages) for request in requests]
        self._check_room(requests, prompts)
        replies: list[list[int]] = []
        with self._answering(adapter):
            for start in range(0, len(prompts), self.batch_size):
                replies += self._continue(prompts[start : start + self.batch_size])
        return [self._completion(*parts) for parts in zip(requests, prompts, replies, strict=True)]

    def probe(self, requests: Sequence[Request], adapter: Adapter) -> float:
        """The largest absolute change of a next-token logit that the adapter makes on these prompts."""
        prompts = [self.chat().prompt(request.messages) for request in requests]
        largest = 0.0
        for start in range(0, len(prompts), self.batch_size):
            batch = prompts[start : start + self.batch_size]
            with self._answering(adapter):
                changed = self._next_logits(batch)
            with self._answering(None):
                largest = max(largest, (changed - self._next_logits(batch)).abs().max().item())
        return largest

    @cached_property
    def _loaded(self) -> tuple[PreTrainedModel, Chat]:
        import torch
        from transformers import GenerationConfig

        if self._options.threads:
            torch.set_num_threads(self._options.threads)
        folder = loading.fetch(self.checkpoint)
        self.checkpoint = replace(self.checkpoint, folder=folder)
        model, tokenizer = loading.load(folder, getattr(torch, self.dtype), self.device, self.checkpoint.name)
        eos = model.generation_config.eos_token_id
        chat = Chat(tokenizer, stops=[eos] if isinstance(eos, int) else eos or [])
        # generate() fills whatever it is not told from here: a checkpoint's penalties would leak into greedy decoding.
        model.generation_config = GenerationConfig.from_dict({})
        return model, chat

    def _generation(self) -> GenerationConfig:
        """Greedy decoding, with every setting said that changes what greedy decoding gives."""
        from transformers import GenerationConfig

        chat = self.chat()
        limits = {
            "max_new_tokens": self._options.max_new_tokens,
            "eos_token_id": list(chat.stops),
            "pad_token_id": chat.pad,
        }
        return GenerationConfig.from_dict(GREEDY | limits)

    def _continue(self, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
        """New token ids for one batch, each row as long as the longest."""
        ids, mask = self._left_padded(prompts)
        model: Any = self._loaded[0]
        made = model.generate(input_ids=ids, attention_mask=mask, generation_config=self._generation())
        rows: list[list[int]] = made[:, ids.shape[1] :].tolist()
        return rows

    def _next_logits(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        ids, mask = self._left_padded(prompts)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        model: Any = self._loaded[0]
        output = model(input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=1, use_cache=False)
        logits: torch.Tensor = output.logits[:, -1].float()
        if not logits.isfinite().all():
            raise HarnessError(
                f"student {self.checkpoint.name}: a next-token logit is not finite in {self.dtype}; "
                "choose another student.dtype, or train at a lower trainer.learning_rate"
            )
        return logits

    def _left_padded(self, prompts: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, batch x longest prompt, with every prompt ending at the right edge."""
        import torch

        width = max(map(len, prompts))
        pad = self.chat().pad
        ids = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        return torch.tensor(ids, device=self.device), torch.tensor(mask, device=self.device)

    def _check_room(self, requests: Sequence[Request], prompts: Sequence[Sequence[int]]) -> None:
        room = getattr(self._loaded[0].config, "max_position_embeddings", None)
        for request, prompt in zip(requests, prompts, strict=True):
            if room is not None and len(prompt) + self._options.max_new_tokens > room:
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

        weights = adapter.folder / loading.ADAPTER_FILE
        found = loading.sha256(weights) if weights.is_file() else "none, being missing"
        if found != adapter.sha256:
            raise HarnessError(
                f"adapter {adapter.folder}: its weights have sha256 {found}, but {adapter.sha256} was recorded; "
                "train it again or restore the file"
            )
        self._take_off()
        try:
            with loading.known_peft_warning():
                self._wrapped = PeftModel.from_pretrained(self._loaded[0], str(adapter.folder)).eval()
        except (RuntimeError, ValueError, OSError) as error:
            del self._loaded  # peft may have got half way into the model
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
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)
