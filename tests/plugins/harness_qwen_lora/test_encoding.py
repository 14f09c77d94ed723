"""Prompts, training rows and replies as token ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from harness.api import Example, Message, UsageError
from harness_qwen_lora.encoding import Chat

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n"), max_size=60).filter(
    lambda text: "<|" not in text
)


@pytest.fixture(scope="module")
def tokenizer(checkpoint: Path) -> Any:
    return AutoTokenizer.from_pretrained(checkpoint)


@pytest.fixture(scope="module")
def chat(tokenizer: Any) -> Chat:
    return Chat(tokenizer)


def example(target: str, question: str = "Rooms: 2") -> Example:
    return Example("train/0001", (Message("system", "Decide."), Message("user", question)), target, None, "teacher")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=PRINTABLE, target=PRINTABLE)
def test_row_is_the_prompt_then_the_reply_through_its_end(chat: Chat, question: str, target: str) -> None:
    given_example = example(target, question)
    row = chat.row(given_example, 1024)
    prompt = chat.prompt(given_example.prompt)
    assert list(row.ids[: row.prompt_tokens]) == prompt
    reply = row.ids[row.prompt_tokens :]
    assert row.supervised_tokens == len(reply)
    assert reply[-1] == chat.end
    assert chat.reply(reply) == (target, "end", len(reply))
    assert not row.truncated


def test_row_of_exactly_the_longest_length_is_whole_and_one_longer_is_cut(chat: Chat) -> None:
    whole = chat.row(example("ANSWER: YES"), 1024)
    assert not chat.row(example("ANSWER: YES"), len(whole.ids)).truncated
    cut = chat.row(example("ANSWER: YES"), len(whole.ids) - 1)
    assert cut.truncated
    assert cut.ids == whole.ids[:-1]


def test_prompt_that_leaves_no_reply_is_refused(chat: Chat) -> None:
    with pytest.raises(UsageError, match=r"trainer\.max_length: 10 tokens leave nothing of the reply of train/0001"):
        chat.row(example("ANSWER: YES"), 10)


def test_reply_without_an_end_is_cut_by_length(chat: Chat, tokenizer: Any) -> None:
    ids = tokenizer("ANSWER: Y")["input_ids"]
    assert chat.reply(ids) == ("ANSWER: Y", "length", len(ids))


def test_what_follows_the_end_is_no_part_of_a_reply(chat: Chat, tokenizer: Any) -> None:
    ids = tokenizer("ANSWER: YES")["input_ids"]
    assert chat.reply([*ids, chat.stops[0], chat.pad, chat.pad, *ids]) == ("ANSWER: YES", "end", len(ids) + 1)


def test_every_stop_of_the_checkpoint_ends_a_reply(tokenizer: Any) -> None:
    stop = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    ids = tokenizer("NO")["input_ids"]
    assert Chat(tokenizer, stops=[stop]).reply([*ids, stop]) == ("NO", "end", len(ids) + 1)


def test_template_that_rewrites_a_prompt_is_refused(checkpoint: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    tokenizer.chat_template = "{{ messages|length }}" + tokenizer.chat_template
    with pytest.raises(UsageError, match="writes a prompt differently"):
        Chat(tokenizer).row(example("NO"), 1024)
