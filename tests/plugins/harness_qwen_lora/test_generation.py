"""Batches: like length together, halved where memory ends, the same text however they are cut; engines compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import harness_qwen_lora
from harness.api import Adapter, HarnessError, Message, Problem, Request, Solve, UsageError
from harness_qwen_lora import generation, memory
from harness_qwen_lora.generation import Generator, Settings
from harness_qwen_lora.options import QwenTinyOptions
from harness_qwen_lora.student import QwenStudent

MakeStudent = Callable[..., QwenStudent]
QWEN_3B = memory.Shape(
    layers=36, hidden=2048, intermediate=11008, kv=256, vocabulary=151936, bytes_per_value=2, weights=6_171_877_376
)


@pytest.fixture
def many(requests: list[Request]) -> list[Request]:
    """Prompts of three lengths, in turn."""
    return [replace(request, key=f"test/{at}") for at, request in enumerate(requests * 4)]


def batches(student: QwenStudent, monkeypatch: pytest.MonkeyPatch, room: int | None = None) -> list[list[int]]:
    """The widths of the prompts of each batch that really goes through the model.

    With ``room``, a batch of more prompts than that runs out of memory.
    """
    model: Any = student._loaded
    real = model.generate
    seen: list[list[int]] = []

    def generate(*, attention_mask: torch.Tensor, **given: Any) -> Any:
        if room is not None and len(attention_mask) > room:
            raise torch.OutOfMemoryError("injected")
        seen.append(attention_mask.sum(-1).tolist())
        return real(attention_mask=attention_mask, **given)

    monkeypatch.setattr(model, "generate", generate)
    return seen


def test_prompts_of_like_length_share_a_batch(
    make_student: MakeStudent, many: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    student = make_student(batch_size=4)
    seen = batches(student, monkeypatch)
    replies = student.generate(many, None)
    assert [len(set(widths)) for widths in seen] == [1, 1, 1]
    assert [reply.key for reply in replies] == [request.key for request in many]


@pytest.mark.parametrize("room", [1, 2, 3, 5])
def test_batch_that_does_not_fit_is_halved_and_every_text_stays(
    make_student: MakeStudent, many: list[Request], monkeypatch: pytest.MonkeyPatch, room: int, adapter: Adapter
) -> None:
    wanted = make_student(batch_size=12).generate(many, adapter)
    student = make_student(batch_size=12)
    seen = batches(student, monkeypatch, room)
    assert student.generate(many, adapter) == wanted
    assert max(map(len, seen)) <= room
    seen.clear()
    assert student.generate(many, adapter) == wanted
    assert len(seen) <= -(-12 // ((room + 1) // 2))  # it does not try the large batches again


def test_memory_that_ends_in_the_middle_of_an_arm_loses_nothing(
    make_student: MakeStudent, many: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = make_student(batch_size=4).generate(many, None)
    student = make_student(batch_size=4)
    model: Any = student._loaded
    real, calls = model.generate, []

    def generate(**given: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("injected")
        return real(**given)

    monkeypatch.setattr(model, "generate", generate)
    assert student.generate(many, None) == wanted


def test_prompt_that_never_fits_is_told_of(
    student: QwenStudent, requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches(student, monkeypatch, room=0)
    with pytest.raises(HarnessError, match=r"lower student\.max_new_tokens") as error:
        student.generate(requests, None)
    assert "\n" not in str(error.value)


def test_too_long_a_prompt_is_refused_before_any_is_answered(
    student: QwenStudent, requests: list[Request], ask: Callable[[str], Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = batches(student, monkeypatch)
    long = ask("9-11 " * 300)
    with pytest.raises(UsageError, match=f"has {len(student.chat().prompt(long.messages))} tokens"):
        student.generate([*requests, long], None)
    assert seen == []


def test_bundled_checkpoint_answers_alike_alone_and_in_batches() -> None:
    words = ["sort 3 1 2", "add 2 5", "repeat the words red green blue", "count 1 2 3 4 5 6 7 8", "Rooms: 2"]
    asked = [
        Request(f"{at}", (Message("user", words[at % 5]),), Solve(Problem(f"{at}", "test", "all", {}, ""), None))
        for at in range(20)
    ]
    folder = str(files(harness_qwen_lora) / "tiny")
    together, alone = (QwenStudent(folder, QwenTinyOptions(batch_size=size, max_new_tokens=40)) for size in (20, 1))
    assert together.generate(asked, None) == alone.generate(asked, None)


def test_prompts_in_pieces_give_the_same_text(
    make_student: MakeStudent, many: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where the memory of a long batch's prompts is bounded so."""
    monkeypatch.setattr(QwenStudent, "_prefill_chunk", 8)
    in_pieces = make_student(batch_size=12)
    assert in_pieces.identity["prefill_chunk"] == 8
    replies = in_pieces.generate(many, None)
    monkeypatch.undo()
    assert replies == make_student(batch_size=12).generate(many, None)


def test_no_reply_ends_before_the_least_that_is_asked(student: QwenStudent, requests: list[Request]) -> None:
    prompts = [student.chat().prompt(request.messages) for request in requests]
    with student.lend() as model:
        free = Generator(model, student.chat(), Settings(24, 4, 0)).answer(prompts, None)
        held = Generator(model, student.chat(), Settings(24, 4, 0, min_new_tokens=24)).answer(prompts, None)
    assert min(student.chat().reply(row)[2] for row in free) < 24
    assert [student.chat().reply(row)[2] for row in held] == [24] * len(requests)


# What memory decides


