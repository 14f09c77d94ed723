"""How fast scheduling problems are made, by either generator, verified, by the number of meetings, worked and answered.

python -m benchmarks.scheduling
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import cast

from benchmarks import measure
from harness.api import Ledger, Problem, Request, Solve
from harness_scheduling.domain import Scheduling, problem
from harness_scheduling.options import SchedulingOptions
from harness_scheduling.parsing import parse
from harness_scheduling.task import SchedulingTask
from harness_scheduling.verifier import SweepLine
from harness_simulated import Options
from harness_simulated.teacher import SimulatedTeacher
from tests import hostile

RUNS = 3
MADE = {"balanced": 1_000, "published": 10_000}
"""By distribution; fewer of the balanced, which is the default and takes longer."""
WINDOWS = (4, 8)
OF_A_WINDOW = 150
SIX = 20_000
ANSWERED = 4_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)


def random_problem(meetings: int, rooms: int, hours: int, stream: random.Random) -> Problem:
    """Meetings at random hours of a span that long."""
    starts, ends = [], []
    for _ in range(meetings):
        start = stream.randrange(hours - 1)
        starts.append(start)
        ends.append(stream.randint(start + 1, min(hours, start + 4)))
    return problem("test", 0, "benchmark", Scheduling(starts, ends, rooms))


def in_windows(task: SchedulingTask, windows: int) -> None:
    """The problems of every window, to measure on and to train on."""
    for window in range(1, windows + 1):
        for split in ("test", "train"):
            task.window(split, window, windows, OF_A_WINDOW)


def verify(problems: Sequence[Problem]) -> None:
    """The truth of each problem, with its witness."""
    verifier = SweepLine()
    for each in problems:
        verifier.truth(each)


def work(task: SchedulingTask, problems: Sequence[Problem]) -> None:
    """Every trivial rule carried out on each problem."""
    rules = [rule for rule in task.rules if rule.trivial]
    for each in problems:
        for rule in rules:
            rule.work(each)


def answer(task: SchedulingTask, problems: Sequence[Problem]) -> list[str]:
    """The simulated teacher's reply to each problem, with the right rule in its strategy."""
    teacher, strategy = SimulatedTeacher(Options(), task, 0), task.rules[-1].text
    requests = [Request(each.id, task.prompt(each, strategy), Solve(each, strategy)) for each in problems]
    return [completion.text for completion in teacher.complete(requests, cast("Ledger", None))]


def read(replies: Sequence[str]) -> None:
    """The answer that each reply states."""
    for reply in replies:
        parse(reply)


def main() -> None:
    """Prints a table: what was done, how many, seconds, how many a second."""
    stream = random.Random(0)
    rows = [["what", "count", "median s", "a second"]]

    def add(what: str, count: int, seconds: float) -> None:
        rows.append([what, str(count), f"{seconds:.3f}", f"{count / seconds:,.0f}"])

    for name, count in MADE.items():
        task = SchedulingTask(SchedulingOptions.model_validate({"distribution": name}), 0)
        add(f"problems made, {name}", count, measure.median_seconds(partial(task.problems, "test", count), RUNS))
    for windows in WINDOWS:
        drift = partial(in_windows, SchedulingTask(SchedulingOptions(), 0), windows)
        add(f"problems made, in {windows} windows", 2 * windows * OF_A_WINDOW, measure.median_seconds(drift, RUNS))
    small = [random_problem(6, 3, 24, stream) for _ in range(SIX)]
    add("problems of six meetings verified", SIX, measure.median_seconds(partial(verify, small), RUNS))
    for size in SIZES:
        large = [random_problem(size, size, 10 * size, stream)]
        add(f"meetings of one problem ({size:,})", size, measure.median_seconds(partial(verify, large), 1))
    published = SchedulingTask(SchedulingOptions(distribution="published"), 0)
    problems = published.problems("test", ANSWERED)
    add(
        "problems worked by each trivial rule",
        ANSWERED,
        measure.median_seconds(partial(work, published, problems), RUNS),
    )
    add("problems put and answered", ANSWERED, measure.median_seconds(partial(answer, published, problems), RUNS))
    replies = answer(published, problems)
    add("replies read", ANSWERED, measure.median_seconds(partial(read, replies), RUNS))
    slowest = max(measure.median_seconds(partial(parse, text), RUNS) for text in hostile.LARGE.values())
    add("characters of a hostile reply read", hostile.MEGABYTE, slowest)
    print(measure.table(rows))


if __name__ == "__main__":
    main()
