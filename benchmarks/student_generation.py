"""How fast the student answers, beside one prompt at a time as in the published run.

    python -m benchmarks.student_generation [--model FOLDER] [--problems 150] [--prompt 350] [--new 256]

Without a model, the bundled checkpoint at small scale. For the full-size figures on a GPU:

    python -m tools.random_student --out /tmp/qwen-3b
    python -m benchmarks.student_generation --model /tmp/qwen-3b --engines generate,continuous --memory-gib 12

Prompts are random tokens, up to a tenth shorter or longer than ``--prompt``; every reply is forced to ``--new`` tokens,
because such a model ends nowhere of use by itself. Loading is not timed.
"""

from __future__ import annotations

import argparse
import random
from typing import Any

import torch

from benchmarks import measure
from harness_qwen_lora.generation import Generator, Settings
from harness_qwen_lora.options import QwenLoraOptions
from harness_qwen_lora.student import QwenStudent

FIRST_ID = 10
"""Ids below are control tokens of the bundled tokenizer."""


def prompts(count: int, length: int, seed: int = 0) -> list[list[int]]:
    """Random token ids of every vocabulary, of lengths within a tenth of ``length``."""
    stream = random.Random(seed)
    lengths = [round(length * stream.uniform(0.9, 1.1)) for _ in range(count)]
    return [[stream.randrange(FIRST_ID, 1000) for _ in range(width)] for width in lengths]


def one_at_a_time(model: Any, asked: list[list[int]], new: int) -> list[list[int]]:
    """The published way: a call of generate for each prompt."""
    replies = []
    for prompt in asked:
        ids = torch.tensor([prompt], device=model.device)
        made = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            min_new_tokens=new,
            max_new_tokens=new,
            eos_token_id=2,
            pad_token_id=0,
        )
        replies.append(made[0, ids.shape[1] :].tolist())
    return replies


def generator(student: QwenStudent, model: Any, new: int) -> Generator:
    """The student's own, but that no reply may end before ``new`` tokens."""
    said: Any = student.identity
    settings = Settings(
        max_new_tokens=new,
        min_new_tokens=new,
        rows=None if said["batch_size"] == "auto" else said["batch_size"],
        memory=student.memory() or 0,
        engine=said["engine"],
        prefill_chunk=said["prefill_chunk"],
    )
    return Generator(model, student.chat(), settings)


def timed(student: QwenStudent, asked: list[list[int]], given: argparse.Namespace, alone: bool) -> tuple[Any, float]:
    """The replies of one engine and the median seconds that they took, after a run that warms up."""
    answered: list[list[int]] = []
    with student.lend() as model, torch.inference_mode():
        batched = generator(student, model, given.new)

        def work() -> None:
            answered[:] = one_at_a_time(model, asked, given.new) if alone else batched.answer(asked, None)
            measure.synchronize()

        work()
        measure.reset_peak()
        return answered, measure.median_seconds(work, given.runs)


def tokens(student: QwenStudent, engine: str, answered: list[list[int]], new: int) -> int:
    """Tokens of the replies. Raises SystemExit if one is shorter than was asked: then the speed would be flattered."""
    made = [student.chat().reply(row)[2] for row in answered]
    if min(made) < new:
        raise SystemExit(f"{engine}: a reply of {min(made)} tokens where {new} were asked; no figure is given")
    return sum(made)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = measure.student_arguments("student_generation", prompt=350)
    parser.add_argument("--problems", type=int, default=150)
    parser.add_argument("--new", type=int, default=256, help="new tokens of a reply")
    parser.add_argument("--peer", type=int, default=15, help="problems that are asked one at a time")
    parser.add_argument("--engines", default="generate", help="separated by commas: generate, continuous")
    parser.add_argument("--batch-size", default="auto")
    return parser.parse_args()


def main() -> None:
    """Prints a table: engine, seconds, tokens a second, times the peer, replies alike, peak memory."""
    given = arguments()
    measure.begin(given, f"{given.problems} prompts of about {given.prompt} tokens, {given.new} new tokens each")
    asked = prompts(given.problems, given.prompt)
    rows = [["engine", "problems", "median s", "tokens/s", "times peer", "same replies", "peak"]]
    wanted: list[list[int]] = []
    rate = 0.0
    for engine in ("one at a time", *given.engines.split(",")):
        alone = engine == "one at a time"
        options: dict[str, Any] = {"batch_size": given.batch_size, "engine": "generate" if alone else engine}
        limits = {"memory_gib": given.memory_gib, "max_new_tokens": given.new, "threads": given.threads}
        student = QwenStudent(str(given.model.resolve()), QwenLoraOptions(**options, **limits))
        these = asked[: given.peer] if alone else asked
        answered, seconds = timed(student, these, given, alone)
        wanted = wanted or answered
        same = sum(one == other for one, other in zip(wanted, answered, strict=False))
        speed = tokens(student, engine, answered, given.new) / seconds
        rate = rate or speed
        figures = [f"{seconds:.2f}", f"{speed:.0f}", f"{speed / rate:.1f}", f"{same} of {len(wanted)}"]
        rows.append([engine, str(len(these)), *figures, measure.peak()])
        student.release()
    print(measure.table(rows))


if __name__ == "__main__":
    main()
