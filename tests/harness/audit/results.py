"""Runs that are made up for the tests of the audit: rows to be edited, and the result that they give.

The result comes from the same functions as that of a real run. Nothing here asserts anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

from harness import __version__
from harness.api import ADAPTER_WEIGHTS, Arm, Demonstrate
from harness.boundary import files
from harness.design.config import PLUGIN_KINDS
from harness.design.plan import Plan
from harness.design.planned import PlannedPlugin
from harness.design.skills import SPLIT as SKILLS
from harness.design.transfer import TRANSFER
from harness.measures import accounts, contrasts, problem_sets, scores
from harness.measures.problems import quotations, shortcuts
from harness.measures.rows import TOKENS
from harness.results.result import SCHEMA
from tests.harness.audit import journal
from tests.harness.rows import item, sha256

Row = dict[str, Any]
Counts = Mapping[str, int]

SIZES = {"test": 120, "harder": 80, "reflect": 20, "train": 20, SKILLS: 40}
STRATA = ("EASY", "MEDIUM", "HARD")
TRAINED = tuple(arm.name for arm in TRANSFER.arms if arm.recipe)
WRONG: Mapping[str, Counts] = {
    "test": {
        "student-base": 60,
        "teacher-base": 30,
        "teacher-strategy": 3,
        "student-prompted": 58,
        "student-lora": 3,
        "lora-labels": 50,
        "lora-naive": 30,
        "lora-shuffled": 60,
        "lora-random": 60,
    },
    "harder": {"student-base": 40, "student-lora": 8},
    "reflect": {"bootstrap": 6},
    SKILLS: {"student-base": 4, "student-lora": 4},
}
"""Problems that each arm gets wrong: the first ones of a split, so that arms err on the same. Seed i errs on i more."""
SHORTCUT = 0.65
"""Share of problems that the best trivial rule gets right."""
USAGE = dict.fromkeys(TOKENS, 7) | {"batched": False}
KNOWN: dict[str, str] = {}
"""Results by the rows that they were measured from, both as JSON."""


@dataclass
class Made:
    """A run as its rows. Tests edit them; ``result`` measures what they say then."""

    labels: list[str] | None
    plan: Row
    problems: list[Row]
    items: list[Row]
    training: list[Row]
    written: list[str] = field(default_factory=lambda: ["What the teacher wrote in its journal."])
    """Texts of the teacher."""
    calls: list[Row] = field(default_factory=list)
    """Accounts of the teacher's calls."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """Rows of an arm's training in place of those that its counts of labels give."""
    identities: Row = field(
        default_factory=lambda: {
            "teacher": {"provider": "made up", "model": "teacher-1"},
            "student": {"model": "student-1", "max_new_tokens": 64},
            "trainer": {"epochs": 3},
        }
    )

    def of(self, arm: str, split: str = "test", seed: int | None = None) -> list[Row]:
        """The items of an arm; of its training seed number ``seed``, or of all."""
        seeds = sorted({row["training_seed"] or 0 for row in self.items if row["arm"] == arm})
        return [
            row
            for row in self.items
            if (row["arm"], row["split"]) == (arm, split)
            and (seed is None or (row["training_seed"] or 0) == seeds[seed])
        ]

    def split(self, name: str) -> list[Row]:
        """The problems of a split."""
        return [row for row in self.problems if row["split"] == name]

    def drop(self, rows: Iterable[Row]) -> None:
        """Takes items out."""
        gone = {id(row) for row in rows}
        self.items = [row for row in self.items if id(row) not in gone]

    def result(self) -> Row:
        """The result of these rows, as ``harness run`` would write it. It takes a while, so that it is made once.

        No file is written, so that their digests are those of nothing.
        """
        key = json.dumps(vars(self))
        if key not in KNOWN:
            KNOWN[key] = json.dumps(result(self, dict.fromkeys(self._names(), "")))
        known: Row = json.loads(KNOWN[key])
        return known

    def write(self, folder: Path) -> Path:
        """Writes the run directory: plan, journal, adapters, rows, replies, texts and result. Gives the folder."""
        for row in self.items:
            row["text_sha256"] = sha256(reply(row))
        texts = self._texts()
        (folder / "examples").mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text)
        for row in self.training:
            name = accounts.training_name({"training": self.training}, row)
            (folder / "adapters" / name).mkdir(parents=True, exist_ok=True)
            (folder / "adapters" / name / ADAPTER_WEIGHTS).write_text(weights(row["arm"], row["training_seed"]))
        (folder / "plan.json").write_text(files.pretty(self.plan))
        journal.write(folder / "journal.jsonl", self)
        (folder / "result.json").write_text(files.pretty(result(self, texts)))
        return folder

    def _texts(self) -> dict[str, str]:
        """The files beside the result."""
        thoughts = [
            {"arm": row["arm"], "training_seed": row["training_seed"], "problem": row["problem"], "text": reply(row)}
            for row in self.items
        ]
        texts = [
            files.lines(self.problems),
            files.lines(self.items),
            files.lines(thoughts),
            *["\n".join(self.written) for _ in problem_sets.WRITTEN],
            *[files.lines(self.trained_on(row)) for row in self.training],
        ]
        return dict(zip(self._names(), texts, strict=True))

    def _names(self) -> list[str]:
        """The names of these files."""
        trained = [accounts.training_name({"training": self.training}, row) for row in self.training]
        rows = ("problems.jsonl", "items.jsonl", "thoughts.jsonl")
        return [*rows, *problem_sets.WRITTEN, *(f"examples/{name}.jsonl" for name in trained)]

    def trained_on(self, training: Row) -> list[Row]:
        """The rows that an adapter was trained on: of so many training problems, as its counts say."""
        if training["arm"] in self.rows:
            return self.rows[training["arm"]]
        counts = training["examples"]
        sources = [name for name in ("teacher", "verifier", "chance") for _ in range(counts[f"labelled_by_{name}"])]
        return [
            _example(problem, source, place < counts["right"], self.labels)
            for place, (problem, source) in enumerate(zip(cycle(self.split("train")), sources, strict=False))
        ]


def honest(
    *,
    sizes: Counts | None = None,
    wrong: Mapping[str, Counts] | None = None,
    labels: Sequence[str] = ("NO", "YES"),
    strata: Sequence[str] = STRATA,
    firsts: Counts | None = None,
    seeds: int = 3,
    controls: Literal["none", "standard", "all"] = "standard",
    without: Iterable[str] = (),
) -> Made:
    """A run in which nothing is wrong, unless a keyword makes it so.

    ``sizes`` and ``wrong`` replace single values of SIZES and WRONG. ``firsts``: how many problems of a split have the
    first label, where not as many as every other. ``without`` leaves stages out.
    """
    sizes = {**SIZES, **(sizes or {})}
    counts = {split: {**WRONG[split], **(wrong or {}).get(split, {})} for split in WRONG}
    stages = [
        arm for arm in TRANSFER.arms if arm.name in {*TRANSFER.standard, *TRANSFER.controls(controls)} - set(without)
    ]
    plan = _plan(tuple(arm.name for arm in stages), sizes, seeds)
    problems = [
        row
        for split, size in sizes.items()
        for row in _problems(split, _truths(size, labels, (firsts or {}).get(split)), labels, strata)
    ]
    items = [
        row
        for arm in stages
        for split in arm.splits
        for place, seed in enumerate(plan.seeds if arm.recipe else [None])
        for row in _items(arm, seed, problems, split, counts[split][arm.name] + (place if split != SKILLS else 0))
    ]
    training = [_training(arm.name, seed) for arm in stages if arm.recipe for seed in plan.seeds]
    calls = [
        _account(arm, sizes["train"])
        for arm in ("student-lora", "lora-naive")
        if any(stage.name == arm for stage in stages)
    ]
    return Made(list(labels), files.plain(plan), problems, items, training, calls=calls)


def answer(row: Row, label: str | None, kind: str = "unparsed") -> None:
    """Gives an item another answer, or none."""
    row["outcome"] = {"kind": kind} if label is None else {"kind": "answered", "label": label}
    if kind == "failed":
        row["outcome"]["error"] = "Overloaded 529"
    row["correct"] = label == row["truth"]


def other(truth: str, labels: Sequence[str]) -> str:
    """A label that is not the true one."""
    return labels[(labels.index(truth) + 1) % len(labels)]


def reply(row: Row) -> str:
    """The raw reply behind an item."""
    return f"so {row['outcome']['label']}" if row["outcome"]["kind"] == "answered" else row["outcome"]["kind"]


def result(made: Made, texts: Mapping[str, str]) -> Row:
    """A result of these rows and files; see ``harness.results.result.build``."""
    ruled = shortcuts.ruled(made.problems, made.labels)
    return {
        "schema": SCHEMA,
        "harness": __version__,
        "source": "run",
        "simulated": [],
        "plan": made.plan,
        "plan_sha256": files.digest(made.plan),
        "identities": made.identities,
        "labels": made.labels,
        "problems": problem_sets.problem_sets(ruled),
        "overlaps": problem_sets.overlaps(made.problems),
        "quoted": problem_sets.quoted(made.problems, [*made.written, made.plan["strategy"] or ""]),
        "arms": scores.arms(made.items, ruled, made.labels, TRANSFER),
        "contrasts": contrasts.contrasts(made.items, TRANSFER, made.plan["margin"]),
        "transfer": contrasts.transfer(made.items, TRANSFER),
        "votes": contrasts.votes(made.items, TRANSFER),
        "learning": {"entries": [], "strategies": [], "lessons": [], "learned": None},
        "solutions": _solutions(made),
        "agreement": [],
        "training": [
            {
                "name": accounts.training_name({"training": made.training}, row),
                "quoted": quotations.quotations(made.trained_on(row), made.problems),
                "replies_changed": accounts.replies_changed(made.items, TRANSFER, row["arm"], row["training_seed"]),
                **row,
            }
            for row in made.training
        ],
        "teacher_calls": [*made.calls, *accounts.answer_accounts(made.items, TRANSFER)],
        "files": {name: sha256(text) for name, text in texts.items()},
    }


def table(made: Made) -> Row:
    """What is left of a result where only counts by arm and stratum of the test problems are known."""
    whole = made.result()
    arms = [
        arm
        for arm in whole["arms"]
        if arm["split"] == "test" and arm["training_seed"] in (None, made.training[0]["training_seed"])
    ]
    kept = {"arm", "split", "n", "correct", "accuracy", "problems", "best_trivial", "strata"}
    counted = {"stratum", "n", "correct", "accuracy"}
    plan = {**whole["plan"], "training_seeds": 1}
    return {
        **whole,
        "source": "table",
        "plan": plan,
        "plan_sha256": files.digest(plan),
        "identities": dict.fromkeys(whole["identities"]),
        "quoted": None,
        "arms": [
            {key: value if key in kept else None for key, value in arm.items()}
            | {
                "strata": [
                    {key: value if key in counted else None for key, value in row.items()} for row in arm["strata"]
                ]
            }
            for arm in arms
        ],
        "contrasts": [],
        "transfer": [],
        "solutions": [],
        "training": [],
        "files": {},
    }


def _plan(stages: tuple[str, ...], sizes: Counts, seeds: int) -> Plan:
    return Plan(
        harness=__version__,
        preset=None,
        seed=0,
        stages=stages,
        sizes=sizes,
        limit=None,
        training_seeds=seeds,
        labels="teacher",
        prompts="same",
        margin=0.1,
        checks=(),
        strategy=None,
        plugins={kind: PlannedPlugin("made-up", "tests", "1.0", "tests", False, {}) for kind in PLUGIN_KINDS},
    )


def _truths(size: int, labels: Sequence[str], first: int | None) -> list[str]:
    """Labels in turn; or ``first`` times the first of two, spread evenly."""
    if first is None:
        return [labels[index % len(labels)] for index in range(size)]
    return [labels[(index + 1) * first // size == index * first // size] for index in range(size)]


def _problems(split: str, truths: Sequence[str], labels: Sequence[str], strata: Sequence[str]) -> list[Row]:
    """Labels change fastest, then strata, so that every run of problems is balanced."""
    return [
        {
            "id": f"{split}/{index:04d}",
            "split": split,
            "stratum": SKILLS if split == SKILLS else strata[index // len(labels) % len(strata)],
            "data": {"split": split, "index": index},
            "text": f"the text of problem {split} {index:04d}.",
            "canonical": f"{split} {index}",
            "truth": f"reply {index}" if split == SKILLS else truth,
            "witness": {},
            "reason": "made up",
            "trivial": {} if split == SKILLS else _trivial(truth, labels, index >= (1 - SHORTCUT) * len(truths)),
        }
        for index, truth in enumerate(truths)
    ]


def _trivial(truth: str, labels: Sequence[str], known: bool) -> Row:
    """The answers of the constants, and of a shortcut that knows some of the problems."""
    rules = {f"always-{label.lower()}": label for label in labels} | {
        "shortcut": truth if known else other(truth, labels)
    }
    return {name: {"label": label, "correct": label == truth} for name, label in rules.items()}


def _items(arm: Arm, seed: int | None, problems: Sequence[Row], split: str, wrong: int) -> list[Row]:
    rows = [_item(arm, seed, problem) for problem in problems if problem["split"] == split]
    labels = sorted({row["truth"] for row in rows})
    for row in rows[:wrong]:
        answer(row, other(row["truth"], labels))
    return rows


def _item(arm: Arm, seed: int | None, problem: Row) -> Row:
    """A right answer."""
    told = "with the strategy" if arm.strategy else ""
    by_teacher = arm.answers == "teacher"
    return item(
        problem,
        arm.name,
        problem["truth"],
        seed,
        steps={"claimed": 1, "true": 1} if by_teacher else None,
        model=f"{arm.answers}-1",
        usage=dict(USAGE),
        cost_usd=0.001 if by_teacher else None,
        adapter_sha256=None if seed is None else adapter(arm.name, seed),
        prompt_sha256=sha256(f"{problem['id']} {told}"),
    )


def adapter(arm: str, seed: int) -> str:
    """Digest of an adapter that does not exist."""
    return sha256(weights(arm, seed))


def weights(arm: str, seed: int) -> str:
    """What lies in the place of an adapter's weights."""
    return f"{arm} {seed}"


