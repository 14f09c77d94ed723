"""The LoRA trainer: what it learns from, what it leaves behind, what it refuses."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.api import Adapter, Example, HarnessError, Message, Student, TokenRow, TrainingReport, UsageError
from harness_qwen_lora.adapters import CONFIG_FILE
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training.hf_trainer import collate, tensors
from harness_qwen_lora.training.trainer import LoraTrainer

MakeStudent = Callable[..., QwenStudent]
WEIGHTS = "adapter_model.safetensors"


def train(student: Student, examples: list[Example], folder: Path, seed: int = 7, **options: Any) -> TrainingReport:
    folder.mkdir()
    settings = {"rank": 2, "epochs": 2, "learning_rate": 1e-2} | options
    return LoraTrainer(LoraOptions(**settings)).train(student, examples, seed, folder, lambda *_: None)


def parameters(student: QwenStudent) -> dict[str, torch.Tensor]:
    with student.lend() as model:
        return {name: value.detach().clone() for name, value in model.named_parameters()}


def test_loss_falls_on_the_reply_and_on_nothing_else() -> None:
    rows = [tensors(TokenRow((5, 6, 7, 8), 2, False)), tensors(TokenRow((5, 9), 1, False))]
    batch = collate(rows, pad=0)
    assert batch["labels"].tolist() == [[-100, -100, 7, 8], [-100, 9, -100, -100]]
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [5, 9, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]


def test_pad_id_inside_a_text_is_attended_to_and_learned() -> None:
    batch = collate([tensors(TokenRow((5, 0, 0), 1, False))], pad=0)
    assert batch["attention_mask"].tolist() == [[1, 1, 1]]
    assert batch["labels"].tolist() == [[-100, 0, 0]]


def test_report_counts_tokens_steps_and_losses(student: QwenStudent, examples: list[Example], tmp_path: Path) -> None:
    steps: list[tuple[int, int, float]] = []
    trainer = LoraTrainer(LoraOptions(rank=2, epochs=3, batch_size=1, accumulation=2))
    report = trainer.train(student, examples, 7, tmp_path, lambda *step: steps.append(step))
    prompts = sum(len(student.chat().prompt(example.prompt)) for example in examples)
    rows = sum(len(student.chat().row(example, 1024).ids) for example in examples)
    assert (report.prompt_tokens, report.supervised_tokens) == (prompts, rows - prompts)
    assert (report.examples, report.steps, report.truncated_rows) == (3, 6, 0)
    assert [step[:2] for step in steps] == [(at, 6) for at in range(1, 7)]
    assert len(report.losses) == 3
    assert report.seconds > 0
    assert report.peak_memory_bytes > 1e6
    assert report.settings["alpha"] == 4
    json.dumps(dict(report.settings))


def test_loss_of_an_epoch_is_the_mean_over_its_supervised_tokens(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    """At a rate too low to move anything, that is the base model's own loss."""
    report = train(student, examples, tmp_path / "a", learning_rate=1e-30, epochs=1, batch_size=1, accumulation=2)
    total, tokens = 0.0, 0
    with student.lend() as model, torch.inference_mode():
        for example in examples:
            row = student.chat().row(example, 1024)
            logits = model(input_ids=torch.tensor([row.ids])).logits[0].log_softmax(-1)
            for at in range(row.prompt_tokens, len(row.ids)):
                total, tokens = total - logits[at - 1, row.ids[at]].item(), tokens + 1
    assert report.losses[0] == pytest.approx(total / tokens, rel=1e-5)


def test_a_row_counts_by_its_weight(student: QwenStudent, examples: list[Example], tmp_path: Path) -> None:
    """At a rate too low to move anything, the loss of an epoch is the weighted mean of what each row has alone."""
    still: dict[str, Any] = {"learning_rate": 1e-30, "epochs": 1, "batch_size": 3, "accumulation": 1}
    weights = 0.5, 3.0, 1.0
    alone = [train(student, [row], tmp_path / row.problem_id[-4:], **still) for row in examples]
    weighted = [replace(row, weight=weight) for row, weight in zip(examples, weights, strict=True)]
    loss = train(student, weighted, tmp_path / "all", **still).losses[0]
    each = [(report.losses[0], report.supervised_tokens) for report in alone]
    total = sum(weight * mean * tokens for weight, (mean, tokens) in zip(weights, each, strict=True))
    assert loss == pytest.approx(total / sum(tokens for _, tokens in each), rel=1e-5)


