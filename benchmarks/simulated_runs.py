"""Runs of the default design made up row by row: real problem sets, drawn answers, the harness's own measures.

What is drawn is who knows which answer. Every number is then computed by the functions that compute it in a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.boundary import files
from harness.boundary.filenames import THOUGHTS
from harness.design import plan
from harness.design.designs import trained_name
from harness.design.plan import UserSettings
from harness.design.skills import SPLIT as SKILLS
from harness.design.skills import Skills
from harness.design.transfer import TRANSFER
from harness.measures import accounts, contrasts, problem_sets, scores
from harness.measures.kept import ProblemRow
from harness.measures.problems import shortcuts
from harness.measures.rows import TOKENS, by_arm, grouped
from harness.preflight import components
from harness.results.checking.beside import BESIDE
from harness.results.result import SCHEMA, problem_rows

Row = dict[str, Any]
Key = tuple[str, str, int | None]
"""Arm, split and training seed."""
TREATMENT, BASE, BOOTSTRAP = "student-lora", "student-base", "bootstrap"
TEACHER, UNTAUGHT = "teacher-strategy", "teacher-base"
"""Arms of the design."""
ROWS = 200
"""Rows of a training."""
COMMON = 0.4
"""Share of what decides whether a problem is solved that is the same for all arms: how hard it is."""
BETWEEN_SEEDS = 0.01
"""Standard deviation of the true accuracy between trainings."""
USAGE = {**dict.fromkeys(TOKENS, 0), "input_tokens": 90, "output_tokens": 30, "batched": False}


@dataclass(frozen=True, slots=True)
class Skill:
    """What is true of an arm on a problem set: how often it is right, whither it guesses, how often it is blank."""

    accuracy: float
    """Where it answers: from 0.5, at which it knows nothing, to 1. On its own skills from 0."""
    lean: float = 0.5
    """Share of the first label among its guesses."""
    blank: float = 0.0


@dataclass(frozen=True, slots=True)
class Design:
    """A plan with its problem sets, and what follows from these alone."""

    plan: Mapping[str, Any]
    labels: Sequence[str]
    seeds: Sequence[int]
    problems: Sequence[Row]
    ruled: Sequence[ProblemRow]
    """The problems with the automatic rules."""
    sets: Sequence[Row]
    overlaps: Sequence[Row]
    asked: Mapping[tuple[str, bool], Sequence[Row]]
    """The part of an item's row that depends on the problem alone, by split and by whether a strategy is told."""

    def best_trivial(self) -> float:
        """Accuracy of the best trivial rule on the test problems."""
        return next(float(entry["trivial"][0]["accuracy"]) for entry in self.sets if entry["split"] == "test")


@cache
def design(seed: int, training_seeds: int = 1, distribution: str = "balanced") -> Design:
    """The default plan with this seed; ``distribution`` is the option of the scheduling task."""
    user = UserSettings(
        {"seed": seed, "training_seeds": training_seeds}, assignments=[f"task.distribution={distribution}"]
    )
    made, _ = plan.make(user)
    labels, problems = _drawn(seed, distribution)
    ruled = shortcuts.ruled(problems, labels)
    return Design(
        plan=files.plain(made),
        labels=labels,
        seeds=made.seeds,
        problems=problems,
        ruled=ruled,
        sets=problem_sets.problem_sets(ruled),
        overlaps=problem_sets.overlaps(problems),
        asked={
            (split, told): [_asked(row, told) for row in rows]
            for split, rows in grouped(problems, "split").items()
            for told in (False, True)
        },
    )


@cache
def _drawn(seed: int, distribution: str) -> tuple[Sequence[str], Sequence[Row]]:
    """The task's labels and the rows of all problem sets, the student's own skills among them."""
    made, cast = plan.make(UserSettings({"seed": seed}, assignments=[f"task.distribution={distribution}"]))
    team = components.assemble(made, cast)
    drawn = {split: list(team.task.problems(split, size)) for split, size in made.sizes.items() if split != SKILLS}
    truths = {problem.id: team.verifier.truth(problem) for rows in drawn.values() for problem in rows}
    skills = Skills(team.student.skills(made.sizes[SKILLS]))
    truths |= {problem.id: skills.truth(problem) for problem in skills.problems}
    return team.task.labels or (), list(
        problem_rows(team.task, team.verifier, {**drawn, SKILLS: skills.problems}, truths)
    )


def _asked(problem: Mapping[str, Any], told: bool) -> Row:
    wording = digest(problem["id"])
    return {
        "split": problem["split"],
        "problem": problem["id"],
        "stratum": problem["stratum"],
        "truth": problem["truth"],
        "steps": None,
        "usage": USAGE,
        "cost_usd": None,
        "prompt_sha256": digest(f"strategy, {problem['id']}") if told else wording,
        "wording_sha256": wording,
    }


