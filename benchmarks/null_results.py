"""How often a whole result claims what is not so: designs whose loop, mixture, vote, adaptation or replay does nothing.

    python -m benchmarks.null_results

The designs that ship are walked step by step, with default options. Who gets which problem right is drawn; everything
else is what measures and audit make of such rows. How a training comes out, and how hard a problem is, is drawn as in
``benchmarks.null_designs``; a training that goes on from another keeps half of the variance of its luck. Seeded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks.null_designs import HARDNESS, SPREADS, points
from benchmarks.simulated_runs import adapter, digest
from harness.api import Arm, Design, Examine, Learn, Train
from harness.audit import claims
from harness.audit.evidence import Evidence
from harness.boundary import files
from harness.design import plan
from harness.design.plan import Plan, UserSettings
from harness.design.rules import majority
from harness.design.skills import SPLIT as SKILLS
from harness.measures import contrasts, problem_sets, scores
from harness.measures.kept import ProblemRow
from harness.measures.luck import luck
from harness.measures.problems import shortcuts
from harness.measures.rows import TOKENS

Row = dict[str, Any]
Right = NDArray[np.bool_]
"""Which problems of a set were solved."""
SEEDS = 3
RESULTS, ALONE, AHEAD = 500, 10, 40
"""Results of which a claim is untrue; of one training; of which it is true."""
BASE = 0.8
"""True accuracy of what is trained on worked solutions, where nothing makes a difference."""
USUAL = {"labels": 0.6, "naive": 0.65, "shuffled": 0.5}
OTHERS = {"base": 0.55, "untaught": 0.7, "learning": 0.85, "teacher": 0.95}
"""True accuracies of the usual controls, and by role of those that are not trained."""
KEPT = 0.5
"""Share of the luck (of its variance) that a training has from the one that it goes on from."""
TASTE = 0.03
"""Standard deviation of how well strategies teach, where they differ."""
LABELS = ("NO", "YES")
USAGE = {**dict.fromkeys(TOKENS, 0), "batched": False}


@dataclass(frozen=True, slots=True)
class World:
    """What is true of the results of a row."""

    design: str
    told: str
    behind: Mapping[str, float] = field(default_factory=dict)
    """How far the true accuracy of an arm lies below ``BASE``."""
    true: tuple[int, ...] = ()
    """The claims that hold, by their place in the design."""
    alike: bool = True
    """Whether the voters of a seed err on the same problems, so that a vote is no better than each."""
    taste: float = 0.0
    """Standard deviation of how well a strategy teaches, the same in all trainings; a mixture has their mean."""


EVEN = dict.fromkeys(("voter-2", "voter-3"), 0.065)
"""How far two voters must be behind the first so that a vote of all three is no better than it, if they err apart."""
WITHOUT_REPLAY = ("frozen", "more-data", "adapting", "repeating")
"""The arms that replaying is ahead of where a replay does something."""
WORLDS = (
    World("cycles", "nothing makes a difference"),
    World("cycles", "as many more rows do it all: 10 points", {"round-1": 0.1}),
    World("cycles", "the loop: 5 points", {"round-1": 0.05, "more-data": 0.05}, (0,)),
    World("cycles", "the loop: 10 points", {"round-1": 0.1, "more-data": 0.1}, (0,)),
    World("ensemble", "nothing makes a difference"),
    World("ensemble", "voters err apart, two of them 6.5 points behind", EVEN, alike=False),
    World("ensemble", "strategies teach differently well", taste=TASTE),
    World("ensemble", "the mixture: 5 points", dict.fromkeys(("one-strategy", "voter-2", "voter-3"), 0.05), (0,)),
    World("ensemble", "the mixture: 10 points", dict.fromkeys(("one-strategy", "voter-2", "voter-3"), 0.1), (0,)),
    World("ensemble", "voters err apart: 4.7 points", true=(1,), alike=False),
    World("stream", "nothing makes a difference"),
    World("stream", "as many more rows do it all: 10 points", {"frozen": 0.1}),
    World("stream", "longer training does it all: 10 points", dict.fromkeys(("frozen", "more-data", "adapting"), 0.1)),
    World("stream", "adapting: 5 points after the first window", {"frozen": 0.05, "more-data": 0.05}, (0,)),
    World("stream", "adapting: 10 points after the first window", {"frozen": 0.1, "more-data": 0.1}, (0,)),
    World("stream", "replay: 5 points after the first window", dict.fromkeys(WITHOUT_REPLAY, 0.05), (1,)),
    World("stream", "replay: 10 points after the first window", dict.fromkeys(WITHOUT_REPLAY, 0.1), (1,)),
)


@dataclass(frozen=True)
class Setting:
    """A plan with its problem sets, which all of its results share."""

    plan: Plan
    planned: Row
    problems: Sequence[ProblemRow]
    sets: Sequence[Row]
    pairs: dict[tuple[str, str, int | None], Sequence[tuple[Row, Row]]] = field(default_factory=dict)
    """Of each arm, split and seed the wrong and the right row of every problem."""

    @property
    def design(self) -> Design:
        """The arms and their claims."""
        return self.plan.design

    def rows(self, arm: Arm, split: str, seed: int | None, right: Right) -> list[Row]:
        """The items of an arm that solved these problems."""
        key = arm.name, split, seed
        if key not in self.pairs:
            of_split = [problem for problem in self.problems if problem.split == split]
            self.pairs[key] = [(_item(arm, seed, each, False), _item(arm, seed, each, True)) for each in of_split]
        return [pair[bool(solved)] for pair, solved in zip(self.pairs[key], right, strict=True)]


@cache
def setting(name: str, seeds: int) -> Setting:
    """The design of that name as it ships, with made-up problems of two labels."""
    made, _ = plan.make(UserSettings({"design": name, "training_seeds": seeds}))
    drawn = [
        _problem(made.design, split, made.size(split), place)
        for split in made.splits
        for place in range(made.size(split))
    ]
    ruled = shortcuts.ruled(drawn, LABELS)
    return Setting(made, files.plain(made), ruled, problem_sets.problem_sets(ruled))


def _problem(design: Design, split: str, size: int, place: int) -> Row:
    label = LABELS[place % len(LABELS)]
    return {
        "id": f"{split}/{place:04d}",
        "split": split,
        "stratum": SKILLS if split == SKILLS else f"window-{1 + place * design.problem_set(split).windows // size}",
        "data": {"split": split, "place": place},
        "text": f"{split} {place}",
        "canonical": f"{split} {place}",
        "truth": label,
        "witness": {},
        "reason": "",
        "trivial": {
            f"always-{each.lower()}": {"label": each, "correct": each == label} for each in LABELS if split != SKILLS
        },
    }


def _item(arm: Arm, seed: int | None, problem: ProblemRow, right: bool) -> Row:
    said = problem.truth if right else LABELS[problem.truth == LABELS[0]]
    return {
        "arm": arm.name,
        "split": problem.split,
        "training_seed": seed,
        "problem": problem.id,
        "stratum": problem.stratum,
        "truth": problem.truth,
        "outcome": {"kind": "answered", "label": said},
        "correct": right,
        "steps": None,
        "model": arm.answers,
        "usage": USAGE,
        "cost_usd": None,
        "prompt_sha256": digest(problem.id),
        "wording_sha256": digest(problem.id),
        "text_sha256": digest(said),
        "adapter_sha256": None if seed is None else adapter(arm.name, seed),
    }


class Drawn:
    """One result that is drawn: who solved which problem, by arm, split and seed."""

    def __init__(self, made: Setting, world: World, spread: float, random: np.random.RandomState) -> None:
        self._made, self._world, self._spread, self._random = made, world, spread, random
        self._hard = {each["split"]: HARDNESS * random.standard_normal((each["n"],)) for each in made.sets}
        self._shared = {seed: random.uniform(size=(made.plan.size("test"),)) for seed in made.plan.seeds}
        self._trained: dict[tuple[str, int], tuple[float, float]] = {}
        self._answered: dict[tuple[str, str, int], Right] = {}
        self.right: dict[tuple[str, str, int | None], Right] = {}
        self._voters = {each for arm in made.design.names for each in made.design.voters(arm)}
        learned = [step.strategy for step in made.design.walk if isinstance(step, Learn)]
        self._taste = {name: world.taste * random.standard_normal() for name in learned}
        for step in made.plan.steps:
            match step:
                case Learn() if step.wrong_of is None:
                    self._solve(made.design.arm(step.arm), step.problems)
                case Train():
                    self._train(step)
                case Examine():
                    self._examine(step)
                case _:
                    pass

    def _train(self, step: Train) -> None:
        """The true accuracy of an adapter, and its luck, for each seed."""
        teach = np.mean([self._taste.get(name, 0.0) for name in step.solutions]) if self._taste else 0.0
        mean = USUAL.get(step.arm, BASE - self._world.behind.get(step.arm, 0.0)) + teach
        for seed in self._made.plan.seeds:
            fresh = self._random.standard_normal()
            before = 0.0 if step.start is None else self._trained[step.start, seed][1]
            chance = fresh if step.start is None else sqrt(KEPT) * before + sqrt(1 - KEPT) * fresh
            self._trained[step.adapter, seed] = float(mean + self._spread * chance), chance

    def _examine(self, step: Examine) -> None:
        design, arm = self._made.design, self._made.design.arm(step.arm)
        for split in step.splits:
            windows = design.problem_set(split).windows if split != SKILLS else 1
            size = len(self._hard[split]) // windows
            part = slice(None) if step.window is None else slice(size * (step.window - 1), size * step.window)
            if step.adapter is None and not step.votes_of:
                self._solve(arm, split)
                continue
            for seed in self._made.plan.seeds:
                whole = self.right.setdefault((arm.name, split, seed), np.zeros(len(self._hard[split]), np.bool_))
                whole[part] = (
                    self._vote(step.votes_of, split, seed)[part]
                    if step.votes_of
                    else (self._answers(str(step.adapter), arm.name, split, seed)[part])
                )

    def _vote(self, voters: Sequence[str], split: str, seed: int) -> Right:
        """As two labels are counted: right where most are."""
        ballots = zip(*(self.right[each, split, seed].tolist() for each in voters), strict=True)
        return np.array([majority(map(str, given)) == str(True) for given in ballots])

    def _answers(self, name: str, arm: str, split: str, seed: int) -> Right:
        """What an adapter solves: the same whenever it is asked."""
        if (name, split, seed) not in self._answered:
            alike = self._world.alike and arm in self._voters and split == "test"
            chance = self._shared[seed] if alike else None
            self._answered[name, split, seed] = self._drawn(self._trained[name, seed][0], split, chance)
        return self._answered[name, split, seed]

    def _solve(self, arm: Arm, split: str) -> None:
        self.right[arm.name, split, None] = self._drawn(OTHERS[arm.role], split)

    def _drawn(self, accuracy: float, split: str, chance: NDArray[np.float64] | None = None) -> Right:
        """Problems that are solved; accuracy is the mean over all problems that there could be (MacKay 1992)."""
        odds = sqrt(1 + pi * HARDNESS**2 / 8) * logit(np.clip(accuracy, 0.001, 0.999)) + self._hard[split]
        solved: Right = (self._random.uniform(size=len(odds)) if chance is None else chance) < expit(odds)
        return solved

    def may_claim(self) -> bool:
        """Whether a claim has luck ruled out, which each of them needs: the others need no measuring."""
        seeds = self._made.plan.seeds

        def right(arm: str, split: str) -> list[int]:
            return [int(self.right[arm, split, seed].sum()) for seed in seeds]

        return any(
            all(luck(right(each.first, each.split), right(other, each.split)).ruled_out for other in each.over)
            for each in self._made.design.claims
        )

    def shown(self) -> list[bool]:
        """Which of the design's claims the audit shows."""
        made, design = self._made, self._made.design
        items = [
            row
            for (name, split, seed), right in self.right.items()
            for row in made.rows(design.arm(name), split, seed, right)
        ]
        result = {
            "source": "run",
            "plan": made.planned,
            "plan_sha256": files.digest(made.planned),
            "labels": list(LABELS),
            "problems": made.sets,
            "arms": scores.arms(items, made.problems, LABELS, design),
            "contrasts": contrasts.contrasts(items, design, made.plan.margin),
            "votes": contrasts.votes(items, design),
        }
        told = claims.ladder(Evidence(result, design=design), blocked=False)
        return [own["status"] == "shown" for own in told["own"]]


