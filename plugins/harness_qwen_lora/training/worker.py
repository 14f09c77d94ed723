"""One process of a training in several, as launcher.py starts it: ``python -m harness_qwen_lora.training.worker JOB``.

Reads the job, trains, and says on its output, in JSON lines, how far it is and how it ended.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch

from harness.api import HarnessError, UsageError
from harness_qwen_lora.checkpoints import loading
from harness_qwen_lora.checkpoints.loading import Source
from harness_qwen_lora.training.fitting import Job, fit


def main(path: str) -> int:
    """Does this process's share of a job. Gives the exit code."""
    job = Job.from_json(Path(path).read_text(encoding="utf-8"))
    rank, local = (int(os.environ.get(name, "0")) for name in ("RANK", "LOCAL_RANK"))
    first = rank == 0

    def say(**words: Any) -> None:
        # one write, so that lines of several processes do not mix
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()

    def on_step(step: int, steps: int, loss: float) -> None:
        if first:
            say(step=step, of=steps, loss=loss)

    try:
        source = cast(Source, job.source)  # the launcher sees to it
        if source.device.startswith("cuda"):
            torch.cuda.set_device(local)
            source = replace(source, device=f"cuda:{local}")
        base = loading.load(source)
        fitted = fit(base, job, on_step)
    except Exception as error:  # said at once: the others soon fail too, since they hear no more of this one
        say(**_told(error))
        return 1
    if first:
        say(**asdict(fitted))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    return 0


def _told(error: Exception) -> dict[str, Any]:
    """What a process says of the error that ends it."""
    match error:
        case torch.OutOfMemoryError():
            return {"out_of_memory": True}
        case UsageError():
            return {"refused": str(error)}
        case HarnessError():
            return {"error": str(error)}
        case OSError(errno=int(number)):
            return {"disk": [number, error.strerror, error.filename]}
        case _:
            return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