@dataclass(frozen=True)
class Run:
    """A finished run: its rows, and what is recorded beside them."""

    design: Design
    items: Mapping[Key, Sequence[Row]]
    training: Sequence[Row]
    skills: Mapping[tuple[str, str], Skill]
    """What is true of it, by arm and split."""
    difficulty: Mapping[str, NDArray[np.float64]]
    """Of each problem, by split: what all arms have in common."""
    planned: Mapping[str, Any] = field(default_factory=dict)
    """Values of the plan in place of those of the design."""
    problems: Sequence[Row] | None = None
    """Problem rows in place of those of the design. What arms are measured on stays as it is."""
    written: str = ""
    """What the teacher wrote while it learned."""
    measured: dict[Key, Row] = field(default_factory=dict)
    """Entries of arms that are computed already, for all runs that share their answers."""
    compared: list[Row] = field(default_factory=list)
    """The contrasts, if they are computed already."""

    def answering(self, key: Key, rows: Sequence[Row]) -> Run:
        """The run with other answers of one arm."""
        kept = {other: entry for other, entry in self.measured.items() if other != key}
        return replace(self, items={**self.items, key: rows}, measured=kept, compared=[])

    def redrawn(self, arm: str, skill: Skill, random: np.random.RandomState) -> Run:
        """The run with new answers of one arm to the test problems, drawn with another skill."""
        key = self.key(arm)
        drawn = answers(self.design, "test", self.difficulty["test"], skill, random)
        return self.answering(key, replies(self.design, key, drawn))

    def key(self, arm: str) -> Key:
        """Of an arm's answers to the test problems, those of its first training."""
        return arm, "test", self.design.seeds[0] if TRANSFER.arm(arm).recipe else None

    def rows(self) -> list[Row]:
        """The rows of items.jsonl."""
        return [row for group in self.items.values() for row in group]

    def result(self) -> dict[str, Any]:
        """Its result, but for transfer, which no check reads, and the digests of its files: see ``artefacts.save``."""
        design, value = self.design, {**self.design.plan, **self.planned}
        problems = design.problems if self.problems is None else self.problems
        ruled = design.ruled if self.problems is None else shortcuts.ruled(problems, design.labels)
        if not self.compared:
            self.compared.extend(contrasts.contrasts(self.rows(), TRANSFER, value["margin"]))
        return {
            "schema": SCHEMA,
            "harness": value["harness"],
            "source": "run",
            "simulated": ["teacher simulated"],
            "plan": value,
            "plan_sha256": files.digest(value),
            "identities": {name: {"name": name} for name in ("teacher", "student", "trainer")},
            "labels": list(design.labels),
            "problems": design.sets if self.problems is None else problem_sets.problem_sets(ruled),
            "overlaps": design.overlaps if self.problems is None else problem_sets.overlaps(problems),
            "quoted": problem_sets.quoted(problems, [self.written]),
            "arms": list(self._arms(ruled)),
            "contrasts": self.compared,
            "transfer": [],
            "learning": {"entries": [], "strategies": [], "lessons": [], "learned": None},
            "solutions": [_demonstrated(name, value["sizes"]["train"]) for name in ("learned", "naive")],
            "agreement": [],
            "votes": [],
            "training": list(self.training),
            "teacher_calls": [
                *(_solutions(arm, value["sizes"]["train"]) for arm in (TREATMENT, "lora-naive")),
                *accounts.answer_accounts(self.rows(), TRANSFER),
            ],
            "files": dict.fromkeys([*BESIDE, THOUGHTS, *problem_sets.WRITTEN, *self.examples()], digest("")),
        }

    def examples(self) -> dict[str, Row]:
        """Of each file of training rows the training that it is of."""
        made = {"training": self.training}
        return {f"examples/{accounts.training_name(made, each)}.jsonl": each for each in self.training}

    def _arms(self, problems: Sequence[ProblemRow]) -> Iterator[Row]:
        for key, rows in by_arm(self.rows(), TRANSFER).items():
            if key not in self.measured:
                (self.measured[key],) = scores.arms(rows, problems, self.design.labels, TRANSFER)
            yield self.measured[key]


def run(design: Design, skills: Mapping[tuple[str, str], Skill], random: np.random.RandomState) -> Run:
    """Draws a run in which these skills, by arm and split, are the truth. A trained arm varies between trainings."""
    difficulty = {entry["split"]: random.standard_normal(size=(entry["n"],)) for entry in design.sets}
    items: dict[Key, Sequence[Row]] = {}
    for (arm, split), skill in skills.items():
        for seed in design.seeds if TRANSFER.arm(arm).recipe else (None,):
            accuracy = skill.accuracy
            if seed is not None:
                accuracy = float(np.clip(accuracy + BETWEEN_SEEDS * random.standard_normal(), 0.5, 0.999))
            drawn = answers(design, split, difficulty[split], replace(skill, accuracy=accuracy), random)
            items[arm, split, seed] = replies(design, (arm, split, seed), drawn)
    trained = [name for name in design.plan["stages"] if TRANSFER.arm(name).recipe]
    right = {name: int(random.binomial(ROWS, skills[name, "test"].accuracy)) for name in (TEACHER, UNTAUGHT)}
    training = [
        {"name": trained_name(arm, seed, design.seeds[0]), **_training(arm, seed, right)}
        for arm in trained
        for seed in design.seeds
    ]
    return Run(design, items, training, skills, difficulty)