def rates(world: World, seeds: int, spread: float, number: int, random: np.random.RandomState) -> NDArray[np.float64]:
    """The share of results in which each claim is shown, and last that in which one is that does not hold."""
    made = setting(world.design, seeds)
    found = []
    for _ in range(number):
        drawn = Drawn(made, world, spread, random)
        shown = drawn.shown() if seeds < SEEDS or drawn.may_claim() else [False] * len(made.design.claims)
        found.append([*shown, any(each for place, each in enumerate(shown) if place not in world.true)])
    shares: NDArray[np.float64] = np.mean(found, axis=0)
    return shares


def table(rows: Sequence[tuple[int, World, int]], random: np.random.RandomState) -> None:
    """Prints a row for each number of seeds, world and number of results; cells by luck."""
    print("\n| design | seeds | what is true | results | first claim | second claim | one that is untrue |")
    print("|---|---|---|---|---|---|---|")
    for seeds, world, number in rows:
        cells = np.array([rates(world, seeds, spread, number, random) for spread in SPREADS]).T
        *own, untrue = ("/".join(points(round(share, 2)) for share in row) for row in cells)
        own += [""] * (2 - len(own))
        print(f"| {world.design} | {seeds} | {world.told} | {number} | {' | '.join(own)} | {untrue} |", flush=True)


def main() -> None:
    """Prints how often claims are shown where nothing makes a difference, and where something does."""
    random = np.random.RandomState(2)
    nothing = [world for world in WORLDS if not world.true]
    table([(SEEDS, world, RESULTS) for world in nothing], random)
    table([(1, world, ALONE) for world in nothing if not (world.behind or world.taste)], random)
    table([(SEEDS, world, AHEAD) for world in WORLDS if world.true], random)


if __name__ == "__main__":
    main()
