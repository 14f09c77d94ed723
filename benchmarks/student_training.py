"""How fast the student is trained, beside TRL's SFTTrainer where that is installed.

    python -m benchmarks.student_training [--model FOLDER] [--examples 100] [--prompt 200] [--reply 100]

Without a model, the bundled checkpoint. For the full-size figures on a GPU:

    python -m tools.random_student --out /tmp/qwen-3b
    python -m benchmarks.student_training --model /tmp/qwen-3b --memory-gib 12

Both sides train the published adapter (rank 8 on queries and values, 3 epochs, batch 2 x accumulation 4) on the same
tokens. Loading is not timed; putting the adapter on is, and on our side saving it too.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from benchmarks import measure
from harness.api import TokenRow
from harness_qwen_lora import memory
from harness_qwen_lora.checkpoints.loading import quiet
from harness_qwen_lora.options import LoraOptions, QwenLoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training.fitting import Job, Split, fit, splits


def examples(count: int, prompt: int, reply: int, seed: int = 0) -> list[TokenRow]:
    """Rows of random tokens."""
    stream = random.Random(seed)
    return [
        TokenRow(tuple(stream.randrange(10, 1000) for _ in range(prompt + reply)), prompt, truncated=False)
        for _ in range(count)
    ]


def ours(student: QwenStudent, rows: list[TokenRow], options: LoraOptions, split: Split) -> None:
    """One training by the trainer ``lora``."""
    with student.lend() as base, tempfile.TemporaryDirectory() as folder:
        fit(base, Job(student.source(), options, tuple(rows), 0, 7, split, Path(folder)), lambda *_: None)
    measure.synchronize()


def theirs(student: QwenStudent, rows: list[TokenRow], options: LoraOptions, split: Split) -> None:
    """One training by TRL, on the same tokens with loss on the same."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    data = Dataset.from_dict(
        {
            "input_ids": [list(row.ids) for row in rows],
            "completion_mask": [[0] * row.prompt_tokens + [1] * row.supervised_tokens for row in rows],
        }
    )
    with student.lend() as base, tempfile.TemporaryDirectory() as folder, quiet():
        settings: Any = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=split.micro_batch,
            gradient_accumulation_steps=options.batch_size * options.accumulation // split.micro_batch,
            num_train_epochs=options.epochs,
            learning_rate=options.learning_rate,
            gradient_checkpointing=split.checkpointing,
            bf16=base.dtype == torch.bfloat16,
            use_cpu=base.device.type == "cpu",
            completion_only_loss=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
        )
        adapter = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=list(options.target_modules))
        tokenizer = student.chat()._tokenizer
        trainer = SFTTrainer(
            model=base, args=settings, train_dataset=data, peft_config=adapter, processing_class=tokenizer
        )
        trainer.train()
        trainer.model.unload()
    measure.synchronize()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = measure.student_arguments("student_training", prompt=200)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--reply", type=int, default=100, help="tokens of a reply")
    parser.add_argument("--epochs", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    """Prints a table: trainer, micro-batch, checkpointing, seconds, tokens a second, peak memory."""
    given = arguments()
    measure.begin(given, f"{given.examples} x {given.epochs} examples of {given.prompt} + {given.reply} tokens")
    options = LoraOptions(epochs=given.epochs)
    model = QwenLoraOptions(memory_gib=given.memory_gib, threads=given.threads)
    student = QwenStudent(str(given.model.resolve()), model)
    rows = examples(given.examples, given.prompt, given.reply)
    with student.lend() as base:
        chosen = splits(options, memory.shape(base), rows, student.memory())[0]
    published, whole = Split(options.batch_size, checkpointing=False), Split(8, checkpointing=False)
    contenders = [("lora", ours, split) for split in dict.fromkeys((published, chosen, whole))]
    if find_spec("trl"):
        contenders += [("TRL SFTTrainer", theirs, split) for split in (published, whole)]
    else:
        print("TRL is not installed here: no peer in this run (pip install trl)")
    lines = [["trainer", "micro-batch", "checkpointing", "median s", "tokens/s", "peak"]]
    tokens = sum(len(row.ids) for row in rows) * given.epochs
    for name, train, split in contenders:
        train(student, rows[:8], LoraOptions(epochs=1), split)  # warm up
        measure.reset_peak()
        seconds = measure.median_seconds(partial(train, student, rows, options, split), given.runs)
        kept = "on" if split.checkpointing else "off"
        lines.append([name, str(split.micro_batch), kept, f"{seconds:.2f}", f"{tokens / seconds:.0f}", measure.peak()])
    print(measure.table(lines))


if __name__ == "__main__":
    main()
