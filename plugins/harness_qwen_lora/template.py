"""A checkpoint's chat template: messages to text and to token ids, the same on any day and in any hands.

What the ids mean, and which of them are learned, is in encoding.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from harness.api import Json, Message, UsageError
from harness_qwen_lora.checkpoints.loading import cause

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DAY = "2025-01-01"
"""The day that a template takes for today unless told another."""
CLOCK = "strftime_now"
"""The function by which a template asks for the date."""
DIRECTIVES = "aAdbBmyYHIpMSfjUWwuGVxXcDFehRTCnt"
"""Of strftime, as far as a day without a time zone decides them."""
SYSTEM, USER, REPLY = "zqsystemqz", "zqquestionqz", "zqreplyqz"
"""Words that no template holds, by which it is seen what one does with the texts that it is given."""
SEPARATOR = "\n\n"
"""What stands between a system text and the user's where they share a turn."""


class Template:
    """A tokenizer's chat template with its arguments and its date. Texts cannot spell its control tokens.

    Raises UsageError where the template cannot write a question.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, arguments: Mapping[str, Json] | None = None, day: str = DAY
    ) -> None:
        self._tokenizer = tokenizer
        self._arguments = dict(arguments or {})
        self._text = _dated(_text(tokenizer), date.fromisoformat(day))
        self.folds_system = False
        """Whether a system text is put into the user's turn, because the template has no place for it."""
        self.folds_system = self._must_fold()

    def text(self, messages: Sequence[Message], reply: str | None = None) -> str:
        """The text of messages, up to where a reply begins, or through the turn that holds ``reply``."""
        return str(self._apply(messages, reply, tokenize=False))

    def ids(self, messages: Sequence[Message], reply: str | None = None) -> list[int]:
        """The same as token ids. A control token that a message spells is encoded as the text that it is there."""
        return list(self._apply(messages, reply, tokenize=True, return_dict=False, sanitize_control_tokens=True))

    def _must_fold(self) -> bool:
        both = [Message("system", SYSTEM), Message("user", USER)]
        try:
            written = self.text(both)
        except UsageError:
            written = ""
        if SYSTEM in written and USER in written:
            return False
        self.folds_system = True
        if USER not in self.text(both[1:]):
            raise UsageError(
                "student.model: its chat template does not write the text of a user's turn; choose a chat checkpoint"
            )
        return True

    def _apply(self, messages: Sequence[Message], reply: str | None, **how: Any) -> Any:
        turns = [{"role": message.role, "content": message.text} for message in self._folded(messages)]
        if reply is not None:
            turns.append({"role": "assistant", "content": reply})
        tokenizer: Any = self._tokenizer
        try:
            return tokenizer.apply_chat_template(
                turns,
                chat_template=self._text,
                add_generation_prompt=reply is None,
                **how,
                **self._arguments,
            )
        except Exception as error:  # a template is a program of the checkpoint's
            raise UsageError(
                f"student.model: its chat template cannot write this conversation ({type(error).__name__}: "
                f"{cause(error)}); choose another checkpoint, or set student.template_arguments"
            ) from error

    def _folded(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as the template can write them: each system text at the head of the user's turn that follows."""
        if not self.folds_system:
            return list(messages)
        folded: list[Message] = []
        waiting: list[str] = []
        for message in messages:
            if message.role == "system":
                waiting.append(message.text)
            elif message.role == "user":
                folded.append(Message("user", SEPARATOR.join([*waiting, message.text])))
                waiting = []
            else:
                folded.append(message)
        return folded + ([Message("user", SEPARATOR.join(waiting))] if waiting else [])


def _text(tokenizer: PreTrainedTokenizerBase) -> str:
    try:
        return str(tokenizer.get_chat_template())
    except ValueError as error:
        raise UsageError(
            f"student.model: its tokenizer has no default chat template ({cause(error)}); choose a chat checkpoint"
        ) from error


def _dated(template: str, day: date) -> str:
    """A template that takes ``day`` for today: transformers' own clock is hidden by a macro of the same name."""
    if CLOCK not in template:
        return template
    written = "format | replace('%%', '\\x00')"
    for directive in DIRECTIVES:
        for flag in ("", "-"):
            value = day.strftime(f"%{flag}{directive}").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
            written += f" | replace('%{flag}{directive}', '{value}')"
    # The line break is eaten by trim_blocks, and leaves the template at the start of a line.
    return f"{{% macro {CLOCK}(format) %}}{{{{ {written} | replace('\\x00', '%') }}}}{{% endmacro %}}\n{template}"
