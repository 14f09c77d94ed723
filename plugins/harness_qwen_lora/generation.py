"""Prompts to replies with a loaded model, as token ids: batches of like length, greedy, halved where memory ends.

What the ids mean is in encoding.py; which model and adapter answer is the student's part.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.api import HarnessError
from harness_qwen_lora import memory
from harness_qwen_lora.encoding import Chat
from harness_qwen_lora.options import Engine

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig

Ids = Sequence[int]

GREEDY: dict[str, Any] = {
    "do_sample": False,
    "num_beams": 1,
    "num_return_sequences": 1,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "use_cache": True,
    "disable_compile": True,
}
"""Every setting that changes what greedy decoding gives, said out loud."""
SAMPLE = 4
"""Prompts on which an engine is compared with generate."""
SAMPLE_TOKENS = 32
"""New tokens of each that are compared."""
TIES = {"float32": 1e-3, "float16": 0.05, "bfloat16": 0.5}
"""Two tokens whose logits are this close may be chosen either way: rounding differs with the shape of a batch."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How replies are made."""

    max_new_tokens: int
    rows: int | None
    """Prompts of a batch; None for as many as fit into ``memory``."""
    memory: int
    """Bytes of the device that may be used; only read where ``rows`` is None or the engine is ``continuous``."""
    engine: Engine = "generate"
    prefill_chunk: int | None = None
    """Tokens of the prompts that go through the model at once; None for all."""
    min_new_tokens: int = 0
    """Tokens before which no reply may end: for measuring speed on a model that ends nowhere of use."""


