"""Trains the tiny student from random weights on the corpus. The loss is on the replies only."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from tools.tiny_student.corpus import Chat, conversation
from tools.tiny_student.tokenizer import BEGIN, END

IGNORED = -100


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the checkpoint, beside the corpus and the tokenizer."""

    seed: int = 0
    steps: int = 2300
    batch_tokens: int = 4096
    """Tokens in one step, padding included."""
    most_turns: int = 5
    learning_rate: float = 4e-3
    """Peak rate of AdamW, for embeddings and norms."""
    matrix_rate: float = 6e-3
    """Peak rate of Muon, for the matrices of the layers, on AdamW's scale."""
    warmup: int = 200
    weight_decay: float = 0.05
    layers: int = 4
    width: int = 96
    inner: int = 256
    heads: int = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids and labels, both of shape (rows, length), padded on the right."""

    ids: torch.Tensor
    labels: torch.Tensor


def encode(tokenizer: PreTrainedTokenizerFast, chat: Chat) -> tuple[list[int], list[int]]:
    """Ids of a chat in the form of the chat template, and labels that keep only what the assistant says."""
    ids: list[int] = []
    labels: list[int] = []
    for message in chat:
        head = tokenizer.encode(f"{BEGIN}{message['role']}\n")
        body = tokenizer.encode(message["content"] + END)
        tail = tokenizer.encode("\n")
        ids += head + body + tail
        kept = body if message["role"] == "assistant" else [IGNORED] * len(body)
        labels += [IGNORED] * len(head) + kept + [IGNORED] * len(tail)
    return ids, labels


def batches(tokenizer: PreTrainedTokenizerFast, settings: Settings) -> Iterator[Batch]:
    """Endless batches of about ``batch_tokens`` tokens, chats of like length together."""
    rng = Random(settings.seed)
    pad = tokenizer.convert_tokens_to_ids(tokenizer.pad_token)
    while True:
        pool = [encode(tokenizer, conversation(rng, rng.randint(1, settings.most_turns))) for _ in range(512)]
        pool.sort(key=lambda pair: len(pair[0]))
        groups: list[list[tuple[list[int], list[int]]]] = [[]]
        for pair in pool:
            if len(pair[0]) * (len(groups[-1]) + 1) > settings.batch_tokens:
                groups.append([])
            groups[-1].append(pair)
        rng.shuffle(groups)
        for group in groups:
            length = max(len(ids) for ids, _ in group)
            yield Batch(
                torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in group]),
                torch.tensor([labels + [IGNORED] * (length - len(labels)) for _, labels in group]),
            )


def new_model(tokenizer: PreTrainedTokenizerFast, settings: Settings) -> Qwen3ForCausalLM:
    """A Qwen3 model with random weights."""
    torch.manual_seed(settings.seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=settings.inner,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        head_dim=settings.width // settings.heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=True,
    )
    return Qwen3ForCausalLM(config)


def _rate(step: int, settings: Settings) -> float:
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def reply_loss(model: Qwen3ForCausalLM, batch: Batch) -> torch.Tensor:
    """Mean cross-entropy, in nats per token, of the tokens with a label. Padding on the right needs no mask."""
    hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    labels = batch.labels[:, 1:]
    kept = labels != IGNORED
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[kept]).float(), labels[kept])


def _optimizers(model: Qwen3ForCausalLM, settings: Settings) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest. Muon needs about half the steps of AdamW here."""
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            matrices, lr=settings.matrix_rate, weight_decay=settings.weight_decay, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=settings.learning_rate, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def train(tokenizer: PreTrainedTokenizerFast, settings: Settings) -> Qwen3ForCausalLM:
    """The trained model. The same settings give the same weights on the same machine and number of threads."""
    torch.use_deterministic_algorithms(True)
    model = new_model(tokenizer, settings)
    model.train()
    optimizers = _optimizers(model, settings)
    schedules = [LambdaLR(optimizer, lambda step: _rate(step, settings)) for optimizer in optimizers]
    began, total = time.monotonic(), 0.0
    for step, batch in enumerate(batches(tokenizer, settings), start=1):
        loss = reply_loss(model, batch)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
        total += loss.item()
        if step % 100 == 0:
            print(f"step {step}/{settings.steps}  loss {total / 100:.4f}  {time.monotonic() - began:.0f} s", flush=True)
            total = 0.0
        if step == settings.steps:
            break
    model.train(False)
    return model
