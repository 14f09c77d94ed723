"""Whether a compiled decode would pay: the first call with each adapter, which compiles, and the calls after it.

    python -m benchmarks.compiled_decode [--model FOLDER] [--problems 50] [--prompt 90] [--new 100] [--threads 1]

Arms differ by their adapters, and torch.compile makes a program for each. The student has no such engine; this is the
measurement behind that. Wall seconds, because the compiler works in processes of its own.
"""

from __future__ import annotations

import argparse
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import CompileConfig, GenerationConfig

from benchmarks import measure
from benchmarks.student_generation import prompts
from harness_qwen_lora.checkpoints.loading import quiet
from harness_qwen_lora.generation import GREEDY
from harness_qwen_lora.options import QwenLoraOptions
from harness_qwen_lora.student import QwenStudent

CALLS = 3
"""Calls in a row with one adapter: the first, and what it is like afterwards."""


def compiled() -> dict[str, Any]:
    """The settings of generate() for a cache of fixed size and a compiled step."""
    config = CompileConfig(mode="reduce-overhead" if torch.cuda.is_available() else "default")
    config._compile_all_devices = True  # type: ignore[assignment]  # typed None; the only switch that compiles on a CPU
    return {"cache_implementation": "static", "disable_compile": False, "compile_config": config}


def seconds(model: Any, given: argparse.Namespace, settings: dict[str, Any]) -> list[float]:
    """Wall seconds of each of ``CALLS`` batches."""
    ids = torch.tensor([row[: given.prompt] for row in prompts(given.problems, 2 * given.prompt)], device=model.device)
    length = {"min_new_tokens": given.new, "max_new_tokens": given.new, "eos_token_id": 2, "pad_token_id": 0}
    config = GenerationConfig.from_dict(GREEDY | length | settings)
    taken = []
    for _ in range(CALLS):
        started = time.perf_counter()
        with torch.inference_mode():
            model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config)
        measure.synchronize()
        taken.append(time.perf_counter() - started)
    return taken


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled_decode")
    parser.add_argument("--model", type=Path, default=Path(str(files("harness_qwen_lora") / "tiny")))
    parser.add_argument("--problems", type=int, default=50)
    parser.add_argument("--prompt", type=int, default=90, help="tokens of a prompt")
    parser.add_argument("--new", type=int, default=100, help="new tokens of a reply")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Prints a table: decode, adapter, seconds of the first call, seconds of the last."""
    given = arguments()
    torch.set_num_threads(given.threads)
    print(measure.machine())
    student = QwenStudent(str(given.model.resolve()), QwenLoraOptions(threads=given.threads))
    rows = [["decode", "adapter", "first call s", "later call s"]]
    with student.lend() as base, quiet():
        config = LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(base, config, adapter_name="first")
        model.add_adapter("second", config)
        for decode, settings in (("as it comes", {}), ("compiled", compiled())):
            for name in ("first", "second"):
                model.set_adapter(name)
                first, *_, last = seconds(model, given, settings)
                rows.append([decode, name, f"{first:.2f}", f"{last:.2f}"])
            with model.disable_adapter():
                first, *_, last = seconds(model, given, settings)
            rows.append([decode, "none", f"{first:.2f}", f"{last:.2f}"])
        model.unload()
    print(measure.table(rows))


if __name__ == "__main__":
    main()
