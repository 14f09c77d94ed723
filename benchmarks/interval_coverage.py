"""How often the intervals of a paired difference hold the true one, by simulation.

    python -m benchmarks.interval_coverage

Newcombe's interval beside Wald's for two arms, and the bootstrap over training seeds. Seeded: it prints the same each
time.
"""

from __future__ import annotations

from functools import cache
from math import sqrt

import numpy as np

from harness.measures.statistics import Interval, newcombe, seeded_difference

PAIRS = 20_000
RUNS = 500
# Problems, then the shares that both arms, only the first and only the second get right.
DESIGNS = [
    (n, both, first, second)
    for n in (50, 150, 300)
    for both, first, second in ((0.75, 0.05, 0.05), (0.9, 0.04, 0.01), (0.7, 0.15, 0.05), (0.4, 0.2, 0.2))
]
# Training seeds, problems, and the standard deviation of the true accuracy between seeds.
TRAININGS = [(k, 300, spread) for k in (3, 5, 10) for spread in (0.0, 0.03, 0.1)]


@cache
def limits(both: int, first: int, second: int, neither: int) -> tuple[Interval, float]:
    """Newcombe's interval and the half width of Wald's, for one table of counts."""
    n, difference = both + first + second + neither, first - second
    return newcombe(both, first, second, neither), 1.959964 * sqrt(first + second - difference**2 / n) / n


def two_arms(n: int, both: float, first: float, second: float, random: np.random.RandomState) -> tuple[float, float]:
    """Shares of simulated comparisons whose Newcombe and Wald intervals hold the true difference."""
    truth, held, wald = first - second, 0, 0
    for table in random.multinomial(n, (both, first, second, 1 - both - first - second), size=PAIRS).tolist():
        (value, low, high), half = limits(*table)
        held += low <= truth <= high
        wald += abs(value - truth) <= half
    return held / PAIRS, wald / PAIRS


def several_seeds(k: int, n: int, spread: float, random: np.random.RandomState) -> float:
    """Share of simulated experiments whose interval over seeds holds the true difference of 0.05."""
    held = 0
    for _ in range(RUNS):
        difficulty = random.uniform(-0.15, 0.15, size=n)
        trained = random.uniform(size=(k, n)) < 0.75 + spread * random.standard_normal((k, 1)) + difficulty
        base = random.uniform(size=(1, n)) < 0.70 + difficulty
        (_, low, high), _ = seeded_difference(trained.tolist(), base.tolist() * k)
        held += low <= 0.05 <= high
    return held / RUNS


def main() -> None:
    """Prints both tables."""
    random = np.random.RandomState(1)
    print("| problems | both right | only first | only second | Newcombe | Wald |\n|---|---|---|---|---|---|")
    for design in DESIGNS:
        held, wald = two_arms(*design, random)
        print(f"| {' | '.join(map(str, design))} | {held:.1%} | {wald:.1%} |")
    print("\n| seeds | problems | spread between seeds | bootstrap |\n|---|---|---|---|")
    for training in TRAININGS:
        print(f"| {' | '.join(map(str, training))} | {several_seeds(*training, random):.1%} |", flush=True)


if __name__ == "__main__":
    main()
