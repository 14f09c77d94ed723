"""The tokenizer of the bundled checkpoint: lossless on any text, whole numbers and common words in one token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from tools.tiny_student.tokenizer import vocabulary

FOLDER = Path(__file__).parents[3] / "plugins" / "harness_qwen_lora" / "tiny"
TOKENIZER: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(FOLDER)


@given(st.text())
@example("def f(x):\n\treturn x ** 2  # caf\u00e9 \u4e2d\u6587 \U0001f600\r\n")
@example(" don't . , 's e\u0301 \u212b \x00 \u2028  9+ 10-11 45- 1234\n\n")
def test_any_text_comes_back_unchanged(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(st.lists(st.integers(0, 99), min_size=1, max_size=30))
def test_a_whole_number_is_one_token(numbers: list[int]) -> None:
    assert len(TOKENIZER.encode(" ".join(map(str, numbers)))) == len(numbers)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("9-11 10-12", ["9", "-", "11", "Ġ10", "-", "12"]),
        ("9+ 10- 11+", ["9", "+", "Ġ10-", "Ġ11+"]),
        ("Line: 3 <= 14\n", ["L", "i", "n", "e", ":", "Ġ3", "Ġ<=", "Ġ14", "Ċ"]),
    ],
)
def test_numbers_signs_words_and_bytes_are_told_apart(text: str, tokens: list[str]) -> None:
    assert TOKENIZER.tokenize(text) == tokens


def test_the_bundled_vocabulary_is_the_one_that_the_tool_builds() -> None:
    assert [TOKENIZER.convert_ids_to_tokens(index) for index in range(len(TOKENIZER))] == vocabulary()


def test_the_chat_template_adds_no_system_message() -> None:
    chat = [{"role": "user", "content": "copy river"}, {"role": "assistant", "content": "copy: 3"}]
    shown = TOKENIZER.apply_chat_template(chat, tokenize=False)
    assert shown == "<|im_start|>user\ncopy river<|im_end|>\n<|im_start|>assistant\ncopy: 3<|im_end|>\n"


def test_the_prompt_of_a_reply_is_a_prefix_of_the_whole_chat() -> None:
    chat = [{"role": "system", "content": "Any."}, {"role": "user", "content": "x"}]
    prompt = str(TOKENIZER.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
    whole = str(TOKENIZER.apply_chat_template([*chat, {"role": "assistant", "content": "y"}], tokenize=False))
    assert whole.startswith(prompt)
    assert prompt.endswith("<|im_start|>assistant\n")


def test_a_reply_ends_with_a_token_of_its_own_and_padding_with_another() -> None:
    assert TOKENIZER.encode("<|im_end|>") == [TOKENIZER.eos_token_id]
    assert TOKENIZER.encode("<|endoftext|>") == [TOKENIZER.pad_token_id]
