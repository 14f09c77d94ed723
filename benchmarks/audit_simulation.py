"""How often the audit blocks an honest run, and how often it catches an artefact, by simulation.

    python -m benchmarks.audit_simulation

Runs of the default design are drawn (see ``benchmarks.simulated_runs``), then measured and audited as real ones are.
Seeded: it prints the same each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.artefacts import ARTEFACTS, changed_numbers, save
from benchmarks.simulated_runs import BASE, BOOTSTRAP, TEACHER, TREATMENT, Run, Skill, design, run
from harness.audit import audit
from harness.audit.checks import RULESET
from harness.design.skills import SPLIT as SKILLS
from harness.measures import contrasts, scores, statistics
from harness.measures.statistics import wilson

HONEST = {1: 1600, 3: 400}
"""Honest runs by the number of training seeds."""
SPOILED = 500
BLANKS, OFTEN_BLANK = 200, (0.05, 0.30)
"""Honest runs whose untrained student often leaves the form of an answer, and how often in truth."""
WEAK, LEADS = 100, (0.02, 0.04, 0.06, 0.08, 0.10, 0.12)
"""Runs for each lead of the trained student over the best trivial rule."""
SAVED, CHANGES = 3, 20
"""Runs that are written to disk, and results with a changed number that are validated against the files of each."""
SETS = 6
"""Draws of the problem sets, taken in turn."""
BLANK = 0.02
"""At most this share of replies is blank in an honest arm, in truth; in the sample it may be more."""
Random = np.random.RandomState
Truths = Mapping[tuple[str, str], Skill]


def honest(random: Random) -> Truths:
    """What is true of an honest run: the trained student well above the shortcuts, controls between it and chance."""

    def skill(low: float, high: float, blank: float = BLANK) -> Skill:
        return Skill(random.uniform(low, high), random.uniform(0.2, 0.8), random.uniform(0, blank))

    return {
        (BASE, "test"): skill(0.5, 0.6),
        (BASE, "harder"): skill(0.5, 0.55, 0.2),
        (BASE, SKILLS): skill(0.8, 1.0),
        ("teacher-base", "test"): skill(0.6, 0.9),
        (BOOTSTRAP, "reflect"): skill(0.6, 0.95),
        (TEACHER, "test"): skill(0.92, 0.995),
        ("student-prompted", "test"): skill(0.5, 0.65),
        (TREATMENT, "test"): skill(0.85, 0.99),
        (TREATMENT, "harder"): skill(0.55, 0.9, 0.05),
        (TREATMENT, SKILLS): skill(0.1, 1.0),
        ("lora-labels", "test"): skill(0.5, 0.75),
        ("lora-naive", "test"): skill(0.6, 0.82),
        ("lora-shuffled", "test"): skill(0.5, 0.5),
    }


def runs(count: int, training_seeds: int, random: Random, lead: float | None = None) -> Iterator[Run]:
    """Honest runs; the true accuracy of the trained student is its lead over the best trivial rule, if one is given."""
    for index in range(count):
        drawn, truths = design(index % SETS, training_seeds), honest(random)
        if lead is not None:
            weak = replace(truths[TREATMENT, "test"], accuracy=drawn.best_trivial() + lead)
            truths = {**truths, (TREATMENT, "test"): weak}
        yield run(drawn, truths, random)


def audited(made: Run) -> dict[str, Any]:
    """The audit of a run whose files are as it left them."""
    return audit(made.result(), [])


def of_honest(random: Random) -> None:
    """Prints how many honest runs are blocked, by what, and which rung they reach."""
    print("| honest runs, training seeds | runs | blocked | 95% interval | by |\n|---|---|---|---|---|")
    total, blocked, rungs = 0, 0, Counter[int]()
    for trainings, count in HONEST.items():
        audits = [audited(made) for made in runs(count, trainings, random)]
        found = sum(one["verdict"] == "blocked" for one in audits)
        print(f"| {trainings} | {count} | {_share(found, count)} | {_reasons(audits)} |", flush=True)
        total, blocked = total + count, blocked + found
        rungs.update(one["claims"]["rung"] for one in audits)
    print(f"| all | {total} | {_share(blocked, total)} | |")
    print("\n| rung of the claims | 0 | 1 | 2 | 3 | 4 | 5 | 6 |\n|---|---|---|---|---|---|---|---|")
    print(f"| honest runs | {' | '.join(f'{rungs[rung] / total:.1%}' for rung in range(7))} |")


def of_blank(random: Random) -> None:
    """Prints how many honest runs are blocked where training brings the form of an answer besides the skill."""
    audits = []
    for _ in range(BLANKS):
        truths = honest(random)
        often = replace(truths[BASE, "test"], blank=random.uniform(*OFTEN_BLANK))
        audits.append(audited(run(design(0), {**truths, (BASE, "test"): often}, random)))
    found = sum(one["verdict"] == "blocked" for one in audits)
    print("\n| untrained student often blank, runs | blocked | 95% interval | by |\n|---|---|---|---|")
    print(f"| {BLANKS} | {_share(found, BLANKS)} | {_reasons(audits)} |", flush=True)


def of_weak(random: Random) -> None:
    """Prints how often a small lead over the best trivial rule is seen."""
    print("\n| true lead over the shortcut | runs | not below-trivial | otherwise blocked |\n|---|---|---|---|")
    for lead in LEADS:
        audits = [audited(made) for made in runs(WEAK, 1, random, lead)]
        seen = sum("below-trivial" not in one["blocking"] for one in audits)
        others = sum(bool({*one["blocking"]} - {"below-trivial"}) for one in audits)
        print(f"| {100 * lead:.0f} points | {WEAK} | {seen / WEAK:.1%} | {others / WEAK:.1%} |", flush=True)


def of_artefacts(random: Random) -> None:
    """Prints how many of each artefact are blocked by the check that is meant for it."""
    print(f"\n| artefact, {SPOILED} runs each | check | caught | 95% interval |\n|---|---|---|---|")
    caught: Counter[str] = Counter()
    for made in runs(SPOILED, 1, random):
        made.result()  # measures every arm, once for all artefacts that leave it as it is
        for artefact in ARTEFACTS:
            caught[artefact.name] += artefact.check in audited(artefact.spoil(made, random))["blocking"]
    for artefact in ARTEFACTS:
        print(f"| {artefact.name} | {artefact.check} | {_share(caught[artefact.name], SPOILED)} |")
    noticed = 0
    for made in runs(SAVED, 1, random):
        with TemporaryDirectory() as folder:
            save(made, Path(folder))
            for result, mismatches in changed_numbers(Path(folder), CHANGES, random):
                noticed += "recompute" in audit(result, mismatches)["blocking"]
    n = SAVED * CHANGES
    print(f"| one number changed, {n} results | recompute | {_share(noticed, n)} |")


def _share(count: int, n: int) -> str:
    _, low, high = wilson(count, n)
    return f"{count / n:.1%} | {low:.1%} to {high:.1%}"


def _reasons(audits: list[dict[str, Any]]) -> str:
    by = Counter(check for one in audits for check in one["blocking"])
    return ", ".join(f"{check} {count}" for check, count in by.most_common()) or "none"


def remember() -> None:
    """Keeps what slow pure functions gave: simulated runs ask for the same counts over and over."""
    for name in ("wilson", "newcombe", "mcnemar_mid_p", "mcnemar_exact", "minimum_detectable"):
        remembered = cache(getattr(statistics, name))
        for module in (statistics, scores, contrasts):
            if hasattr(module, name):
                setattr(module, name, remembered)


def main() -> None:
    """Prints the tables."""
    remember()
    print(f"Audit ruleset {RULESET}.\n")
    of_honest(Random(1))
    of_blank(Random(4))
    of_weak(Random(2))
    of_artefacts(Random(3))


if __name__ == "__main__":
    main()
