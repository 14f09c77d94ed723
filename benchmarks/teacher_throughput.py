"""How close the Claude teacher comes to what its concurrency allows, beside asking one at a time.

    python -m benchmarks.teacher_throughput

A server in a process of its own takes 200 ms for each call. Every call is journalled and booked as in a run.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from harness.api import Message, Problem, Request, Solve
from harness.experiment.asking import ask_teacher
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal
from harness_claude.options import Options
from harness_claude.teacher import create
from tests.loopback.server import Loopback

SECONDS = 0.2
CALLS = 400
RUNS = 3


def serve(pipe: Connection) -> None:
    """Answers calls until it is told to stop."""
    with Loopback(lambda prompt: f"so {prompt[-3:]}", delay=SECONDS) as server:
        pipe.send(server.url)
        pipe.recv()


def wall(url: str, concurrency: int, calls: int) -> float:
    """Seconds for so many calls."""
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
        started = time.monotonic()
        ask_teacher(journal, RunLedger(journal, teacher.cost, None), teacher, requests, lambda _: None)
        taken = time.monotonic() - started
        journal.close()
    return taken


def main() -> None:
    """Prints a table: concurrency, calls, seconds, the ideal, and how far above it."""
    os.environ["ANTHROPIC_API_KEY"] = "benchmark"
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,))
    server.start()
    url = mine.recv()
    print(f"{'concurrency':>11} {'calls':>6} {'median s':>9} {'ideal s':>8} {'above':>7}")
    for concurrency, calls in ((1, 25), (16, CALLS)):
        median = statistics.median(wall(url, concurrency, calls) for _ in range(RUNS))
        ideal = calls / concurrency * SECONDS
        print(f"{concurrency:>11} {calls:>6} {median:>9.2f} {ideal:>8.2f} {100 * (median / ideal - 1):>6.1f}%")
    mine.send("stop")
    server.join()


if __name__ == "__main__":
    main()
