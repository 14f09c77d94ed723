"""What the plans for a GPU's memory promise, beside what the tensors of a model without values come to.

    python -m benchmarks.student_memory [--prompt 350] [--new 256] [--problems 150] [--length 300] [--reply 100]

A model of the shape of Qwen2.5-3B in bfloat16 is run on torch's fake tensors, which have sizes and no values, while the
bytes of all living storages are counted. No GPU and little memory are needed, and some minutes. Not counted: what the
kernels need besides, the CUDA context, and holes between allocations, for which plans set a share aside. The kernels
are those of a CPU.
"""

from __future__ import annotations

import argparse
import weakref
from contextlib import nullcontext
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from transformers import DynamicCache, Qwen2ForCausalLM

from benchmarks import measure
from harness_qwen_lora import memory
from harness_qwen_lora.checkpoints.loading import quiet
from harness_qwen_lora.options import LoraOptions
from harness_qwen_lora.student import PREFILL_CHUNK
from harness_qwen_lora.training.fitting import Split, checkpointing
from harness_qwen_lora.training.hf_trainer import SupervisedLoss
from tools.random_student import config

PLANS = (Split(8, False), Split(4, False), Split(2, False), Split(8, True), Split(1, False))
"""Ways to run a step of eight examples that are counted."""


def model(shape: str) -> Any:
    """A model on the meta device, frozen, as the student keeps it."""
    with torch.device("meta"):
        made: Any = Qwen2ForCausalLM(config(shape))
    made.to(torch.bfloat16)
    return made.eval().requires_grad_(False)


def fake(module: torch.nn.Module, base: Any) -> None:
    """Gives a module on the meta device tensors of a processor, without values; to be called where tensors are fake."""
    module.to_empty(device="cpu")
    base.tie_weights()


class Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for its base class
    """Counts the bytes of the storages that are alive: those it is given, and those that operations make."""

    def __init__(self, resident: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the same
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        self._bytes = self.peak = 0
        self._count([*resident.parameters(), *resident.buffers()])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self._count(made)
        return made

    def _count(self, tensors: Any) -> None:
        for tensor in tree_iter(tensors):
            if isinstance(tensor, torch.Tensor) and (storage := tensor.untyped_storage()) not in self._known:
                self._known.add(storage)
                self._bytes += storage.nbytes()
                weakref.finalize(storage, self._gone, storage.nbytes())
        self.peak = max(self.peak, self._bytes)

    def _gone(self, size: int) -> None:
        self._bytes -= size


def training(shape: str, length: int, reply: int, split: Split) -> tuple[int, int]:
    """Bytes that one pass of a micro-batch is planned to take, and that its tensors come to; weights included."""
    base, options = model(shape), LoraOptions()
    planned = memory.shape(base)
    adapter = LoraConfig(r=options.rank, target_modules=list(options.target_modules), task_type="CAUSAL_LM")
    wrapped = SupervisedLoss(get_peft_model(base, adapter)).train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        fake(wrapped, base)
        ids = torch.ones((split.micro_batch, length), dtype=torch.long)
        alive = Alive(wrapped)
        with alive, checkpointing(base) if split.checkpointing else nullcontext():
            with torch.autocast("cpu", torch.bfloat16):
                kept = torch.arange(length - reply - 1, length - 1)
                weights, supervised = torch.ones(split.micro_batch), torch.tensor(split.micro_batch * reply)
                loss = wrapped(ids, torch.ones_like(ids), ids, weights, kept, supervised)["loss"]
            loss.backward()
    estimate = memory.training(planned, split.micro_batch, length, reply, split.checkpointing)
    return planned.weights + estimate, alive.peak


def answering(shape: str, rows: int, prompt: int, new: int, chunk: int) -> tuple[int, int]:
    """The same of one batch of prompts: its chunks, and the last of its new tokens."""
    base = model(shape)
    planned = memory.shape(base)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        fake(base, base)
        cache = DynamicCache()
        alive = Alive(base)
        with alive:
            for start in [*range(0, prompt, chunk), *range(prompt, prompt + new)]:
                end = min(start + chunk, prompt) if start < prompt else start + 1
                ids = torch.ones((rows, end - start), dtype=torch.long)
                mask = torch.ones((rows, end), dtype=torch.long)
                output = base(input_ids=ids, attention_mask=mask, past_key_values=cache, logits_to_keep=1)
                # as generate() does: a copy in float32, from which it chooses
                output.logits[:, -1].to(copy=True, dtype=torch.float32).argmax(-1)
                del output
    return planned.weights + memory.answering(planned, rows, prompt, new, chunk), alive.peak


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.student_memory")
    parser.add_argument("--shape", default="3b")
    parser.add_argument("--problems", type=int, default=150)
    parser.add_argument("--prompt", type=int, default=350, help="tokens of a prompt")
    parser.add_argument("--new", type=int, default=256, help="new tokens of a reply")
    parser.add_argument("--length", type=int, default=300, help="tokens of a training example")
    parser.add_argument("--reply", type=int, default=100, help="tokens of it that carry loss")
    return parser.parse_args()


def main() -> None:
    """Prints a table: what runs, bytes planned, bytes counted."""
    given = arguments()
    print(f"fake tensors of the shape {given.shape}: {measure.machine()}")
    rows = [["what", "planned GiB", "counted GiB"]]

    def add(what: str, sizes: tuple[int, int]) -> None:
        rows.append([what, *(f"{size / memory.GIB:.2f}" for size in sizes)])

    with quiet():
        sizes = answering(given.shape, given.problems, given.prompt, given.new, PREFILL_CHUNK)
        add(f"answer {given.problems} prompts of {given.prompt} + {given.new} tokens", sizes)
        for split in PLANS:
            how = "checkpointing" if split.checkpointing else "activations kept"
            sizes = training(given.shape, given.length, given.reply, split)
            add(f"train {split.micro_batch} x {given.length} tokens, {how}", sizes)
    print(measure.table(rows))


if __name__ == "__main__":
    main()