def _account(stage: str, calls: int) -> Row:
    """Worked solutions of the training problems."""
    counts = {"calls": calls, "failed": 0, **dict.fromkeys(TOKENS, 7 * calls)}
    return {"stage": stage, "purpose": "demonstrate", **counts, "cost_usd": 0.001 * calls}


def _solutions(made: Made) -> list[Row]:
    """Of each set of worked solutions as many as there are training problems, every one with an answer."""
    steps = TRANSFER.chosen(made.plan["stages"], given=made.plan["strategy"] is not None)
    n = len(made.split("train"))
    counts = {"training_seed": None, "split": "train", "n": n, "answered": n}
    return [
        {"solutions": step.solutions, "lesson": step.strategy, **counts}
        for step in steps
        if isinstance(step, Demonstrate)
    ]


def _example(problem: Row, source: str, right: bool, labels: Sequence[str] | None) -> Row:
    """A row of a training problem, with its truth or another answer."""
    label = problem["truth"] if right else other(problem["truth"], labels or [problem["truth"], "another"])
    return {
        "problem_id": problem["id"],
        "prompt": [{"role": "user", "text": problem["text"]}],
        "target": f"so {label}",
        "label": label,
        "label_source": source,
    }


def _training(arm: str, seed: int) -> Row:
    by_chance = TRANSFER.arm(arm).recipe == "random"
    right = {"naive": 15, "shuffled": 10, "random": 10}.get(str(TRANSFER.arm(arm).recipe), 20)
    return {
        "arm": arm,
        "training_seed": seed,
        "examples": {
            "rows": 20,
            "left_out": 0,
            "labelled_by_teacher": 0 if by_chance else 20,
            "labelled_by_verifier": 0,
            "labelled_by_chance": 20 if by_chance else 0,
            "right": right,
        },
        "steps": 15,
        "losses": [0.7, 0.2, 0.1],
        "supervised_tokens": 800,
        "prompt_tokens": 2000,
        "truncated_rows": 0,
        "supervised_prompt_tokens": 0,
        "rows_without_loss": 0,
        "adapter_sha256": adapter(arm, seed),
        "logit_change": 1.5,
    }
