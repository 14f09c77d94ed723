"""The problem sets of a plan, and the problems of a task, asked for once: what it gave the first time.

Making them can be slow, as where a task searches for hard ones or reads a large file: then a person is told what is
waited for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Timer
from typing import Any

from harness.api import Drifting, Problem, ProblemSet, Task
from harness.design.plan import Plan

PATIENCE = 2.0
"""Seconds after which a person is told."""

Ask = Callable[..., Sequence[Problem]]


def of_set(plan: Plan, task: Task, name: str) -> list[Problem]:
    """The problems of a set that a plan uses, by its name: of each window the first.

    Sets that are taken from one split lie one behind the other in it, so that they share no problem. Where a task does
    not drift, the windows do too.
    """
    chosen, (size, used) = plan.design.problem_set(name), (plan.size(name), plan.count(name))
    if chosen.windows == 1:
        whole, start = plan.pool(name, drifts=isinstance(task, Drifting))
        made = task.problems(chosen.of, whole)[start : start + size][:used]
        return list(made) if name == chosen.of else [_placed(problem, chosen) for problem in made]
    return [
        _placed(problem, chosen, f"window-{window:0{len(str(chosen.windows))}d}")
        for window in range(1, chosen.windows + 1)
        for problem in _window(plan, task, chosen, window)
    ]


def _window(plan: Plan, task: Task, chosen: ProblemSet, window: int) -> Sequence[Problem]:
    """The problems of one window of a set that a plan uses."""
    each, used = (count // chosen.windows for count in (plan.size(chosen.name), plan.count(chosen.name)))
    whole, start = plan.pool(chosen.name, drifts=isinstance(task, Drifting))
    if isinstance(task, Drifting):
        made = task.window(chosen.of, window, chosen.windows, whole // chosen.windows)
        start //= chosen.windows
    else:
        made = task.problems(chosen.of, whole)
        start += (window - 1) * each
    return made[start : start + each][:used]


def _placed(problem: Problem, chosen: ProblemSet, stratum: str | None = None) -> Problem:
    """A problem as one of the set. What a task says wrongly of it is left to be found."""
    if not isinstance(problem, Problem) or problem.split != chosen.of:
        return problem
    return replace(problem, split=chosen.name, stratum=problem.stratum if stratum is None else stratum)


def sample(plan: Plan, task: Task, name: str, count: int) -> Sequence[Problem]:
    """A few problems of a set as the task gives them; none of a set that only goes on where another one ends."""
    chosen = plan.design.problem_set(name)
    if chosen.windows > 1 and isinstance(task, Drifting):
        return task.window(chosen.of, chosen.windows, chosen.windows, count)
    return task.problems(name, count) if name == chosen.of else ()


def asked_once(task: Any) -> Any:
    """A guarded task that remembers which problems it gave for a split and a count. What it raises is not kept."""
    task.problems = _remembering(task.problems)
    if isinstance(task, Drifting):
        task.window = _remembering(task.window)  # type: ignore[method-assign]  # a guarded object is the harness's own
    return task


def _remembering(ask: Ask) -> Ask:
    known: dict[tuple[str | int, ...], Sequence[Problem]] = {}

    def problems(*asked: Any) -> Sequence[Problem]:
        if asked not in known:
            with _told_if_slow(f"making {asked[-1]} problems of {asked[0]}"):
                known[asked] = ask(*asked)
        return known[asked]

    return problems


@contextmanager
def _told_if_slow(doing: str) -> Iterator[None]:
    """Says on standard error what is going on, once it has taken longer than a person waits without asking."""
    timer = Timer(PATIENCE, _say, [doing])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(doing: str) -> None:
    with suppress(OSError, ValueError):  # a stream that is closed: nobody waits
        sys.stderr.write(f"{doing} ...\n")
        sys.stderr.flush()
