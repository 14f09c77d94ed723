"""What the benchmark scripts share: options and opening lines, medians, a GPU's peak memory, tables."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path


def student_arguments(name: str, prompt: int) -> argparse.ArgumentParser:
    """The command line of a benchmark of the student: what all of them take. ``prompt``: its usual tokens."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--model", type=Path, default=Path(str(files("harness_qwen_lora") / "tiny")), help="its folder")
    parser.add_argument("--prompt", type=int, default=prompt, help="tokens of a prompt")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is told")
    parser.add_argument("--memory-gib", type=float, default=0, help="GPU memory that may be used; 0: all of it")
    parser.add_argument("--threads", type=int, default=1)
    return parser


def begin(given: argparse.Namespace, what: str) -> None:
    """Keeps to the threads, and prints where the figures are taken and what of."""
    import torch

    torch.set_num_threads(given.threads)
    print(machine() if torch.cuda.is_available() else f"small scale, CPU seconds: {machine()}")
    print(f"{given.model.name}: {what}")


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """The median time of so many runs: wall time with a GPU, else CPU time, which other programs disturb less."""
    import torch

    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    taken = []
    for _ in range(runs):
        started = clock()
        work()
        taken.append(clock() - started)
    return statistics.median(taken)


def harness(*arguments: str, accepted: Sequence[int] = (0,)) -> tuple[float, float]:
    """Wall and CPU seconds of the command in a process of its own. Raises RuntimeError for any other exit code."""
    return command([sys.executable, "-m", "harness", *arguments], accepted)


def command(arguments: Sequence[str], accepted: Sequence[int] = (0,)) -> tuple[float, float]:
    """Wall and CPU seconds of a process. Raises RuntimeError for an exit code that is not among those accepted."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(arguments, check=False, capture_output=True, text=True)  # noqa: S603 - what a benchmark names
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in accepted:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def output(arguments: Sequence[str]) -> str:
    """What a process prints. Raises CalledProcessError."""
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)  # noqa: S603 - what a benchmark names
    return done.stdout.strip()


def machine() -> str:
    """Processor or GPU, and the versions that matter."""
    import torch

    where = f"{os.cpu_count()} CPU cores ({platform.machine()}), {torch.get_num_threads()} torch threads, no GPU"
    if torch.cuda.is_available():
        where = torch.cuda.get_device_name(0)
    return f"{where}; Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in ("torch", "transformers", "peft")
    )


def synchronize() -> None:
    """Waits until the GPU, if there is one, has done what it was told."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def reset_peak() -> None:
    """Starts counting a GPU's peak memory anew."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak() -> str:
    """The most GPU memory that was allocated since ``reset_peak``; a dash without a GPU."""
    import torch

    return f"{torch.cuda.max_memory_allocated() / 2**30:.2f} GiB" if torch.cuda.is_available() else "-"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table, of which the first is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