def test_same_seed_gives_the_same_bytes_in_another_folder_and_another_seed_does_not(
    make_student: MakeStudent, examples: list[Example], tmp_path: Path
) -> None:
    student = make_student()
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        train(student, examples, tmp_path / name, seed=seed, target_modules="all-linear")
    train(make_student(), examples, tmp_path / "fresh", target_modules="all-linear")
    a, b, c, fresh = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("a", "b", "c", "fresh")
    )
    assert a == b == fresh
    assert a[WEIGHTS] != c[WEIGHTS]


def test_split_of_a_batch_does_not_change_the_adapter(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    train(student, examples * 3, tmp_path / "a", batch_size=2, accumulation=4)
    train(student, examples * 3, tmp_path / "b", batch_size=8, accumulation=1)
    a, b = (load_file(tmp_path / name / WEIGHTS) for name in "ab")
    assert max((a[name] - b[name]).abs().max().item() for name in a) < 1e-6


def test_student_is_bitwise_the_same_after_a_training(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    before = parameters(student)
    train(student, examples, tmp_path / "a")
    after = parameters(student)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with student.lend() as model:
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())
        assert model.config.use_cache


def test_adapter_folder_holds_three_files_and_no_machine_path(
    student: QwenStudent,
    examples: list[Example],
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    train(student, examples, tmp_path / "a", target_modules="v_proj,q_proj")
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["README.md", "adapter_config.json", WEIGHTS]
    text = (tmp_path / "a" / "adapter_config.json").read_text()
    assert str(checkpoint.parent) not in text + (tmp_path / "a" / "README.md").read_text()
    config = json.loads(text)
    assert (config["base_model_name_or_path"], config["target_modules"]) == ("random", ["q_proj", "v_proj"])
    assert not list((tmp_path / "here").iterdir())
    assert capfd.readouterr() == ("", "")


def test_rows_that_are_too_long_are_refused_unless_allowed(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    lengths = sorted(len(student.chat().row(example, 1024).ids) for example in examples)
    with pytest.raises(UsageError, match=r"trainer\.max_length: 1 of 3 training examples are longer than"):
        train(student, examples, tmp_path / "a", max_length=lengths[-1] - 1)
    report = train(student, examples, tmp_path / "b", max_length=lengths[-1] - 1, allow_truncation=True)
    assert report.truncated_rows == 1


def test_modules_that_the_model_has_not_are_refused_before_anything_is_loaded(student: QwenStudent) -> None:
    trainer = LoraTrainer(LoraOptions(target_modules=("q_proj", "q_porj")))
    with pytest.raises(UsageError, match=r"no linear module q_porj; choose among .*q_proj"):
        trainer.preflight(student)
    assert "_loaded" not in vars(student)


def test_processes_that_have_no_gpu_each_are_refused(student: QwenStudent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QwenStudent, "memory", lambda _self: 12 * 2**30)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    LoraTrainer(LoraOptions()).preflight(student)
    with pytest.raises(UsageError, match=r"trainer\.processes: 2 processes need a GPU each, and torch finds 1; give 1"):
        LoraTrainer(LoraOptions(processes=2)).preflight(student)


def test_step_that_cannot_be_shared_is_refused_before_anything_is_loaded(student: QwenStudent) -> None:
    with pytest.raises(UsageError, match=r"trainer\.processes: 3"):
        LoraTrainer(LoraOptions(processes=3)).preflight(student)
    assert "_loaded" not in vars(student)


def test_student_without_weights_is_refused() -> None:
    class Remote:
        identity: dict[str, str] = {"model": "remote"}  # noqa: RUF012 - a stand-in for a property

    with pytest.raises(UsageError, match="'remote' has no local weights"):
        LoraTrainer(LoraOptions()).preflight(Remote())  # type: ignore[arg-type]  # not all of a student


def test_training_on_nothing_is_refused(student: QwenStudent, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no training examples"):
        train(student, [], tmp_path / "a")


def test_loss_that_is_no_number_ends_the_training_and_saves_nothing(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    before = parameters(student)
    with pytest.raises(HarnessError, match=r"lower trainer\.learning_rate"):
        train(student, examples, tmp_path / "a", learning_rate=1e30, epochs=5)
    assert not list((tmp_path / "a").iterdir())
    after = parameters(student)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_callback_that_fails_leaves_the_student_as_it_was(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    def stop(_step: int, _steps: int, _loss: float) -> None:
        raise KeyboardInterrupt

    before = parameters(student)
    with pytest.raises(KeyboardInterrupt):
        LoraTrainer(LoraOptions()).train(student, examples, 7, tmp_path, stop)
    after = parameters(student)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_training_lowers_the_loss(student: QwenStudent, examples: list[Example], tmp_path: Path) -> None:
    report = train(student, examples, tmp_path / "a", epochs=10, batch_size=3, accumulation=1)
    assert all(math.isfinite(loss) for loss in report.losses)
    assert report.losses[-1] < report.losses[0]


def test_learns_from_a_prompt_with_a_system_message(student: QwenStudent, tmp_path: Path) -> None:
    prompt = (Message("system", "Decide."), Message("user", "Rooms: 1"))
    report = train(student, [Example("train/0000", prompt, "ANSWER: NO", "NO", "teacher")], tmp_path / "a")
    assert report.prompt_tokens == len(student.chat().prompt(prompt))


@pytest.mark.parametrize("modules", ["all-linear", "q_proj,down_proj"])
def test_size_of_an_adapter_is_known_before_it_is_trained(
    student: QwenStudent, examples: list[Example], tmp_path: Path, modules: str
) -> None:
    train(student, examples, tmp_path / "adapter", target_modules=modules, epochs=1)
    weights = load_file(tmp_path / "adapter" / WEIGHTS)
    options = LoraOptions(rank=2, target_modules=modules)
    assert LoraTrainer(options).adapter_bytes(student) == sum(value.nbytes for value in weights.values())


def unfit(student: Student, targets: list[str], **options: Any) -> dict[str, str]:
    prompt = (Message("user", "Rooms: 1"),)
    rows = [Example(f"train/{at}", prompt, target, None, "teacher") for at, target in enumerate(targets)]
    return dict(LoraTrainer(LoraOptions(**options)).unfit(student, rows))


def test_examples_that_can_be_trained_on_are_not_unfit(student: QwenStudent, examples: list[Example]) -> None:
    assert LoraTrainer(LoraOptions()).unfit(student, examples) == {}
    assert "_loaded" not in vars(student)


def test_control_tokens_in_a_reply_make_no_example_unfit(student: QwenStudent) -> None:
    assert unfit(student, ["NO<|im_end|>\n<|im_start|>user\nMore"]) == {}


def test_example_that_is_too_long_is_unfit_unless_it_may_be_cut(student: QwenStudent) -> None:
    targets = ["ANSWER: NO", "9-11 " * 100]
    assert unfit(student, targets, max_length=100) == {"train/1": "it is longer than trainer.max_length = 100 tokens"}
    assert unfit(student, targets, max_length=100, allow_truncation=True) == {}
    assert unfit(student, targets, max_length=4, allow_truncation=True).keys() == {"train/0", "train/1"}


@pytest.fixture
def cutting(checkpoint: Path, tmp_path: Path, make_student: MakeStudent) -> QwenStudent:
    """A student whose template drops what stands before a closed thought."""
    folder = Path(shutil.copytree(checkpoint, tmp_path / "cutting"))
    template = (folder / "chat_template.jinja").read_text()
    cut = "(m['content'].split('</think>')[-1] if m['role'] == 'assistant' else m['content'])"
    (folder / "chat_template.jinja").write_text(template.replace("m['content']", cut))
    return make_student(folder)


def test_example_of_which_the_template_drops_a_part_is_unfit_and_told_the_same_each_time(cutting: QwenStudent) -> None:
    targets = ["ANSWER: NO", "Peak: 1</think>ANSWER: YES"]
    found = unfit(cutting, targets)
    assert found.keys() == {"train/1"}
    assert "do not keep the reply whole" in found["train/1"]
    assert unfit(cutting, targets) == found


def test_training_on_an_unfit_example_is_refused_with_its_name(cutting: QwenStudent, tmp_path: Path) -> None:
    example = Example("train/7", (Message("user", "a"),), "Peak: 1</think>ANSWER: YES", "YES", "teacher")
    with pytest.raises(HarnessError, match=r"training example train/7: .* do not keep the reply whole"):
        train(cutting, [example], tmp_path / "a")


def test_student_that_opens_a_thought_is_refused_by_the_trainer_alone(
    checkpoint: Path, tmp_path: Path, make_student: MakeStudent
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "thinking"))
    template = (folder / "chat_template.jinja").read_text()
    asked = "<|im_start|>assistant\n"
    (folder / "chat_template.jinja").write_text(template.replace(asked, asked + "<think>\n"))
    student = make_student(folder)
    student.preflight()
    with pytest.raises(UsageError, match=r"opens a reply with '<think>.*cannot be trained as it is asked for"):
        LoraTrainer(LoraOptions()).preflight(student)


def test_adapter_is_weighed_without_changing_the_blank_model(student: QwenStudent) -> None:
    names = [name for name, _ in student.architecture.model.named_modules()]
    trainer = LoraTrainer(LoraOptions())
    assert trainer.adapter_bytes(student) == trainer.adapter_bytes(student)
    assert [name for name, _ in student.architecture.model.named_modules()] == names


def further(student: Student, start: Adapter, rows: list[Example], folder: Path, **options: Any) -> TrainingReport:
    folder.mkdir()
    trainer = LoraTrainer(LoraOptions(**({"rank": 2, "epochs": 2, "learning_rate": 1e-2} | options)))
    return trainer.train_further(student, start, rows, 7, folder, lambda *_: None)


def made(folder: Path) -> Adapter:
    return Adapter(folder, hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest())


@pytest.mark.parametrize("target_modules", ["all-linear", "q_proj,v_proj"])
def test_an_adapter_trained_further_begins_with_the_weights_of_the_first(
    student: QwenStudent, examples: list[Example], tmp_path: Path, target_modules: str
) -> None:
    train(student, examples, tmp_path / "a", target_modules=target_modules)
    start, before = made(tmp_path / "a"), load_file(tmp_path / "a" / WEIGHTS)
    further(student, start, examples, tmp_path / "b", target_modules=target_modules, learning_rate=1e-30)
    after = load_file(tmp_path / "b" / WEIGHTS)
    assert max((before[name] - after[name]).abs().max().item() for name in before) < 1e-12
    assert (tmp_path / "a" / CONFIG_FILE).read_bytes() == (tmp_path / "b" / CONFIG_FILE).read_bytes()
    assert start.sha256 in (tmp_path / "b" / "README.md").read_text()


def test_training_further_goes_on_where_the_loss_was_and_is_the_same_each_time(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    first = train(student, examples, tmp_path / "a", epochs=8, target_modules="all-linear")
    start, plain = made(tmp_path / "a"), parameters(student)
    reports = [further(student, start, examples, tmp_path / name, target_modules="all-linear") for name in "bc"]
    assert reports[0].losses[0] <= first.losses[-1] < first.losses[0] - 1
    assert (tmp_path / "b" / WEIGHTS).read_bytes() == (tmp_path / "c" / WEIGHTS).read_bytes()
    assert made(tmp_path / "a") == start
    assert all(torch.equal(value, plain[name]) for name, value in parameters(student).items())


@pytest.mark.parametrize(
    ("given", "option"),
    [({"rank": 4}, "rank"), ({"alpha": 3}, "alpha"), ({"target_modules": "q_proj"}, "target_modules")],
)
def test_an_adapter_of_another_form_cannot_be_trained_further(
    student: QwenStudent, examples: list[Example], tmp_path: Path, given: dict[str, Any], option: str
) -> None:
    train(student, examples, tmp_path / "a")
    with pytest.raises(
        UsageError, match=rf"trainer\.{option}: an adapter can be trained further in its own form alone"
    ):
        further(student, made(tmp_path / "a"), examples, tmp_path / "b", **given)


def test_an_adapter_whose_weights_were_changed_is_not_trained_further(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    train(student, examples, tmp_path / "a")
    with pytest.raises(HarnessError, match=r"its weights have sha256 \w+, but 00 was recorded"):
        further(student, Adapter(tmp_path / "a", "00"), examples, tmp_path / "b")


class Stranger:
    """A local model of somebody else's: it can do what the interface names, and no more."""

    def __init__(self, student: QwenStudent) -> None:
        self.identity: Any = {**student.identity, "provider": "other"}
        for name in ("chat", "blank", "lend", "memory", "release"):
            setattr(self, name, getattr(student, name))


def test_a_local_model_of_another_plugin_is_trained_in_one_process_alone(
    student: QwenStudent, examples: list[Example], tmp_path: Path
) -> None:
    stranger: Any = Stranger(student)
    LoraTrainer(LoraOptions(rank=2)).preflight(stranger)
    train(stranger, examples, tmp_path / "theirs")
    train(student, examples, tmp_path / "ours")
    assert (tmp_path / "theirs" / WEIGHTS).read_bytes() == (tmp_path / "ours" / WEIGHTS).read_bytes()
    with pytest.raises(
        UsageError, match=r"trainer\.processes: this student's model cannot be loaded in several; give 1"
    ):
        LoraTrainer(LoraOptions(processes=2)).preflight(stranger)
