"""How often rules say that one trained arm is ahead of another: where both are equal, and where it is.

    python -m benchmarks.null_designs

Each arm is trained anew with every seed, and how well a training comes out is luck: its true accuracy is drawn about
that of the arm. How hard a problem is is the same for all trainings. Seeded: it prints the same each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import pi, sqrt
from warnings import simplefilter

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import ttest_ind, ttest_rel

from harness.measures.luck import luck
from harness.measures.statistics import seeded_difference

PROBLEMS = 300
HARDNESS = 1.5
"""Standard deviation of how hard a problem is, as log-odds."""
RULES = (
    "interval",
    "all seeds",
    "paired t 5%",
    "2.5%",
    "two-sample t 5%",
    "2.5%",
    "permutation",
    "p, permutation",
    "permutation alone",
)
"""What a claim may rest on: all but the last two on the interval besides."""
EQUAL, AHEAD = 500, 60
"""Designs of a cell whose arms are equal, and of one whose first arm is ahead."""
SEEDS, SPREADS, BASES, GAINS = (1, 3, 5), (0.0, 0.01, 0.03, 0.06), (0.6, 0.8, 0.95), (0.05, 0.1, 0.2)
PARTS = 40
"""How often as many designs once more, of those whose trainings are closest to a limit."""
ALPHA = 0.05
KINDS = {
    "one in five fails": {"failing": 0.2},
    "shared by seed": {"shared": 0.8},
    "arms differ by problem": {"taste": 1.0},
}
"""What else may be true of a design."""
FAILURE = 0.2
"""What a failed training loses of its accuracy."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is true of the designs of a cell: accuracies and their standard deviations as fractions."""

    seeds: int
    spread: float
    """Standard deviation of the true accuracy between trainings of an arm."""
    base: float
    """Mean of the true accuracies of the first arm's trainings."""
    gain: float = 0.0
    """How far that of the second lies below."""
    failing: float = 0.0
    """Share of the trainings that fail."""
    shared: float = 0.0
    """Share of the luck (of its variance) that is the same for both arms of a seed."""
    taste: float = 0.0
    """Standard deviation, as log-odds, of how much harder a problem is for one of the arms."""


def trained(cell: Cell, designs: int, random: np.random.RandomState) -> list[NDArray[np.bool_]]:
    """Who of both arms got which problem right: designs x trainings x problems."""
    hardness = HARDNESS * random.standard_normal((designs, 1, PROBLEMS))
    common = random.standard_normal((designs, cell.seeds, 1))
    arms = []
    for accuracy in (cell.base, cell.base - cell.gain):
        chance = sqrt(cell.shared) * common + sqrt(1 - cell.shared) * random.standard_normal(common.shape)
        true = accuracy + cell.spread * chance - FAILURE * (random.uniform(size=common.shape) < cell.failing)
        taste = cell.taste * random.standard_normal(hardness.shape)
        # The mean of a logistic function of normal log-odds (MacKay 1992), solved for the mean of these.
        stretched = sqrt(1 + pi * (HARDNESS**2 + cell.taste**2) / 8) * logit(np.clip(true, 0.001, 0.999))
        arms.append(random.uniform(size=(designs, cell.seeds, PROBLEMS)) < expit(stretched + hardness + taste))
    return arms


def claimed(cell: Cell, designs: int, random: np.random.RandomState) -> NDArray[np.float64]:
    """The share of simulated designs of which each rule says that the first arm is ahead, in the order of RULES."""
    first, second = trained(cell, designs, random)
    interval, p_value = np.array([compared(*arms) for arms in zip(first, second, strict=True)]).T
    right, other = first.sum(axis=2), second.sum(axis=2)
    paired, unpaired = (test(right, other, axis=1, alternative="greater").pvalue for test in (ttest_rel, ttest_ind))
    permuted = beyond_luck(right, other)
    rules = (
        interval,
        interval & (right > other).all(axis=1),
        interval & (paired < 0.05),
        interval & (paired < 0.025),
        interval & (unpaired < 0.05),
        interval & (unpaired < 0.025),
        interval & permuted,
        p_value & permuted,
        permuted,
    )
    shares: NDArray[np.float64] = np.array(rules).mean(axis=1)
    return shares


def compared(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[bool, bool]:
    """Whether interval and p-value over problems and seeds show a lead of the first, and whether the p-value does."""
    if first.sum() <= second.sum():
        return False, False
    (_, low, _), p_value = seeded_difference(first.tolist(), second.tolist())
    return low > 0 and p_value < ALPHA, p_value < ALPHA


def beyond_luck(right: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the permutation test rules luck out, for each design: right answers by design and seed."""
    return np.array([luck(*arms).ruled_out for arms in zip(right.tolist(), other.tolist(), strict=True)])


def head(*names: str) -> None:
    """Prints the head of a table."""
    print(f"\n| {' | '.join((*names, *RULES))} |\n|{'---|' * (len(names) + len(RULES))}")


def row(*names: object, cells: Sequence[NDArray[np.float64]]) -> None:
    """Prints what a row is of, and by rule the shares of its cells in percent."""
    shares = ("/".join(f"{100 * share:.0f}" for share in rule) for rule in zip(*cells, strict=True))
    print(f"| {' | '.join(map(str, (*names, *shares)))} |", flush=True)


def points(share: float) -> str:
    """A fraction as percentage points."""
    return f"{100 * share:g}"


def main() -> None:
    """Prints the tables: equal arms, equal arms of other kinds, arms of which the first is ahead."""
    simplefilter("ignore", RuntimeWarning)  # trainings that are all alike have no t
    random = np.random.RandomState(1)
    head("seeds", "luck")
    for seeds, spread in product(SEEDS, SPREADS):
        row(seeds, points(spread), cells=[claimed(Cell(seeds, spread, base), EQUAL, random) for base in BASES])
    head("seeds", "luck", "besides")
    for seeds, spread, (name, kind) in product(SEEDS[1:], (SPREADS[0], SPREADS[-1]), KINDS.items()):
        row(seeds, points(spread), name, cells=[claimed(Cell(seeds, spread, BASES[1], **kind), EQUAL, random)])
    head("seeds", "luck", "gain")
    for seeds, spread, gain in product(SEEDS[1:], SPREADS, GAINS):
        cells = [claimed(Cell(seeds, spread, base, gain), AHEAD, random) for base in BASES]
        row(seeds, points(spread), points(gain), cells=[np.mean(cells, axis=0)])
    head("seeds", "luck", "gain", "besides")
    for seeds, gain, (name, kind) in product(SEEDS[1:], GAINS[:2], KINDS.items()):
        cell = Cell(seeds, SPREADS[-1], BASES[1], gain, **kind)
        row(seeds, points(cell.spread), points(gain), name, cells=[claimed(cell, len(BASES) * AHEAD, random)])
    print()
    for seeds in SEEDS[1:]:
        parts = [trained(Cell(seeds, SPREADS[-1], BASES[-1]), EQUAL, random) for _ in range(PARTS)]
        share = np.mean([beyond_luck(first.sum(axis=2), second.sum(axis=2)) for first, second in parts])
        print(f"{PARTS * EQUAL} designs of {seeds} seeds, permutation alone: {share:.1%}")


if __name__ == "__main__":
    main()
