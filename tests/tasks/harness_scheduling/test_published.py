"""The published sets, by the counts that were taken from them."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.api import Problem
from harness_scheduling.domain import peak, read
from harness_scheduling.published import published_problems


def yes_and_no(problems: list[Problem]) -> dict[str, tuple[int, int]]:
    counts: Counter[tuple[str, bool]] = Counter()
    for problem in problems:
        starts, ends, rooms = read(problem.data)
        counts[problem.stratum, peak(starts, ends) <= rooms] += 1
    return {level: (counts[level, True], counts[level, False]) for level in ("EASY", "MEDIUM", "HARD")}


def as_drawn(problem: Problem) -> tuple[object, int]:
    starts, ends, rooms = read(problem.data)
    return tuple(sorted(zip(starts, ends, strict=True))), rooms


def test_test_set_has_the_published_labels() -> None:
    assert yes_and_no(published_problems("test", 150, 123)) == {"EASY": (50, 0), "MEDIUM": (45, 5), "HARD": (37, 13)}


def test_training_set_has_the_published_labels() -> None:
    assert yes_and_no(published_problems("reflect", 100, 42)) == {"EASY": (33, 0), "MEDIUM": (27, 6), "HARD": (30, 4)}


def test_synthetic_set_has_the_published_labels() -> None:
    labels = yes_and_no(published_problems("train", 100, 999))
    assert sum(yes for yes, _ in labels.values()) == 84


@pytest.mark.parametrize(("split", "seed", "shared"), [("reflect", 42, 8), ("train", 999, 3)])
def test_test_problems_recur_in_the_other_sets_as_often_as_published(split: str, seed: int, shared: int) -> None:
    others = {as_drawn(problem) for problem in published_problems(split, 100, seed)}
    assert sum(as_drawn(problem) in others for problem in published_problems("test", 150, 123)) == shared


def test_a_set_of_no_problems_is_empty() -> None:
    assert published_problems("test", 0, 123) == published_problems("train", 0, 999) == []
