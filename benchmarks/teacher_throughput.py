"""How close the Claude teacher comes to what its concurrency allows, beside asking one at a time.

    python -m benchmarks.teacher_throughput

A server in a process of its own takes 200 ms for each call. The teacher has had its preflight, and every call is
journalled and booked, as in a run. Told are the quickest run and the median, because other programs disturb both
processor and disk; the CPU time of a call, and how much of it is not in the calling thread, which is the SDK's; and how
long the disk takes to sync a line, which happens twice for each call.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks import measure
from harness.api import Message, Problem, Request, Solve
from harness.experiment.asking import ask_teacher
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness_claude.options import Options
from harness_claude.teacher import create
from tests.loopback.server import Loopback

SECONDS = 0.2
CALLS = 400
RUNS = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds that some calls took."""

    wall: float
    cpu: float
    sdk: float
    """CPU outside of the calling thread."""


def serve(pipe: Connection) -> None:
    """Answers calls until it is told to stop."""
    with Loopback(lambda prompt: f"so {prompt[-3:]}", delay=SECONDS) as server:
        pipe.send(server.url)
        pipe.recv()


def taken(url: str, concurrency: int, calls: int) -> Taken:
    """What so many calls take, all as new as in a run."""
    requests = [
        Request(
            f"solve/{index}",
            (Message("system", "instructions " * 100), Message("user", f"problem {index}")),
            Solve(Problem(str(index), "test", "all", {}, str(index)), None),
        )
        for index in range(calls)
    ]
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.jsonl")
        teacher = create(Options(base_url=url, concurrency=concurrency))
        teacher.preflight()
        wall, cpu, own = time.monotonic(), time.process_time(), time.thread_time()
        ask_teacher(journal, RunLedger(journal, teacher.cost, None), teacher, requests, lambda _: None)
        wall, cpu, own = time.monotonic() - wall, time.process_time() - cpu, time.thread_time() - own
        journal.close()
    return Taken(wall, cpu, cpu - own)


def sync_seconds(lines: int = 100) -> float:
    """The median time that the disk takes for an appended line to be durable."""
    waits = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(lines):
            file.write(b"x" * 500 + b"\n")
            started = time.monotonic()
            os.fdatasync(file.fileno())
            waits.append(time.monotonic() - started)
    return statistics.median(waits)


def main() -> None:
    """Prints a table, a row for each concurrency."""
    os.environ["ANTHROPIC_API_KEY"] = "benchmark"
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,))
    server.start()
    url = mine.recv()
    rows = [["concurrency", "calls", "ideal s", "best s", "above", "median s", "CPU ms a call", "SDK's", "sync ms"]]
    for concurrency, calls in ((1, 25), (16, CALLS)):
        runs = [taken(url, concurrency, calls) for _ in range(RUNS)]
        ideal, best = calls / concurrency * SECONDS, min(run.wall for run in runs)
        wall, cpu, sdk = (statistics.median(getattr(run, name) for run in runs) for name in ("wall", "cpu", "sdk"))
        rows.append([str(concurrency), str(calls), f"{ideal:.2f}", f"{best:.2f}", f"{100 * (best / ideal - 1):.1f}%"])
        rows[-1] += [
            f"{wall:.2f}",
            f"{1e3 * cpu / calls:.2f}",
            f"{1e3 * sdk / calls:.2f}",
            f"{1e3 * sync_seconds():.2f}",
        ]
    mine.send("stop")
    server.join()
    print(measure.table(rows))
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