def known_arguments(model: Any) -> Callable[..., dict[str, Any]]:
    """Keeps those of some arguments that a model's forward takes: not every family knows all of them."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    parameters = inspect.signature(base.forward).parameters
    passes_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    def known(**given: Any) -> dict[str, Any]:
        return {name: value for name, value in given.items() if passes_on or name in parameters}

    return known


class Generator:
    """A model that continues prompts. Whether an adapter is on is for the caller to see to."""

    def __init__(self, model: Any, chat: Chat, settings: Settings) -> None:
        self._model = model
        self._chat = chat
        self._settings = settings
        self._most = settings.rows or memory.MOST_ROWS
        """Prompts of a batch; falls when a batch does not fit."""
        self._checked: set[str | None] = set()
        self._decoding = GREEDY

    def answer(self, prompts: Sequence[Ids], adapter: str | None) -> list[list[int]]:
        """The new token ids of each prompt, in order, a row as long as the longest of its batch.

        Prompts of like length share a batch, the longest first, so that what does not fit shows at once. ``adapter``
        names what answers, for the comparison of engines. Raises HarnessError where a single prompt does not fit.
        """
        if self._settings.engine == "continuous":
            return self._compared(prompts, adapter)
        order = sorted(range(len(prompts)), key=lambda at: -len(prompts[at]))
        replies: dict[int, list[int]] = {}
        while len(replies) < len(order):
            waiting = order[len(replies) :]
            lengths = [len(prompts[at]) for at in waiting]
            if not self._pads:
                lengths = [length for length in lengths if length == lengths[0]]
            batch = waiting[: self._fitting(lengths)]
            replies |= zip(batch, self._halving([prompts[at] for at in batch]), strict=True)
        return [replies[at] for at in range(len(prompts))]

    def sample(self, prompts: Sequence[Ids], seed: int, temperature: float) -> list[list[int]]:
        """As ``answer``, with every token drawn from the model's own distribution at a temperature above 0."""
        import torch

        devices = [self._model.device] if self._model.device.type == "cuda" else []
        settings, drawn = self._settings, {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            self._settings, self._decoding = replace(settings, engine="generate"), GREEDY | drawn
            try:
                return self.answer(prompts, None)
            finally:
                self._settings, self._decoding = settings, GREEDY

    def next_logits(self, prompts: Sequence[Ids]) -> torch.Tensor:
        """Logits of the token after each prompt, prompts x vocabulary, in float32."""
        ids, mask = self._left_padded(prompts)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        given = {"attention_mask": mask, "position_ids": positions, "logits_to_keep": 1, "use_cache": False}
        output = self._model(**known_arguments(self._model)(input_ids=ids, **given))
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    @cached_property
    def _pads(self) -> bool:
        """Whether prompts of different lengths can share a batch: a family without position_ids counts padding too."""
        return "position_ids" in inspect.signature(self._model.forward).parameters

    def _fitting(self, lengths: Sequence[int]) -> int:
        """How many of these prompts, longest first, make the next batch; at least one."""
        rows = min(self._most, len(lengths))
        if self._settings.rows is not None:
            return rows
        shape = memory.shape(self._model)
        width, new, chunk = lengths[0], self._settings.max_new_tokens, self._settings.prefill_chunk
        each = memory.answering(shape, 1, width, new, chunk)
        return max(1, min(rows, memory.room(shape, self._settings.memory) // each))

    def _halving(self, prompts: Sequence[Ids]) -> list[list[int]]:
        """A batch, in halves where it does not fit into memory whole."""
        import torch

        try:
            return self._padded(prompts, self._settings.max_new_tokens)
        except torch.OutOfMemoryError as error:
            if len(prompts) == 1:
                raise HarnessError(
                    f"student: one prompt of {len(prompts[0])} tokens and {self._settings.max_new_tokens} new ones do "
                    "not fit into memory; lower student.max_new_tokens, or take a smaller model or another device"
                ) from error
        # Beyond the handler: until here, the traceback held on to the batch's tensors.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(prompts) // 2
        self._most = min(self._most, len(prompts) - half)
        logging.getLogger(__name__).warning(
            "student: %d prompts do not fit into memory together; going on with %d", len(prompts), self._most
        )
        return self._halving(prompts[:half]) + self._halving(prompts[half:])

    def _padded(self, prompts: Sequence[Ids], new: int) -> list[list[int]]:
        ids, mask = self._left_padded(prompts)
        made = self._model.generate(input_ids=ids, attention_mask=mask, generation_config=self._config(new))
        rows: list[list[int]] = made[:, ids.shape[1] :].tolist()
        return rows

    def _config(self, new: int) -> GenerationConfig:
        from transformers import GenerationConfig

        settings = {
            "min_new_tokens": min(new, self._settings.min_new_tokens),
            "max_new_tokens": new,
            "eos_token_id": list(self._chat.stops),
            "pad_token_id": self._chat.pad,
            "prefill_chunk_size": self._settings.prefill_chunk,
        }
        return GenerationConfig.from_dict(self._decoding | settings)

    def _left_padded(self, prompts: Sequence[Ids]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask, batch x longest prompt, with every prompt ending at the right edge."""
        import torch

        width = max(map(len, prompts))
        pad, device = self._chat.pad, self._model.device
        ids = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        return torch.tensor(ids, device=device), torch.tensor(mask, device=device)

    # Continuous batching

    def _compared(self, prompts: Sequence[Ids], adapter: str | None) -> list[list[int]]:
        """Replies by continuous batching; the first with each adapter are compared with generate's."""
        if not prompts:
            return []
        replies = self._continuous(prompts)
        if adapter not in self._checked:
            sample = list(prompts[:SAMPLE])
            for prompt, ours, theirs in zip(sample, replies, self._padded(sample, SAMPLE_TOKENS), strict=False):
                self._agree(prompt, ours, theirs)
            self._checked.add(adapter)
        return replies

    def _continuous(self, prompts: Sequence[Ids]) -> list[list[int]]:
        import torch
        from transformers import ContinuousBatchingConfig

        # Its worker is a thread of its own, which may not write to what was made in this one's inference mode.
        with torch.inference_mode(False), torch.no_grad():
            made = self._model.generate_batch(
                inputs=[list(prompt) for prompt in prompts],
                generation_config=self._config(self._settings.max_new_tokens),
                # another attention kernel would be another model
                continuous_batching_config=ContinuousBatchingConfig(
                    auto_switch_to_flash=False, max_memory_percent=self._share_of_free_memory()
                ),
                progress_bar=False,
            )
        results = list(made.values())
        # A worker that dies leaves what is there, in order, and only logs that something is missing.
        failed = [result.error for result in results if result.error is not None]
        whole = [list(result.prompt_ids) for result in results] == [list(prompt) for prompt in prompts]
        if failed or not whole:
            raise HarnessError(
                f"student: continuous batching answered {len(results) - len(failed)} of {len(prompts)} prompts"
                f"{f' ({failed[0]})' if failed else ''}; choose student.engine = generate"
            )
        return [list(result.generated_tokens) for result in results]

    def _share_of_free_memory(self) -> float | None:
        """The share of what is free now that the cache may take, under the limit that was set; None without a GPU."""
        import torch

        if self._model.device.type != "cuda":
            return None
        free, _ = torch.cuda.mem_get_info(self._model.device)
        left = memory.room(memory.shape(self._model), self._settings.memory)
        return max(0.01, min(0.8, left / free))

    def _agree(self, prompt: Ids, ours: Ids, theirs: Ids) -> None:
        """Raises HarnessError where two replies part at tokens that are no near tie."""
        width = min(len(ours), len(theirs))
        at = next((at for at in range(width) if ours[at] != theirs[at]), None)
        # Once both have ended, generate's row goes on with padding.
        if at is None or any(id_ in self._chat.stops for id_ in ours[:at]):
            return
        logits = self.next_logits([[*prompt, *ours[:at]]])[0]
        gap = abs(float(logits[theirs[at]] - logits[ours[at]]))
        if gap > TIES[str(self._model.dtype).removeprefix("torch.")]:
            raise HarnessError(
                f"student: continuous batching parts from generate at token {at + 1} of a reply, where the logits are "
                f"{gap:.3g} apart; choose student.engine = generate"
            )