def answers(
    design: Design, split: str, difficulty: NDArray[np.float64], skill: Skill, random: np.random.RandomState
) -> list[str | None]:
    """One answer for each problem, None for a blank reply.

    A problem is known where difficulty and luck, both normal, stay below a limit; on all others the arm guesses, or
    says something wrong where answers are free-form.
    """
    own = split == SKILLS
    share = skill.accuracy if own else 2 * skill.accuracy - 1
    luck = random.standard_normal(len(difficulty))
    limit = NormalDist().inv_cdf(min(max(share, 1e-9), 1 - 1e-9))
    known = sqrt(COMMON) * difficulty + sqrt(1 - COMMON) * luck < limit
    first = random.uniform(size=len(difficulty)) < skill.lean
    blank = random.uniform(size=len(difficulty)) < skill.blank
    guesses = ["?" if own else design.labels[0 if leans else 1] for leans in first]
    return [
        None if empty else row["truth"] if knows else guess
        for empty, row, knows, guess in zip(blank, design.asked[split, False], known, guesses, strict=True)
    ]


def replies(design: Design, key: Key, given: Sequence[str | None]) -> list[Row]:
    """The rows of an arm that gives these answers."""
    name, split, seed = key
    arm = TRANSFER.arm(name)
    by = {
        "arm": name,
        "training_seed": seed,
        "model": f"{arm.answers}-1",
        "adapter_sha256": adapter(name, seed) if arm.recipe else None,
    }
    return [
        {**asked, **by, **_said(answer), "correct": answer == asked["truth"]}
        for asked, answer in zip(design.asked[split, arm.strategy], given, strict=True)
    ]


@cache
def _said(answer: str | None) -> Row:
    outcome = {"kind": "unparsed"} if answer is None else {"kind": "answered", "label": answer}
    return {"outcome": outcome, "text_sha256": digest(answer or "")}


def adapter(arm: str, seed: int | None) -> str:
    """Digest of the adapter of a training."""
    return digest(f"{arm}, {seed}")


@cache
def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _solutions(stage: str, calls: int) -> Row:
    """The account of the worked solutions that the teacher wrote for a stage."""
    counts = {"calls": calls, "failed": 0, **dict.fromkeys(TOKENS, 0)}
    return {"stage": stage, "purpose": "demonstrate", **counts, "cost_usd": 0.0}


def solutions(design: Design, training: Row) -> list[Row]:
    """The rows of a training: of as many training problems with their truth as it says, of the others without."""
    chosen = [row for row in design.problems if row["split"] == "train"][: training["examples"]["rows"]]
    return [
        {
            "problem_id": row["id"],
            "prompt": [{"role": "user", "text": row["text"]}],
            "target": "",
            "label": row["truth"] if place < training["examples"]["right"] else "",
            "label_source": "teacher",
        }
        for place, row in enumerate(chosen)
    ]


def _demonstrated(name: str, n: int) -> Row:
    """Worked solutions of the training problems."""
    lesson = None if name == "naive" else name
    return {"solutions": name, "training_seed": None, "split": "train", "lesson": lesson, "n": n, "answered": n}


def _training(arm: str, seed: int, right: Mapping[str, int]) -> Row:
    """A training. ``right``: how many training answers are, of the taught and of the untaught teacher."""
    labelled = {"labelled_by_teacher": ROWS, "labelled_by_verifier": 0, "labelled_by_chance": 0}
    recipe = TRANSFER.arm(arm).recipe
    known = ROWS // 2 if recipe == "shuffled" else right[UNTAUGHT if recipe == "naive" else TEACHER]
    return {
        "arm": arm,
        "training_seed": seed,
        "examples": {"rows": ROWS, "left_out": 0, **labelled, "right": known},
        "quoted": [{"split": split, "problems": 0, "rows": 0} for split in ("harder", "test")],
        "steps": 200,
        "losses": [0.5],
        "supervised_tokens": 9600,
        "prompt_tokens": 18000,
        "truncated_rows": 0,
        "supervised_prompt_tokens": 0,
        "rows_without_loss": 0,
        "adapter_sha256": adapter(arm, seed),
        "logit_change": 15.0,
    }
