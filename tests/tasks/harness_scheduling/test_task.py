"""What must hold of the task as the experiment sees it, and of what the package says of itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from harness.api import Drifting, Task, UsageError, Verifier
from harness_scheduling import harness_tasks, harness_verifiers
from harness_scheduling.balanced import window_problems
from harness_scheduling.options import SchedulingOptions, SweepLineOptions
from harness_scheduling.published import published_problems

(TASK,) = harness_tasks()
(VERIFIER,) = harness_verifiers()
SPLITS = ("test", "reflect", "train", "harder")


def task(seed: int = 0, **options: object) -> Task:
    return TASK.create(TASK.options.model_validate(options), seed)


def verifier() -> Verifier:
    return VERIFIER.create(SweepLineOptions(), task())


def test_the_task_names_its_verifier() -> None:
    assert (TASK.name, TASK.verifier, VERIFIER.name) == ("scheduling", "sweep-line", "sweep-line")


def test_importing_the_package_imports_none_of_its_work() -> None:
    code = (
        "import sys, harness_scheduling\n"
        "work = ('torch', 'scipy', 'harness_scheduling.task', 'harness_scheduling.rules')\n"
        "print([name for name in work if name in sys.modules])"
    )
    paths = f"import sys; sys.path[:0] = {sys.path!r}\n"
    done = subprocess.run([sys.executable, "-c", paths + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_published_preset_sets_the_published_sizes_and_task() -> None:
    preset = TASK.presets["published"]
    assert preset["task"] == {"distribution": "published"}
    assert preset["sizes"] == {"test": 150, "reflect": 100, "train": 100}
    options = TASK.options.model_validate(preset["task"])
    problems = TASK.create(options, 0).problems("test", preset["sizes"]["test"])
    truths = [verifier().truth(problem).label for problem in problems]
    assert truths.count("YES") == 132


@pytest.mark.parametrize(("split", "seed"), [("test", 123), ("reflect", 42), ("train", 999)])
def test_the_run_seed_is_added_to_the_seed_of_a_split(split: str, seed: int) -> None:
    assert task(0, distribution="published").problems(split, 30) == published_problems(split, 30, seed)
    assert task(5, distribution="published").problems(split, 30) == published_problems(split, 30, seed + 5)
    moved = {f"{split}_seed": seed + 5}
    assert task(5).problems(split, 12) == task(0, **moved).problems(split, 12)


def test_the_harder_split_is_the_same_in_both_distributions() -> None:
    harder = task().problems("harder", 12)
    assert harder == task(distribution="published").problems("harder", 12)
    assert {problem.stratum for problem in harder} == {"SIX", "SEVEN", "EIGHT"}


@pytest.mark.parametrize("distribution", ["balanced", "published"])
@pytest.mark.parametrize("split", SPLITS)
def test_ids_are_split_and_position(distribution: str, split: str) -> None:
    problems = task(distribution=distribution).problems(split, 13)
    assert [problem.id for problem in problems] == [f"{split}/{index:04d}" for index in range(13)]
    assert {problem.split for problem in problems} == {split}


@pytest.mark.parametrize(("split", "count"), [("validation", 1), ("test", -1)])
def test_a_split_or_count_that_does_not_exist_is_refused(split: str, count: int) -> None:
    with pytest.raises(UsageError, match="split"):
        task().problems(split, count)


@pytest.mark.parametrize(
    ("given", "written"), [({}, {}), ({"drift": "harder"}, {}), ({"drift": "none"}, {"drift": "none"})]
)
def test_a_plan_holds_no_drift_but_an_unusual_one(given: dict[str, str], written: dict[str, str]) -> None:
    seeds = {"reflect_seed": 42, "test_seed": 123, "train_seed": 999}
    options = SchedulingOptions.model_validate(given)
    assert options.model_dump(mode="json") == {"distribution": "balanced"} | seeds | written
    assert SchedulingOptions.model_validate(options.model_dump()) == options


def drifting(seed: int = 0, **options: object) -> Drifting:
    made = task(seed, **options)
    assert isinstance(made, Drifting)
    return made


@pytest.mark.parametrize(("split", "seed"), [("test", 123), ("train", 999)])
@pytest.mark.parametrize(("drift", "hardening"), [("harder", True), ("none", False)])
def test_windows_drift_as_the_options_say_from_the_seed_of_their_split(
    split: str, seed: int, drift: str, hardening: bool
) -> None:
    problems = drifting(5, drift=drift).window(split, 2, 3, 12)
    assert problems == window_problems(split, 2, 3, 12, seed + 5, hardening)
    assert drifting(0, drift=drift, **{f"{split}_seed": seed + 5}).window(split, 2, 3, 12) == problems


def test_windows_are_balanced_in_the_published_distribution_too() -> None:
    assert drifting(distribution="published").window("test", 1, 3, 12) == drifting().window("test", 1, 3, 12)


def test_ids_of_a_window_are_split_window_and_position() -> None:
    problems = drifting().window("train", 2, 3, 13)
    assert [problem.id for problem in problems] == [f"train/window-2-of-3/{index:04d}" for index in range(13)]
    assert {problem.split for problem in problems} == {"train"}


@pytest.mark.parametrize(
    "asked", [("reflect", 1, 2, 1), ("harder", 1, 2, 1), ("test", 0, 2, 1), ("test", 3, 2, 1), ("test", 1, 2, -1)]
)
def test_a_window_that_does_not_exist_is_refused(asked: tuple[str, int, int, int]) -> None:
    with pytest.raises(UsageError, match="split"):
        drifting().window(*asked)


def test_labels_are_closed_and_each_has_a_reply() -> None:
    assert task().labels == ("YES", "NO")
    for label in ("YES", "NO"):
        assert task().parse(task().reply(label)) == label


def test_every_rule_works_on_every_split() -> None:
    for split in SPLITS:
        for problem in task().problems(split, 12):
            for rule in task().rules:
                assert rule.work(problem).label in {"YES", "NO"}


@pytest.mark.parametrize("options", [{"distribution": "fair"}, {"drift": "easier"}, {"test_seed": -1}, {"hours": 3}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SchedulingOptions.model_validate(options)
