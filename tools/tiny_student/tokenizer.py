"""The tokenizer of the tiny student: whole numbers, listed words and punctuation are tokens, all else is bytes.

It loses nothing: decoding what was encoded gives the same text, for any text.
"""

from __future__ import annotations

from collections.abc import Callable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tools.tiny_student.words import CAPITALISED, COMMON, LABELS, OPERATIONS, ROLES

PAD, BEGIN, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML as in Qwen2.5, without that template's default system message."""

LARGEST_NUMBER = 99
LARGEST_TAGGED = 49
COMPARISONS = ("<=", ">=", "<", ">", "=")
_PIECE = r" ?\d+[+\-](?!\d)| ?\d+| ?(?:<=|>=)| ?\p{L}+| ?[^\s\p{L}\d]|\s"
"""A piece is a number with or without a sign behind it, a word or a mark, each with a space before it, or one space."""


def _byte_characters() -> list[str]:
    """The printable stand-ins of the 256 byte values, in the order of the values."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [value for value in range(256) if value not in shown]
    stand_in = {value: chr(value) for value in shown} | {value: chr(256 + k) for k, value in enumerate(hidden)}
    return [stand_in[value] for value in range(256)]


def vocabulary() -> list[str]:
    """All tokens in the order of their ids; ``Ġ`` stands for a space."""
    numbers = [str(value) for value in range(LARGEST_NUMBER + 1)]
    tagged = [f"Ġ{value}{sign}" for value in range(LARGEST_TAGGED + 1) for sign in "+-"]
    words = sorted({*COMMON, *CAPITALISED, *LABELS, *OPERATIONS})
    bare = sorted({*CAPITALISED, *LABELS, *OPERATIONS, *ROLES, "first", "sorted", "largest", "smallest", "last", "is"})
    marks = ["<=", ">=", *(f"Ġ{mark}" for mark in (*COMPARISONS, "+", "-", "(", "*"))]
    tokens = [PAD, BEGIN, END, *_byte_characters(), *numbers, *(f"Ġ{n}" for n in numbers), *tagged, *marks]
    tokens += [f"Ġ{word}" for word in words] + bare
    return list(dict.fromkeys(tokens))


def build() -> PreTrainedTokenizerFast:
    """The tokenizer, with its chat template and its special tokens."""
    ids = {token: index for index, token in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECE), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in (PAD, BEGIN, END)])
    make: Callable[..., PreTrainedTokenizerFast] = PreTrainedTokenizerFast
    return make(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
        chat_template=CHAT_TEMPLATE,
    )
