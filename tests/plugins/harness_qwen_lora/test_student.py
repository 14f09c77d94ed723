"""The local student: greedy, batched, adapters on and off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PEFT_TYPE_TO_CONFIG_MAPPING, PeftModel, PeftType, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.api import Adapter, HarnessError, Request, UsageError
from harness.output.comparison.compare import compare
from harness_qwen_lora import memory
from harness_qwen_lora.checkpoints.checkpoint import sha256
from harness_qwen_lora.checkpoints.loading import known_peft_warning, quiet
from harness_qwen_lora.student import QwenStudent
from tests.sides import side

MakeStudent = Callable[..., QwenStudent]
LEAKY = {
    "do_sample": True,
    "temperature": 0.2,
    "top_k": 5,
    "top_p": 0.5,
    "repetition_penalty": 1.3,
    "no_repeat_ngram_size": 2,
    "min_new_tokens": 20,
    "bad_words_ids": [[70]],
    "suppress_tokens": [71, 72],
    "num_beams": 3,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


def base_logits(student: QwenStudent, requests: list[Request]) -> torch.Tensor:
    """Next-token logits of the lent base model, one prompt at a time."""
    chat = student.chat()
    with student.lend() as model, torch.inference_mode():
        rows = [model(input_ids=torch.tensor([chat.prompt(request.messages)])).logits[0, -1] for request in requests]
    return torch.stack(rows)


@pytest.mark.parametrize("trained", [False, True])
def test_batch_gives_the_text_of_one_at_a_time(
    make_student: MakeStudent, requests: list[Request], adapter: Adapter, trained: bool
) -> None:
    wanted = adapter if trained else None
    together = make_student(batch_size=16).generate(requests, wanted)
    single = make_student(batch_size=1)
    assert len({reply.usage.input_tokens for reply in together}) == len(requests)  # so that there is padding
    assert together == [single.generate([request], wanted)[0] for request in requests]


def test_more_requests_than_a_batch_come_back_in_order(make_student: MakeStudent, requests: list[Request]) -> None:
    many = [replace(request, key=f"{at}") for at, request in enumerate(requests * 2)]
    replies = make_student(batch_size=4).generate(many, None)
    assert [reply.key for reply in replies] == [request.key for request in many]
    assert [reply.text for reply in replies[:3]] == [reply.text for reply in replies[3:]]


def test_same_requests_give_the_same_replies(student: QwenStudent, requests: list[Request]) -> None:
    assert student.generate(requests, None) == student.generate(requests, None)


def test_no_requests_give_no_replies(student: QwenStudent, adapter: Adapter) -> None:
    assert student.generate([], None) == []
    assert student.probe([], adapter) == 0.0


def test_reply_that_ends_is_whole_and_one_that_does_not_is_cut(
    make_student: MakeStudent, requests: list[Request], adapter: Adapter
) -> None:
    whole = make_student().generate(requests, adapter)
    assert [reply.stop for reply in whole] == ["end"] * 3
    assert [reply.text for reply in whole] == ["Peak: 2\n2 <= 2\nANSWER: YES", "ANSWER: NO", "Peak: 2\nANSWER: YES"]
    longest = max(reply.usage.output_tokens for reply in whole)
    cut = make_student(max_new_tokens=longest - 1).generate(requests, adapter)
    assert [reply.stop for reply in cut] == ["length", "end", "end"]
    assert whole[0].text.startswith(cut[0].text)
    assert cut[0].usage.output_tokens == longest - 1
    just_enough = make_student(max_new_tokens=longest).generate(requests, adapter)
    assert just_enough == whole


def test_tokens_are_counted_without_padding(student: QwenStudent, requests: list[Request], adapter: Adapter) -> None:
    for request, reply in zip(requests, student.generate(requests, adapter), strict=True):
        assert reply.usage.input_tokens == len(student.chat().prompt(request.messages))
        assert reply.usage.output_tokens == len(student.chat()._tokenizer(reply.text)["input_ids"]) + 1


def test_sampling_settings_of_a_checkpoint_do_not_leak(
    make_student: MakeStudent, checkpoint: Path, requests: list[Request], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "leaky"))
    (folder / "generation_config.json").write_text(json.dumps(LEAKY))
    plain = make_student(max_new_tokens=40).generate(requests, None)
    leaky = make_student(folder, max_new_tokens=40).generate(requests, None)
    assert [(reply.text, reply.stop) for reply in leaky] == [(reply.text, reply.stop) for reply in plain]
    with quiet():  # the settings matter to a generate() that is told less
        model: Any = AutoModelForCausalLM.from_pretrained(folder)
        ids = AutoTokenizer.from_pretrained(folder)("Rooms: 2", return_tensors="pt")
        penalised = model.generate(**ids, do_sample=False, num_beams=1, max_new_tokens=40)
        model.generation_config = type(model.generation_config)()
        free = model.generate(**ids, do_sample=False, num_beams=1, max_new_tokens=40, eos_token_id=2, pad_token_id=0)
    assert penalised.tolist() != free.tolist()


def test_prompt_without_room_for_a_reply_is_refused(student: QwenStudent, ask: Callable[[str], Request]) -> None:
    with pytest.raises(UsageError, match=r"has \d+ tokens, and with student\.max_new_tokens = 24 .* the model's 512"):
        student.generate([ask("9-11 " * 300)], None)


def test_adapter_changes_replies_and_logits(student: QwenStudent, requests: list[Request], adapter: Adapter) -> None:
    assert student.probe(requests, adapter) > 0.1
    assert student.generate(requests, adapter) != student.generate(requests, None)


def test_base_is_bitwise_the_same_after_an_adapter(
    student: QwenStudent, requests: list[Request], adapter: Adapter
) -> None:
    before, replies = base_logits(student, requests), student.generate(requests, None)
    student.probe(requests, adapter)
    assert student.generate(requests, None) == replies
    assert torch.equal(base_logits(student, requests), before)


def test_adapters_can_take_turns(
    student: QwenStudent, requests: list[Request], adapter: Adapter, second: Adapter
) -> None:
    first_replies, second_replies = student.generate(requests, adapter), student.generate(requests, second)
    assert first_replies != second_replies
    assert student.generate(requests, adapter) == first_replies
    assert student.generate(requests, second) == second_replies


@pytest.fixture(scope="session")
def second(adapter: Adapter, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    """The adapter with its sign turned."""
    from safetensors.torch import load_file, save_file

    from harness_qwen_lora.checkpoints.checkpoint import sha256

    folder = Path(shutil.copytree(adapter.folder, tmp_path_factory.mktemp("second") / "adapter"))
    weights = folder / "adapter_model.safetensors"
    turned = {name: -value if "lora_B" in name else value for name, value in load_file(weights).items()}
    save_file(turned, weights, metadata={"format": "pt"})
    return Adapter(folder, sha256(weights))


def test_peft_loads_the_adapter_to_the_same_change_of_logits(
    student: QwenStudent, checkpoint: Path, requests: list[Request], adapter: Adapter
) -> None:
    with quiet(), known_peft_warning():
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(checkpoint), str(adapter.folder)).eval()
    ids = torch.tensor([student.chat().prompt(requests[0].messages)])
    with torch.inference_mode():
        with_adapter = model(input_ids=ids).logits[0, -1]
        with model.disable_adapter():
            without = model(input_ids=ids).logits[0, -1]
    assert student.probe(requests[:1], adapter) == pytest.approx((with_adapter - without).abs().max().item(), abs=1e-5)


@pytest.mark.parametrize("loader", ["peft", "transformers"])
def test_saved_adapter_gives_the_same_logits_by_anyones_loader(
    student: QwenStudent, checkpoint: Path, requests: list[Request], adapter: Adapter, loader: str
) -> None:
    with quiet(), known_peft_warning():
        model: Any = AutoModelForCausalLM.from_pretrained(checkpoint)
        if loader == "peft":
            model = PeftModel.from_pretrained(model, str(adapter.folder))
        else:
            model.load_adapter(str(adapter.folder))
    model = model.eval()
    prompts = [student.chat().prompt(request.messages) for request in requests]
    with student._answering(adapter):
        ours = student._next_logits(prompts)
    with student._answering(None):
        base = student._next_logits(prompts)
    with torch.inference_mode():
        theirs = torch.stack([model(input_ids=torch.tensor([prompt])).logits[0, -1] for prompt in prompts])
    # float32 logits of up to 40 differ in the last bits with the shape of a batch
    assert (ours - theirs).abs().max().item() < 1e-4 < 0.1 < (ours - base).abs().max().item()


@pytest.mark.parametrize(
    "change", [{"peft_type": 1}, {"auto_mapping": {"a": "b"}}, {"megatron_config": {"a": 1}}, None]
)
def test_adapter_that_is_no_plain_one_is_refused(
    student: QwenStudent, requests: list[Request], adapter: Adapter, tmp_path: Path, change: dict[str, Any] | None
) -> None:
    folder = Path(shutil.copytree(adapter.folder, tmp_path / "changed"))
    path = folder / "adapter_config.json"
    path.write_text("[" if change is None else json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(HarnessError, match="not the configuration of a plain adapter"):
        student.generate(requests, replace(adapter, folder=folder))


@pytest.mark.parametrize("kind", ["XLORA", "PREFIX_TUNING", "ADAPTION_PROMPT", "OTHER"])
def test_adapter_that_does_not_lie_in_the_layers_is_called_what_it_is(
    student: QwenStudent, requests: list[Request], adapter: Adapter, tmp_path: Path, kind: str
) -> None:
    folder = Path(shutil.copytree(adapter.folder, tmp_path / "other"))
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"peft_type": kind}))
    with pytest.raises(HarnessError, match=f"an adapter of the kind '{kind}', which this student does not take"):
        student.generate(requests, replace(adapter, folder=folder))
    path.unlink()
    with pytest.raises(HarnessError, match=r"holds no adapter_config\.json, by which this student puts an adapter on"):
        student.generate(requests, replace(adapter, folder=folder))


@pytest.mark.parametrize("kind", ["IA3", "LOHA", "OFT"])
def test_adapter_of_another_kind_of_peft_answers_and_leaves_no_trace(
    student: QwenStudent, requests: list[Request], tmp_path: Path, kind: str
) -> None:
    base = student.generate(requests, None)
    config: Any = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType[kind]]
    with student.lend() as model, known_peft_warning():
        torch.manual_seed(0)
        wrapped = get_peft_model(model, config(task_type="CAUSAL_LM", target_modules=["q_proj", "down_proj"]))
        with torch.no_grad():
            for value in wrapped.parameters():
                if value.requires_grad:
                    value.add_(torch.randn_like(value))
        wrapped.save_pretrained(str(tmp_path), save_embedding_layers=False)
        wrapped.unload()
    made = Adapter(tmp_path, sha256(tmp_path / "adapter_model.safetensors"))
    assert student.generate(requests, made) != base
    assert student.probe(requests, made) > 0.1
    assert student.generate(requests, None) == base


def test_samples_are_those_of_their_seed_and_leave_the_random_state_alone(
    student: QwenStudent, requests: list[Request], adapter: Adapter
) -> None:
    student.generate(requests, adapter)  # loads both, which draws
    state = torch.get_rng_state()
    one, again, other = (student.sample(requests, adapter, seed, 1.0) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert one == again
    assert [each.text for each in one] != [each.text for each in other]
    assert [each.key for each in one] == [request.key for request in requests]


def test_samples_at_a_low_temperature_are_the_greedy_replies(student: QwenStudent, requests: list[Request]) -> None:
    greedy = student.generate(requests, None)
    assert student.sample(requests, None, 3, 1e-4) == greedy
    assert student.sample(requests, None, 3, 2.0) != greedy
    assert student.generate(requests, None) == greedy


def test_released_student_loads_itself_again(student: QwenStudent, requests: list[Request], adapter: Adapter) -> None:
    before = student.generate(requests, adapter)
    student.release()
    assert "_loaded" not in vars(student)
    assert student.generate(requests, adapter) == before


def test_adapter_whose_file_has_changed_is_refused(
    student: QwenStudent, requests: list[Request], adapter: Adapter
) -> None:
    with pytest.raises(HarnessError, match="was recorded"):
        student.generate(requests, replace(adapter, sha256="0" * 64))


def test_adapter_that_is_missing_is_refused(
    student: QwenStudent, requests: list[Request], adapter: Adapter, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match="missing"):
        student.generate(requests, replace(adapter, folder=tmp_path))


def test_adapter_of_another_student_is_refused_and_does_no_harm(
    student: QwenStudent, requests: list[Request], adapter: Adapter, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    from harness_qwen_lora.checkpoints.checkpoint import sha256

    folder = Path(shutil.copytree(adapter.folder, tmp_path / "foreign"))
    weights = folder / "adapter_model.safetensors"
    wider = {name: torch.cat([value, value], dim=-1) for name, value in load_file(weights).items()}
    save_file(wider, weights, metadata={"format": "pt"})
    before = student.generate(requests, None)
    with pytest.raises(HarnessError, match="does not fit"):
        student.generate(requests, Adapter(folder, sha256(weights)))
    assert student.generate(requests, None) == before


def test_identity_is_json_without_paths_and_the_same_before_and_after_loading(
    make_student: MakeStudent, checkpoint: Path, requests: list[Request]
) -> None:
    before = json.dumps(dict(make_student().identity))
    student = make_student()
    student.generate(requests, None)
    assert json.dumps(dict(student.identity)) == before
    assert str(checkpoint.parent) not in before
    assert json.loads(before)["dtype"] == "float32"


def test_results_of_a_cpu_and_of_a_gpu_can_be_compared(
    make_student: MakeStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "total", lambda *_: 80 * memory.GIB)
    students = [make_student(device=device, dtype="float32") for device in ("cpu", "cuda")]
    vars(students[1])["device"] = torch.device("cuda", 0)
    a, b = sides = [side({("student-base", "test", None): [True, False]}) for _ in students]
    for student, one in zip(students, sides, strict=True):
        one.result["identities"]["student"] = dict(student.identity)
    told = {entry["key"] for entry in compare(a, b)["differs"]}
    assert told == {f"identities.student.{name}" for name in ("device", "batch_size", "memory_gib", "prefill_chunk")}


def test_weights_in_bfloat16_answer_too(make_student: MakeStudent, requests: list[Request], adapter: Adapter) -> None:
    student = make_student(dtype="bfloat16")
    assert student.identity["dtype"] == "bfloat16"
    assert [reply.stop for reply in student.generate(requests, adapter)] == ["end"] * 3


def test_float16_on_a_cpu_is_refused(make_student: MakeStudent) -> None:
    with pytest.raises(UsageError, match="float16 needs a GPU"):
        make_student(dtype="float16").preflight()


def test_gpu_that_is_not_there_is_refused(make_student: MakeStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="torch finds no GPU"):
        make_student(device="cuda").preflight()


def test_nothing_is_printed(
    make_student: MakeStudent, requests: list[Request], adapter: Adapter, capfd: pytest.CaptureFixture[str]
) -> None:
    student = make_student()
    student.generate(requests, None)
    student.probe(requests, adapter)
    assert capfd.readouterr() == ("", "")
