"""Messages to token ids and back, by the checkpoint's own chat template: prompts, training rows, replies.

No model here, and no tensors: lists of token ids go in and out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.api import Example, HarnessError, Message, Stop, UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Row:
    """One training example as tokens: the prompt, then the reply through the token that ends it."""

    ids: tuple[int, ...]
    prompt_tokens: int
    """How many of ``ids`` are prompt, and so carry no loss."""
    truncated: bool

    @property
    def supervised_tokens(self) -> int:
        """Tokens that carry loss."""
        return len(self.ids) - self.prompt_tokens


class Chat:
    """A tokenizer with its chat template. ``stops`` are further ids, from the checkpoint, that end a reply."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stops: Iterable[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._special = {id_ for id_, token in tokenizer.added_tokens_decoder.items() if token.special}
        self.end = self._turn_end()
        """The id that the template puts after a reply."""
        own = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        self.stops = tuple(sorted({self.end, *own, *stops}))
        """Every id that ends a reply."""
        self.pad = self.end if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Messages as token ids, up to where the reply begins."""
        return self._render(messages, reply=None)

    def row(self, example: Example, max_length: int) -> Row:
        """An example as token ids, cut at ``max_length``.

        Raises HarnessError where the target holds a control token of the template, and UsageError where nothing of
        the reply is left by the cut or where the template changes a prompt once a reply follows.
        """
        prompt = self.prompt(example.prompt)
        full = self._render(example.prompt, reply=example.target)
        if full[: len(prompt)] != prompt:
            raise UsageError(
                "student.model: its chat template writes a prompt differently once a reply follows, so the reply's "
                "tokens cannot be told apart; choose a checkpoint whose template does not"
            )
        control = [id_ for id_ in full[len(prompt) :] if id_ in self._special]
        if control[:1] != [self.end] or len(control) > 1:
            names = self._tokenizer.convert_ids_to_tokens(control)
            raise HarnessError(
                f"training example {example.problem_id}: expected the reply to hold no control token but the one that "
                f"ends it, found {names}; remove it from the example"
            )
        ids = full[: len(prompt) + full[len(prompt) :].index(self.end) + 1]
        if len(prompt) >= max_length:
            raise UsageError(
                f"trainer.max_length: {max_length} tokens leave nothing of the reply of {example.problem_id}, whose "
                f"prompt alone has {len(prompt)}; give at least {len(ids)}"
            )
        return Row(tuple(ids[:max_length]), len(prompt), truncated=len(ids) > max_length)

    def reply(self, ids: Sequence[int]) -> tuple[str, Stop, int]:
        """Generated ids as text, why they stop, and how many the model made (padding after the end not counted)."""
        ended = next((at for at, id_ in enumerate(ids) if id_ in self.stops), None)
        kept = ids if ended is None else ids[:ended]
        text = str(self._tokenizer.decode(list(kept), skip_special_tokens=False, clean_up_tokenization_spaces=False))
        return (text, "length", len(ids)) if ended is None else (text, "end", ended + 1)

    def _render(self, messages: Sequence[Message], reply: str | None) -> list[int]:
        turns = [{"role": message.role, "content": message.text} for message in messages]
        if reply is not None:
            turns.append({"role": "assistant", "content": reply})
        encoded: Any = self._tokenizer.apply_chat_template(
            turns, add_generation_prompt=reply is None, tokenize=True, return_dict=True
        )
        return list(encoded["input_ids"])

    def _turn_end(self) -> int:
        question = [Message("user", "a")]
        tail = self._render(question, reply="b")[len(self.prompt(question)) :]
        ends = [id_ for id_ in tail if id_ in self._special]
        if not ends:
            raise UsageError(
                "student.model: its chat template ends a reply with no control token, so a model cannot learn to stop; "
                "choose a chat checkpoint"
            )
        return ends[0]
