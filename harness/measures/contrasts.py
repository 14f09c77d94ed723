"""How two arms of a run compare, problem by problem: pure functions of rows, as in ``harness.measures.scores``.

The contrasts themselves are data: those of a design. What a comparison may be called is for the audit to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from harness.api import Contrast, Design
from harness.measures.rows import Row, answered, by_arm, interval, rounded
from harness.measures.statistics import (
    error_consistency,
    gap_closed,
    holm,
    mcnemar_exact,
    mcnemar_mid_p,
    minimum_detectable,
    newcombe,
    non_inferior,
    paired,
    seeded_difference,
)

Pair = tuple[int | None, Sequence[Row], Sequence[Row]]
"""The training seed, if one of the arms has one, and the rows of both arms on the same problems in the same order."""


def contrasts(items: Sequence[Row], design: Design, margin: float) -> list[dict[str, Any]]:
    """The declared contrasts whose two arms answered the same problems, in the order in which they are declared.

    ``margin`` is what counts as no worse. P-values of the family are adjusted together (Holm).
    """
    groups = by_arm(items, design)
    made = []
    for contrast in design.contrasts:
        pairs = _pairs(groups, contrast)
        if pairs:
            made.append(_contrast(contrast, pairs, margin))
    family = [entry for entry in made if entry["family"]]
    for entry, adjusted in zip(family, holm([entry["p_value"] for entry in family]), strict=True):
        entry["p_holm"] = rounded(adjusted)
    return made


def _pairs(groups: dict[tuple[str, str, int | None], list[Row]], contrast: Contrast) -> list[Pair]:
    """The two arms for each training seed. An arm without one is the same for every seed."""

    def rows(arm: str) -> dict[int | None, list[Row]]:
        return {seed: inner for (name, split, seed), inner in groups.items() if (name, split) == (arm, contrast.split)}

    first, second = rows(contrast.first), rows(contrast.second)
    trained: list[int | None] = [*sorted({seed for seed in (*first, *second) if seed is not None})]
    found: list[Pair] = []
    for seed in trained or [None]:
        one, other = first.get(seed, first.get(None)), second.get(seed, second.get(None))
        if one is None or other is None or [row["problem"] for row in one] != [row["problem"] for row in other]:
            return []
        found.append((seed, one, other))
    return found


def _contrast(contrast: Contrast, pairs: Sequence[Pair], margin: float) -> dict[str, Any]:
    by_seed = [_by_seed(pair, contrast.non_inferiority, margin) for pair in pairs]
    first = [_right(one) for _, one, _ in pairs]
    second = [_right(other) for _, _, other in pairs]
    difference, p_value = seeded_difference(first, second)
    kindest = [_right(other, blank=True) for _, _, other in pairs]
    worst = difference if kindest == second else seeded_difference(first, kindest)[0]
    discordance = max((entry["only_first"] + entry["only_second"]) / entry["n"] for entry in by_seed)
    detectable = minimum_detectable(by_seed[0]["n"], discordance)
    return {
        "first": contrast.first,
        "second": contrast.second,
        "split": contrast.split,
        "factor": contrast.factor,
        "family": contrast.family,
        "n": by_seed[0]["n"],
        "difference": interval(difference),
        "p_value": rounded(p_value),
        "p_holm": None,
        "worst_case": interval(worst),
        "minimum_detectable": None if detectable is None else rounded(detectable),
        "by_seed": by_seed,
    }


def _by_seed(pair: Pair, asks_no_worse: bool, margin: float) -> dict[str, Any]:
    seed, first, second = pair
    compared = paired(_right(first), _right(second))
    form, skill = _gain(first, second)
    table = compared.both, compared.only_first, compared.only_second, compared.neither
    no_worse = non_inferior(*table, margin) if asks_no_worse else None
    return {
        "training_seed": seed,
        "n": compared.n,
        "both": compared.both,
        "only_first": compared.only_first,
        "only_second": compared.only_second,
        "neither": compared.neither,
        "difference": interval(compared.difference),
        "p_value": rounded(compared.p_value),
        "p_exact": rounded(mcnemar_exact(compared.only_first, compared.only_second)),
        "gain_of_form": rounded(form),
        "gain_of_skill": rounded(skill),
        "answered": _answered(first, second),
        "non_inferiority": no_worse
        and {"margin": no_worse.margin, "low": rounded(no_worse.low), "shown": no_worse.shown},
    }


def _gain(first: Sequence[Row], second: Sequence[Row]) -> tuple[float, float]:
    """The difference in two parts: problems answered in one arm only (form), and problems answered in both (skill)."""
    form = skill = 0
    for one, other in zip(first, second, strict=True):
        gained = one["correct"] - other["correct"]
        if answered(one) and answered(other):
            skill += gained
        else:
            form += gained
    return form / len(first), skill / len(first)


def _answered(first: Sequence[Row], second: Sequence[Row]) -> dict[str, Any]:
    """How many replies state an answer in each arm, and the mid-p test that it is the same share."""
    both = [(answered(one), answered(other)) for one, other in zip(first, second, strict=True)]
    return {
        "first": sum(one for one, _ in both),
        "second": sum(other for _, other in both),
        "p_value": rounded(
            mcnemar_mid_p(sum(one and not other for one, other in both), sum(other and not one for one, other in both))
        ),
    }


def transfer(items: Sequence[Row], design: Design) -> list[dict[str, Any]]:
    """How far the treatment came from the base towards the teacher, and how much it answers alike: by training seed."""
    groups = by_arm(items, design)
    before, teacher = (groups.get((design.named(role) or "", "test", None)) for role in ("base", "teacher"))
    if before is None or teacher is None or _ids(before) != _ids(teacher):
        return []
    return [
        {"training_seed": seed, **_gap(before, after, teacher), "fidelity": _fidelity(after, teacher)}
        for (arm, split, seed), after in groups.items()
        if (arm, split) == (design.treatment, "test") and _ids(after) == _ids(before)
    ]


def _gap(before: Sequence[Row], after: Sequence[Row], teacher: Sequence[Row]) -> dict[str, Any]:
    """The share of the gap that is closed, or why there is none to speak of."""
    lead = paired(_right(teacher), _right(before))
    closed = gap_closed(_right(before), _right(after), _right(teacher))
    limits = newcombe(lead.both, lead.only_first, lead.only_second, lead.neither)
    refused = None if closed else "the teacher is not shown to be better than the student was: there is no gap to close"
    if closed and closed.low == closed.high:
        refused = f"every resample of the problems gives {closed.value:.0%}, so there is no interval"
        closed = None
    return {"lead": interval(limits), "gap_closed": interval(closed) if closed else None, "refused": refused}


def _fidelity(student: Sequence[Row], teacher: Sequence[Row]) -> dict[str, Any]:
    """On how many problems both say the same, of those that both answer; whether they err together beyond chance."""
    pairs = [(one, other) for one, other in zip(student, teacher, strict=True) if answered(one) and answered(other)]
    alike = sum(one["outcome"]["label"] == other["outcome"]["label"] for one, other in pairs)
    kappa = error_consistency(_right(student), _right(teacher))
    return {"n": len(pairs), "alike": alike, "error_consistency": None if kappa is None else rounded(kappa)}


def votes(items: Sequence[Row], design: Design) -> list[dict[str, Any]]:
    """How often the members of each arm that votes answer alike: all of them, and two by two."""
    groups = by_arm(items, design)
    return [
        {"arm": arm, "split": split, "training_seed": seed, **_alike(members)}
        for (arm, split, seed) in groups
        if (names := design.voters(arm))
        and all((name, split, seed) in groups for name in names)
        and (members := {name: groups[name, split, seed] for name in names})
    ]


def _alike(members: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    labels = {
        name: [row["outcome"]["label"] if answered(row) else None for row in rows] for name, rows in members.items()
    }
    each = list(zip(*labels.values(), strict=True))
    return {
        "n": len(each),
        "unanimous": sum(len(set(ballots)) == 1 and None not in ballots for ballots in each),
        "pairs": [
            {
                "first": first,
                "second": second,
                "alike": sum(
                    one is not None and one == other for one, other in zip(labels[first], labels[second], strict=True)
                ),
            }
            for first, second in combinations(labels, 2)
        ],
    }


def _right(rows: Iterable[Row], blank: bool = False) -> list[bool]:
    """Who got which problem right; ``blank`` is what a reply without an answer counts as."""
    return [row["correct"] if answered(row) else blank for row in rows]


def _ids(rows: Iterable[Row]) -> list[str]:
    return [row["problem"] for row in rows]