@given(
    lengths=st.lists(st.integers(1, 2000), min_size=1, max_size=300),
    gib=st.integers(7, 150),
    new=st.integers(1, 1024),
)
def test_batch_by_memory_is_never_empty_nor_beyond_the_estimate(lengths: list[int], gib: int, new: int) -> None:
    model, chat = (object() for _ in range(2))
    generator = Generator(model, chat, Settings(new, None, gib * memory.GIB, prefill_chunk=128))  # type: ignore[arg-type]  # neither is used
    longest_first = sorted(lengths, reverse=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "shape", lambda _model: QWEN_3B)
        rows = generator._fitting(longest_first)
    assert 1 <= rows <= min(len(lengths), memory.MOST_ROWS)
    taken = memory.answering(QWEN_3B, rows, longest_first[0], new, 128)
    assert rows == 1 or taken <= memory.room(QWEN_3B, gib * memory.GIB)


def test_150_problems_of_the_published_size_go_together_in_12_gib() -> None:
    needed = memory.answering(QWEN_3B, 150, 350, 256, 128)
    assert needed <= memory.room(QWEN_3B, 12 * memory.GIB)


def test_shape_is_that_of_the_loaded_model(student: QwenStudent) -> None:
    with student.lend() as model:
        found = memory.shape(model)
        weights = sum(value.numel() * value.element_size() for value in model.state_dict().values())
        tied = model.state_dict()["lm_head.weight"]  # the embedding, seen twice
    assert (found.layers, found.hidden, found.intermediate, found.kv) == (2, 32, 64, 16)
    assert found.weights == weights - tied.numel() * tied.element_size()


# Continuous batching


@dataclass
class Made:
    """What the library gives for one prompt."""

    prompt_ids: list[int]
    generated_tokens: list[int]
    error: str | None = None


Spoil = Callable[[list[Made]], list[Made]]


def continuous(
    make_student: MakeStudent, monkeypatch: pytest.MonkeyPatch, spoil: Spoil = lambda made: made
) -> QwenStudent:
    """A student whose library answers by generate_batch, with its results spoilt."""
    student = make_student(engine="continuous")
    model, chat = student._loaded, student.chat()

    def generate_batch(*, inputs: list[list[int]], **_given: Any) -> dict[str, Made]:
        assert not torch.is_inference_mode_enabled()  # the library's own thread could not write to its cache
        rows = Generator(model, chat, Settings(24, 1, 0)).answer(inputs, None)
        made = spoil([Made(prompt, trim(row, chat.stops)) for prompt, row in zip(inputs, rows, strict=True)])
        return {f"req_{at}": one for at, one in enumerate(made)}

    monkeypatch.setattr(model, "generate_batch", generate_batch)
    return student


def trim(row: list[int], stops: Sequence[int]) -> list[int]:
    ended = next((at + 1 for at, id_ in enumerate(row) if id_ in stops), len(row))
    return row[:ended]


def test_replies_of_continuous_batching_come_back_in_order_and_trimmed_for_each_adapter(
    make_student: MakeStudent, requests: list[Request], adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = continuous(make_student, monkeypatch)
    for wanted in (None, adapter):
        assert student.generate(requests, wanted) == make_student().generate(requests, wanted)
    assert student.generate([], None) == []


@pytest.mark.parametrize("near", [True, False])
def test_engines_may_part_at_a_near_tie_alone(
    make_student: MakeStudent, requests: list[Request], monkeypatch: pytest.MonkeyPatch, near: bool
) -> None:
    plain, other = make_student(), 7
    with torch.inference_mode():
        logits = plain._generator.next_logits([plain.chat().prompt(requests[0].messages)])[0]
    gap = float(logits.max() - logits[other])
    assert gap > 0
    monkeypatch.setitem(generation.TIES, "float32", gap * (1.01 if near else 0.99))
    student = continuous(make_student, monkeypatch, lambda made: [replace(made[0], generated_tokens=[other])])
    if near:
        assert student.generate(requests[:1], None)[0].text == plain.chat().reply([other])[0]
    else:
        with pytest.raises(HarnessError, match="parts from generate at token 1"):
            student.generate(requests[:1], None)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda made: made[:-1], "answered 2 of 3 prompts"),
        (
            lambda made: [*made[:-1], replace(made[-1], error="no more pages")],
            r"answered 2 of 3 prompts \(no more pages",
        ),
        (lambda made: made[::-1], "answered 3 of 3 prompts"),
        (
            lambda made: [replace(one, generated_tokens=[7, *one.generated_tokens[1:]]) for one in made],
            "parts from gen",
        ),
    ],
    ids=["one lost", "one failed", "out of order", "other tokens"],
)
def test_continuous_batching_that_went_wrong_is_never_taken(
    make_student: MakeStudent, requests: list[Request], monkeypatch: pytest.MonkeyPatch, spoil: Spoil, told: str
) -> None:
    with pytest.raises(HarnessError, match=told) as error:
        continuous(make_student, monkeypatch, spoil).generate(requests, None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"engine": "continuous"}, "student.engine: continuous needs a GPU; on a CPU give generate"),
        ({"quantization": "nf4"}, "student.quantization: nf4 needs a GPU; on a CPU give none"),
    ],
)
def test_what_needs_a_gpu_is_refused_without_one(make_student: MakeStudent, given: dict[str, str], told: str) -> None:
    student = QwenStudent(make_student()._asked[0], make_student(**given)._options, **quantized(given))
    with pytest.raises(UsageError, match=told):
        student.preflight()


def quantized(given: dict[str, str]) -> dict[str, Any]:
    return {"quantization": given["quantization"]} if "quantization" in given else {}
