"""Measures the skills of a tiny student: the share of replies that are right to the letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tools.tiny_student.corpus import SKILLS, examples


def skill_scores(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int, n: int, max_new_tokens: int = 160
) -> dict[str, float]:
    """Share of ``n`` examples per skill whose greedy reply equals the right one. Training uses other random streams."""
    generate = cast(Callable[..., torch.Tensor], model.generate)
    scores = {}
    for skill in SKILLS:
        chosen = examples(skill, seed, n)
        prompts = [
            tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) for chat, _ in chosen
        ]
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            output = generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
        replies = tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        scores[skill] = sum(reply == right for reply, (_, right) in zip(replies, chosen, strict=True)) / n
    return scores
