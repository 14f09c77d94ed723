"""How `lrl` learns: what it asks, in which order, and what it records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.api import (
    Amending,
    Attempt,
    CallError,
    Distil,
    JournalEntry,
    Problem,
    Reflect,
    Reflection,
    Strategy,
    Task,
    Usage,
)
from harness_lrl import Options, harness_reflections

MakeEnvironment = Callable[..., Any]
Tried = Callable[[Problem], Attempt]
sizes = st.integers(1, 12)
HELD = Strategy("s2", "Held.", "s1", 10)


def make(task: Task, **options: Any) -> Reflection:
    (spec,) = harness_reflections()
    return spec.create(Options(**options), task)


def amending(task: Task, **options: Any) -> Amending:
    made = make(task, **options)
    assert isinstance(made, Amending)
    return cast("Amending", made)


def strategies(recorded: list[JournalEntry | Strategy]) -> list[Strategy]:
    return [record for record in recorded if isinstance(record, Strategy)]


def entries(recorded: list[JournalEntry | Strategy]) -> list[JournalEntry]:
    return [record for record in recorded if isinstance(record, JournalEntry)]


def test_it_is_named_lrl() -> None:
    (spec,) = harness_reflections()
    assert (spec.name, spec.simulated) == ("lrl", False)


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"distil_every": 0}, {"max_reply_chars": 1}, {"nope": 1}])
def test_options_out_of_range_or_unknown_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options(**options)


@given(st.integers(0, 60), sizes, sizes)
def test_calls_are_what_learning_takes(
    task: Task, environment: MakeEnvironment, count: int, batch_size: int, distil_every: int
) -> None:
    made = environment()
    reflection = make(task, batch_size=batch_size, distil_every=distil_every)
    reflection.learn(task.problems("reflect", count), "", made)
    asked = Counter(request.context.purpose for request in made.asked)
    assert reflection.calls(count) == {
        "solve": sum(size for _, size, _ in made.tried),
        "reflect": asked["reflect"],
        "distil": asked["distil"],
    }


@given(st.integers(0, 60), sizes, sizes)
def test_every_entry_and_strategy_is_recorded_with_its_descent(
    task: Task, environment: MakeEnvironment, count: int, batch_size: int, distil_every: int
) -> None:
    made = environment()
    last = make(task, batch_size=batch_size, distil_every=distil_every).learn(
        task.problems("reflect", count), "Seed.", made
    )
    written, candidates = entries(made.recorded), strategies(made.recorded)
    assert made.recorded[0] == Strategy("s0", "Seed.", None, 0)
    assert last == candidates[-1]
    assert [entry.batch for entry in written] == list(range(1, len(written) + 1))
    assert sum(entry.n for entry in written) == count
    for parent, child in pairwise(candidates):
        under_parent = [entry for entry in written if entry.strategy == parent.id]
        assert child.parent == parent.id
        assert child.after_batch == under_parent[-1].batch
        assert child.after_batch - parent.after_batch == len(under_parent) <= distil_every
        assert (child.correct, child.n) == (sum(e.correct for e in under_parent), sum(e.n for e in under_parent))
    assert last.after_batch == len(written)


@given(st.integers(0, 60), sizes, sizes)
def test_keys_are_unique_and_the_same_every_time(
    task: Task, environment: MakeEnvironment, count: int, batch_size: int, distil_every: int
) -> None:
    one, two = environment(), environment()
    for made in (one, two):
        make(task, batch_size=batch_size, distil_every=distil_every).learn(task.problems("reflect", count), "", made)
    assert one.asked == two.asked
    assert one.recorded == two.recorded
    keys = [name for name, _, _ in one.tried] + [request.key for request in one.asked]
    assert len(set(keys)) == len(keys)


def test_the_published_schedule(task: Task, environment: MakeEnvironment) -> None:
    made = environment()
    make(task).learn(task.problems("reflect", 100), "Seed.", made)
    assert [request.key for request in made.asked] == [
        *(f"reflect/batch-{number:02d}" for number in range(1, 6)),
        "distil/s1",
        *(f"reflect/batch-{number:02d}" for number in range(6, 11)),
        "distil/s2",
    ]
    assert made.tried == [
        *((f"batch-{number:02d}", 10, "Seed.") for number in range(1, 6)),
        *((f"batch-{number:02d}", 10, "strategy distil/s1") for number in range(6, 11)),
    ]


def test_requests_carry_the_batch_and_the_whole_journal(task: Task, environment: MakeEnvironment) -> None:
    made = environment()
    make(task, batch_size=2, distil_every=2).learn(task.problems("reflect", 7), "Seed.", made)
    reflections = [request.context for request in made.asked if isinstance(request.context, Reflect)]
    distillations = [request.context for request in made.asked if isinstance(request.context, Distil)]
    assert [len(context.attempts) for context in reflections] == [2, 2, 2, 1]
    assert [context.strategy for context in reflections] == ["Seed."] * 2 + ["strategy distil/s1"] * 2
    assert [context.entries for context in distillations] == [
        tuple(f"lesson reflect/batch-{number:02d}" for number in range(1, last + 1)) for last in (2, 4)
    ]
    assert [context.strategy for context in distillations] == ["Seed.", "strategy distil/s1"]


def test_usage_is_that_of_the_reply(task: Task, environment: MakeEnvironment) -> None:
    made = environment()
    make(task, batch_size=2).learn(task.problems("reflect", 4), "", made)
    assert [record.usage for record in made.recorded] == [Usage(), Usage(1, 1), Usage(2, 1), Usage(3, 1)]


def test_a_blank_distillation_keeps_the_strategy_and_is_recorded(task: Task, environment: MakeEnvironment) -> None:
    made = environment(replies={"distil/s1": " \n"})
    last = make(task).learn(task.problems("reflect", 10), "Seed.", made)
    assert (last.id, last.text, last.parent) == ("s1", "Seed.", "s0")
    assert strategies(made.recorded)[-1] == last


def test_the_option_seed_strategy_goes_before_the_tasks(task: Task, environment: MakeEnvironment) -> None:
    made = environment()
    assert make(task, seed_strategy="Mine.").learn([], "Seed.", made).text == "Mine."
    assert make(task).learn([], "Seed.", environment()).text == "Seed."
    assert [record.id for record in made.recorded] == ["s0"]


@pytest.mark.parametrize(("fails", "left"), [("reflect/batch-02", 2), ("distil/s1", 6), ("reflect/batch-06", 7)])
def test_a_failed_call_ends_learning_and_leaves_what_was_recorded(
    task: Task, environment: MakeEnvironment, fails: str, left: int
) -> None:
    made, whole = environment(fails=fails), environment()
    with pytest.raises(CallError, match=fails):
        make(task).learn(task.problems("reflect", 100), "", made)
    make(task).learn(task.problems("reflect", 100), "", whole)
    assert made.recorded == whole.recorded[:left]


@given(st.integers(0, 60), sizes)
def test_amending_calls_are_what_amending_takes(
    task: Task, environment: MakeEnvironment, attempt: Tried, count: int, batch_size: int
) -> None:
    made, reflection = environment(), amending(task, batch_size=batch_size)
    reflection.amend([attempt(problem) for problem in task.problems("test", count)], HELD, made)
    asked = Counter(request.context.purpose for request in made.asked)
    assert made.tried == []
    assert reflection.amending_calls(count) == {"reflect": asked["reflect"], "distil": asked["distil"]}


@given(st.integers(1, 60), sizes)
def test_an_amended_strategy_is_recorded_with_its_descent(
    task: Task, environment: MakeEnvironment, attempt: Tried, count: int, batch_size: int
) -> None:
    made = environment()
    attempts = [attempt(problem) for problem in task.problems("test", count)]
    amended = amending(task, batch_size=batch_size).amend(attempts, HELD, made)
    *written, last = made.recorded
    assert amended == last
    assert [entry.batch for entry in written] == list(range(11, 11 + len(written)))
    assert {entry.strategy for entry in written} == {"s2"}
    right = sum(each.correct for each in attempts)
    assert (sum(entry.correct for entry in written), sum(entry.n for entry in written)) == (right, count)
    assert (amended.id, amended.parent, amended.after_batch) == ("s2.1", "s2", 10 + len(written))
    assert (amended.correct, amended.n) == (right, count)


def test_without_attempts_a_strategy_stays_as_it_is(task: Task, environment: MakeEnvironment) -> None:
    made = environment()
    assert amending(task).amend([], HELD, made) is HELD
    assert made.recorded == []


@given(st.integers(1, 60), st.integers(1, 4), sizes, sizes)
def test_amending_again_and_again_never_takes_a_key_or_an_id_twice(
    task: Task, environment: MakeEnvironment, attempt: Tried, count: int, times: int, batch_size: int, distil_every: int
) -> None:
    made, options = environment(), {"batch_size": batch_size, "distil_every": distil_every}
    held = make(task, **options).learn(task.problems("reflect", count), "Seed.", made)
    attempts = [attempt(problem) for problem in task.problems("test", count)]
    for _ in range(times):
        held = amending(task, **options).amend(attempts, held, made)
    keys = [request.key for request in made.asked]
    assert len(set(keys)) == len(keys)
    known = [strategy.id for strategy in strategies(made.recorded)]
    assert len(set(known)) == len(known)
    batches = [entry.batch for entry in entries(made.recorded)]
    assert batches == list(range(1, len(batches) + 1))


def test_amending_asks_about_a_students_attempts_and_distils_them_once(
    task: Task, environment: MakeEnvironment, attempt: Tried
) -> None:
    made = environment()
    attempts = [attempt(problem) for problem in task.problems("test", 5)]
    amending(task, batch_size=3, distil_every=1).amend(attempts, HELD, made)
    assert [request.context for request in made.asked] == [
        Reflect(tuple(attempts[:3]), "Held.", "student"),
        Reflect(tuple(attempts[3:]), "Held.", "student"),
        Distil(("lesson reflect/s2.1/batch-11", "lesson reflect/s2.1/batch-12"), "Held."),
    ]


def test_learning_asks_about_the_teachers_own_attempts(task: Task, environment: MakeEnvironment) -> None:
    made = environment()
    make(task, batch_size=3).learn(task.problems("reflect", 5), "", made)
    assert [each.context.by for each in made.asked if isinstance(each.context, Reflect)] == ["teacher", "teacher"]
