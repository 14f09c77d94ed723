"""A training in several processes: the job as a file, torchrun over the workers, and what they say.

What a worker does is in worker.py. Workers inherit the environment: keys are taken out of it before a training begins.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from harness.api import HarnessError, OnStep, UsageError
from harness_qwen_lora.cluster import without
from harness_qwen_lora.training.fitting import Fitted, Job

EXIT_WITH_PARENT = "harness_qwen_lora.training.exit_with_parent"
RAISED = re.compile(
    r"^(?:\[rank\d+\]: *)?((?!torch\.distributed\.elastic)[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)\b.*)",
    re.MULTILINE,
)
"""The line of a worker's traceback that names its exception."""
SIGNAL = re.compile(r"^ *traceback +: (Signal .*)", re.MULTILINE)
"""The line in which torchrun tells of a signal that ended a worker."""
OWN_SIGNAL = "SIGTERM"
"""What torchrun itself ends the other workers with, once one has failed."""
MOST_ERROR = 500
"""Characters of the workers' last words that an error repeats."""


def launch(job: Job, on_step: OnStep) -> Fitted:
    """Runs a job in as many processes as its options say. They end with this call, however it ends.

    What they need besides the adapter lies in its folder meanwhile, so that a kill leaves nothing elsewhere. Raises
    UsageError as a worker does, HarnessError where one fails otherwise, torch.OutOfMemoryError where one runs out of
    memory, and OSError where the adapter cannot be written.
    """
    import torch

    with TemporaryDirectory(prefix=".scratch-", dir=job.folder) as scratch:
        path = Path(scratch) / "job.json"
        path.write_text(job.to_json(), encoding="utf-8")
        with (Path(scratch) / "errors").open("w+", encoding="utf-8", errors="replace") as errors:
            with _workers(job.options.processes, path, errors) as worker:
                said = _listen(worker, on_step)
                code = worker.wait()
            if said.get("out_of_memory"):
                raise torch.OutOfMemoryError("in a process of the training")
            if "disk" in said:
                raise OSError(*said["disk"])
            if "refused" in said:
                raise UsageError(said["refused"])
            if "steps" not in said or code:
                errors.seek(0)
                last = _last_words(said.get("error"), errors.read())
                raise HarnessError(f"trainer lora: a process of the training ended with code {code}: {last}")
    return Fitted(tuple(said["losses"]), said["steps"], said["peak_memory_bytes"])


def command(processes: int, job: Path) -> list[str]:
    """The command line of a job: torchrun on this machine alone."""
    torchrun = ["-m", EXIT_WITH_PARENT, "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [sys.executable, *torchrun, "-m", EXIT_WITH_PARENT, "harness_qwen_lora.training.worker", str(job)]


def environment(inherited: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """What the workers see: this process's environment and import path, and a place for scratch files.

    torchrun alone says which of several a worker is: what a cluster has said of this process is left out.
    """
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(scratch.absolute())}
    return {"OMP_NUM_THREADS": "1"} | without(inherited) | own


def _last_words(said: str | None, errors: str) -> str:
    """Why a training failed, in one line: the signal that ended a worker, and what one said or else raised."""
    signals = SIGNAL.findall(errors)
    foreign = [signal for signal in signals if OWN_SIGNAL not in signal]
    raised = [said] if said else RAISED.findall(errors)
    rest = signals or [line for line in errors.split("\n") if line.strip()]
    causes = [*foreign[-1:], *raised[-1:]] or rest[-1:]
    return "; ".join(" ".join(cause.split()) for cause in causes)[:MOST_ERROR] or "it said nothing"


@contextmanager
def _workers(processes: int, job: Path, errors: IO[str]) -> Iterator[subprocess.Popen[str]]:
    worker = subprocess.Popen(  # noqa: S603 - our own interpreter on our own module
        command(processes, job),
        env=environment(os.environ, job.parent),
        stdin=subprocess.PIPE,  # what ties the workers to this process: see exit_with_parent.py
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,  # a first Ctrl-C is for the run alone, which lets a training end
    )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.terminate()  # torchrun passes it on to its workers
            worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe:
                pipe.close()


def _listen(worker: subprocess.Popen[str], on_step: OnStep) -> dict[str, Any]:
    """Passes steps on; gives what was said at the end: by the first process that failed, if one did."""
    end: dict[str, Any] = {}
    for line in worker.stdout or ():
        try:
            said = json.loads(line)
        except ValueError:
            continue  # some library's own words
        if not isinstance(said, dict):
            continue
        if "step" in said:
            on_step(said["step"], said["of"], said["loss"])
        elif not end or "steps" in end:
            end = said
    return end
