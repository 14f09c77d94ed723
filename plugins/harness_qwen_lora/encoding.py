"""Messages to token ids and back, by the checkpoint's own chat template: prompts, training rows, replies.

No model here, and no tensors: lists of token ids go in and out. How a template is applied is in template.py.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.api import Example, Json, Message, Stop, TokenRow, UnfitError, UsageError
from harness_qwen_lora.template import DAY, REPLY, SYSTEM, USER, Template

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SHOWN = 40
"""Characters of a text that a reason repeats."""


class Chat:
    """A tokenizer with its chat template. ``stops`` are further ids, from the checkpoint, that end a reply.

    Raises UsageError where no reply could be told from what is around it.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        stops: Iterable[int] = (),
        arguments: Mapping[str, Json] | None = None,
        day: str = DAY,
    ) -> None:
        self._tokenizer = tokenizer
        self._template = Template(tokenizer, arguments, day)
        self._special = self._control_ids()
        self._opening = ""
        """What the template writes between a prompt and the reply: the student's to write, but no part of its text."""
        self._opening_controls: list[int] = []
        self.end: int | None = None
        """The id that the template puts after a reply; None where it puts none."""
        self.untrainable = self._learn_turn()
        """Why no reply can be trained on, or None."""
        own = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
        self.stops = tuple(sorted({*([] if self.end is None else [self.end]), *own, *stops}))
        """Every id that ends a reply."""
        self._check_stops()
        self.pad = self.stops[0] if self.end is None else self.end
        if tokenizer.pad_token_id is not None:
            self.pad = int(tokenizer.pad_token_id)

    @property
    def folds_system(self) -> bool:
        """Whether the template has no place for a system text, which then heads the user's turn."""
        return self._template.folds_system

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Messages as token ids, up to where the reply begins. Raises UsageError if the template refuses them."""
        return self._template.ids(messages)

    def row(self, example: Example, max_length: int) -> TokenRow:
        """An example as token ids, cut at ``max_length``.

        Raises UnfitError where the example cannot be written whole, and UsageError where nothing of the reply is left
        by the cut or where the template ends no reply that could be learned.
        """
        if self.untrainable is not None:
            raise UsageError(f"student.model: {self.untrainable}; base answers are possible, trainings are not")
        prompt = self.prompt(example.prompt)
        reply = self._reply_ids(example, prompt)
        if len(prompt) >= max_length:
            raise UsageError(
                f"trainer.max_length: {max_length} tokens leave nothing of the reply of {example.problem_id}, whose "
                f"prompt alone has {len(prompt)}; give at least {len(prompt) + len(reply)}"
            )
        ids = (*prompt, *reply)
        return TokenRow(ids[:max_length], len(prompt), len(ids) > max_length, example.weight)

    def reply(self, ids: Sequence[int]) -> tuple[str, Stop, int]:
        """Generated ids as text, why they stop, and how many the model made (padding after the end not counted).

        Where a turn opens with control tokens, the text is what follows the last opening: what a model writes into
        other channels before is no part of its reply.
        """
        ended = next((at for at, id_ in enumerate(ids) if id_ in self.stops), None)
        text = self._decode(ids if ended is None else ids[:ended]).removeprefix(self._opening)
        if self._opening_controls:
            text = text.rpartition(self._opening)[2]
        return (text, "length", len(ids)) if ended is None else (text, "end", ended + 1)

    def used(self) -> dict[int, str]:
        """Token ids with their names: those that every prompt, row or batch holds, and those that a text can."""
        question = [Message("system", SYSTEM), Message("user", USER)]
        special = {*self._template.ids(question), self.pad}
        if self.untrainable is None:
            special |= set(self._template.ids(question, reply=REPLY))
        plain = {id_: token for token, id_ in self._tokenizer.get_vocab().items() if id_ not in self._special}
        return plain | {id_: str(self._tokenizer.convert_ids_to_tokens(id_)) for id_ in special}

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _plain(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    # The form of a turn

    def _control_ids(self) -> set[int]:
        """Special tokens, and whatever other token the template itself writes that was added to the vocabulary."""
        question = [Message("system", SYSTEM), Message("user", USER)]
        written = self._template.text(question)
        with suppress(UsageError):  # told by _learn_turn
            written += self._template.text(question, reply=REPLY)
        return {
            id_
            for id_, token in self._tokenizer.added_tokens_decoder.items()
            if token.special or (token.content in written and not token.content.isspace())
        }

    def _learn_turn(self) -> str | None:
        """Finds what the template writes around a reply. Gives the reason why no reply can be learned, or None."""
        question = [Message("system", SYSTEM), Message("user", USER)]
        prompt = self._template.text(question)
        try:
            whole = self._template.text(question, reply=REPLY)
        except UsageError as error:
            return str(error).removeprefix("student.model: ")
        if whole.count(REPLY) != 1:
            return f"its chat template writes the text of an assistant's turn {whole.count(REPLY)} times, not once"
        head, _, tail = whole.partition(REPLY)
        ends = [id_ for id_ in self._plain(tail) if id_ in self._special]
        if not ends:
            return "its chat template ends a reply with no control token, so a model cannot learn to stop"
        self.end = ends[0]
        if not head.startswith(prompt):
            return _not_a_prefix(prompt, head)
        self._opening = head[len(prompt) :]
        self._opening_controls = [id_ for id_ in self._plain(self._opening) if id_ in self._special]
        return None

    def _check_stops(self) -> None:
        """Raises UsageError where a reply would have no end, or would end where it begins."""
        if not self.stops:
            raise UsageError(
                f"student.model: {self.untrainable}, and it states no end-of-sequence token; choose a chat checkpoint"
            )
        early = [id_ for id_ in self._opening_controls if id_ in self.stops]
        if early:
            raise UsageError(
                "student.model: its chat template opens an assistant's turn with "
                f"{self._tokenizer.convert_ids_to_tokens(early[0])!r}, which also ends one, so it is not clear where a "
                "reply ends; choose another checkpoint"
            )

    # Rows

    def _reply_ids(self, example: Example, prompt: list[int]) -> list[int]:
        """The ids that follow a prompt, through the one that ends the reply. Raises UnfitError."""
        full = self._template.ids(example.prompt, reply=example.target)
        after = full[len(prompt) :] if full[: len(prompt)] == prompt else self._parted(example)
        controls = [at for at, id_ in enumerate(after) if id_ in self._special]
        opened = len(self._opening_controls)
        if [after[at] for at in controls[:opened]] != self._opening_controls or len(controls) <= opened:
            raise UnfitError("the chat template writes this reply in another form than other replies")
        if after[controls[opened]] != self.end:
            token = self._tokenizer.convert_ids_to_tokens(after[controls[opened]])
            raise UnfitError(f"the chat template writes the control token {token!r} into the reply")
        ids = after[: controls[opened] + 1]
        self._check_whole(ids[:-1], example.target)
        return ids

    def _parted(self, example: Example) -> list[int]:
        """The ids after a prompt whose last token would run into the reply's first: the two are encoded apart."""
        prompt, whole = self._template.text(example.prompt), self._template.text(example.prompt, reply=example.target)
        if not whole.startswith(prompt):
            raise UnfitError("the chat template writes the prompt differently once this reply follows")
        if any(token.content in example.target for token in self._tokenizer.added_tokens_decoder.values()):
            raise UnfitError("the reply spells a control token and runs into the prompt")
        return self._plain(whole[len(prompt) :])

    def _check_whole(self, ids: Sequence[int], target: str) -> None:
        """Raises UnfitError unless a row's reply is the target, but for space around it and forms of a character."""
        written = _plain_form(self._decode(ids).removeprefix(self._opening))
        wanted = _plain_form(target)
        if written != wanted:
            at = next((at for at, pair in enumerate(zip(written, wanted, strict=False)) if pair[0] != pair[1]), None)
            at = min(len(written), len(wanted)) if at is None else at
            raise UnfitError(
                "tokenizer and chat template do not keep the reply whole: "
                f"{wanted[at : at + SHOWN]!r} becomes {written[at : at + SHOWN]!r}"
            )


def _plain_form(text: str) -> str:
    """A text as tokenizers may write it without a loss: composed, and without space around it."""
    return unicodedata.normalize("NFKC", text).strip()


def _not_a_prefix(prompt: str, head: str) -> str:
    """Why rows cannot be trained as they are asked for."""
    shared = next((at for at, pair in enumerate(zip(prompt, head, strict=False)) if pair[0] != pair[1]), None)
    left = prompt[min(len(prompt), len(head)) if shared is None else shared :]
    if REPLY not in head and prompt.startswith(head.rstrip()) and left.strip():
        return (
            f"its chat template opens a reply with {left[:SHOWN]!r}, which it does not write into finished turns, so "
            "a reply cannot be trained as it is asked for"
        )
    return (
        "its chat template writes a prompt differently once a reply follows, so the reply's tokens cannot be told apart"
    )
