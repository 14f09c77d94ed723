"""That a speed is of the tokens that were asked, and of no fewer."""

from __future__ import annotations

from importlib.resources import files

import pytest

from benchmarks.student_generation import generator, prompts, tokens
from harness_qwen_lora.options import QwenLoraOptions
from harness_qwen_lora.student import QwenStudent

NEW = 12


@pytest.fixture(scope="module")
def student() -> QwenStudent:
    return QwenStudent(str(files("harness_qwen_lora") / "tiny"), QwenLoraOptions(device="cpu", threads=1))


def test_every_reply_has_the_tokens_that_are_asked(student: QwenStudent) -> None:
    with student.lend() as model:
        answered = generator(student, model, NEW).answer(prompts(5, 20), None)
    assert tokens(student, "generate", answered, NEW) == 5 * NEW


def test_a_reply_that_ends_early_gives_no_figure(student: QwenStudent) -> None:
    chat = student.chat()
    whole, early = [5] * NEW, [5, chat.end, *[chat.pad] * (NEW - 2)]
    with pytest.raises(SystemExit, match=f"continuous: a reply of 2 tokens where {NEW} were asked"):
        tokens(student, "continuous", [whole, early], NEW)
