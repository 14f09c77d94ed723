"""What a problem, a label or a stratum is called, and in which order they come, changes no verdict."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.audit import audit
from harness.design.skills import SPLIT as SKILLS
from tests.harness.audit.changes import blank, constant
from tests.harness.audit.results import Made, Row, answer, honest, other

SHARES = (
    ("student-base", "test", (0.5, 0.6)),
    ("student-lora", "test", (0.6, 0.75, 0.95, 1.0)),
    ("student-lora", "harder", (0.6, 0.9, 1.0)),
    ("teacher-strategy", "test", (0.7, 0.9, 1.0)),
)
"""Shares of right answers that are drawn from."""
SIZES = {"test": 60, "harder": 60, SKILLS: 6, "reflect": 6, "train": 6}


@st.composite
def runs(draw: st.DrawFn) -> Made:
    """Runs of all sorts: more or less right, blank, constant, lopsided, with one training seed or two."""
    labels = draw(st.sampled_from([("NO", "YES"), ("A", "B", "C")]))
    lopsided = draw(st.booleans()) if len(labels) == 2 else False
    run = honest(
        sizes={**SIZES, "test": 30 * len(labels)},
        labels=labels,
        strata=("EASY", "HARD"),
        firsts={"test": 46} if lopsided else None,
        seeds=draw(st.sampled_from([1, 2])),
        without=["student-prompted", "lora-naive"],
    )
    chance = random.Random(draw(st.integers(0, 10**6)))
    for arm, split, shares in SHARES:
        right = draw(st.sampled_from(shares))
        for row in run.of(arm, split):
            answer(row, row["truth"] if chance.random() < right else other(row["truth"], labels))
    if draw(st.booleans()):
        blank("student-base")(run, draw(st.integers(0, 12)))
    if draw(st.integers(0, 4)) == 0 and len(labels) == 2:
        constant("student-base")(run, 0)
    return run


def _told(run: Made) -> dict[str, Any]:
    """The verdict, every check's status and weight, and the claims."""
    made = audit(run.result(), [])
    checks = {check["id"]: (check["status"], check["weight"]) for check in made["checks"]}
    return {"verdict": made["verdict"], "rung": made["claims"]["rung"], **checks}


def _everywhere(run: Made) -> list[Row]:
    return [*run.problems, *run.items]


@settings(max_examples=8)
@given(runs(), st.randoms(use_true_random=False))
def test_the_order_of_the_problems_decides_nothing(run: Made, chance: random.Random) -> None:
    told = _told(run)
    places = {split: chance.sample(range(120), 120) for split in SIZES}
    for row in _everywhere(run):
        key = "problem" if "problem" in row else "id"
        split, place = row[key].split("/")
        row[key] = f"{split}/{places[split][int(place)]:04d}"
    chance.shuffle(run.problems)
    chance.shuffle(run.items)
    assert _told(run) == told


@settings(max_examples=8)
@given(runs(), st.permutations(["ALPHA", "MIDDLE", "OMEGA"]))
def test_what_the_labels_are_called_decides_nothing(run: Made, names: list[str]) -> None:
    told = _told(run)
    new = dict(zip(run.labels or (), names, strict=False))
    run.labels = [new[label] for label in run.labels or ()]
    for row in run.problems:
        row["truth"] = new.get(row["truth"], row["truth"])
        for rule in row["trivial"].values():
            rule["label"] = new[rule["label"]]
        row["trivial"] = {
            next((f"always-{new[old].lower()}" for old in new if name == f"always-{old.lower()}"), name): rule
            for name, rule in row["trivial"].items()
        }
    for row in run.items:
        row["truth"] = new.get(row["truth"], row["truth"])
        if "label" in row["outcome"]:
            row["outcome"]["label"] = new.get(row["outcome"]["label"], row["outcome"]["label"])
    assert _told(run) == told


@settings(max_examples=8)
@given(runs())
def test_dividing_the_strata_by_what_has_nothing_to_do_with_the_answer_decides_nothing(run: Made) -> None:
    # Of each label every other problem, so that a half has the mix of the whole, and is large enough to be judged.
    told = _told(run)
    seen: dict[tuple[str, str, str], int] = {}
    half = {}
    for row in run.problems:
        kind = row["split"], row["stratum"], row["truth"]
        seen[kind] = seen.get(kind, 0) + 1
        half[row["id"]] = "LEFT" if seen[kind] % 2 else "RIGHT"
    for row in _everywhere(run):
        row["stratum"] += " " + half[row.get("problem", row.get("id"))]
    assert _told(run) == told


def test_the_best_of_equal_constants_is_the_one_that_is_nearest_to_the_arm() -> None:
    told = set()
    for labels in (("NO", "YES"), ("YES", "NO")):
        run = honest(seeds=1, wrong={"test": {"student-lora": 0}})
        for row in run.problems:
            row["trivial"].pop("shortcut", None)
        for row in run.of("student-lora"):
            if row["truth"] == labels[0]:
                answer(row, labels[1])
        (lora,) = (arm for arm in run.result()["arms"] if (arm["arm"], arm["split"]) == ("student-lora", "test"))
        told.add((lora["best_trivial"]["correct"], lora["over_trivial"]["difference"]["low"]))
    assert len(told) == 1
