"""Two results side by side: whether they may be compared, and by how much the second differs from the first.

Pure functions of results and rows, but for ``read``. Conditions on the differences are in ``fail_if``; nothing is shown
here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from pathlib import Path
from typing import Any

from harness import __version__
from harness.api import UsageError
from harness.audit import audit, runs
from harness.boundary import filenames, files, meanwhile
from harness.boundary.text import one_line
from harness.design import designs
from harness.measures.kept import Kept
from harness.measures.rows import Row, answered, blanks, by_arm, interval, rounded
from harness.measures.statistics import Interval, minimum_detectable, paired, seeded_difference, wilson
from harness.output.comparison import compatibility
from harness.output.comparison.compatibility import Key
from harness.results.checking import validation

SCHEMA = "urn:transfer-harness:schema:compare:1.0"
METRICS = ("accuracy", "accuracy_given_answered", "balanced_accuracy", "blank")
"""What differences are taken of. ``blank`` is the share of replies without an answer."""
Estimate = Interval | None


@dataclass(frozen=True, slots=True)
class Side:
    """One of two results that are compared."""

    result: Mapping[str, Any]
    audit: Mapping[str, Any]
    items: Mapping[tuple[str, str, int | None], Sequence[Row]] | None
    """Its rows by arm, split and training seed, in the order of their problems; None where there are none."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One arm on one problem set in both results, as trained with one seed each: its entries, and its rows."""

    a: Mapping[str, Any]
    b: Mapping[str, Any]
    rows: tuple[Sequence[Row], Sequence[Row]] | None
    """Of both, on the same problems in the same order; None where they are not known."""


def read(path: Path) -> Side:
    """A run directory or a result.json, audited, with the rows that lie beside it.

    Raises UsageError for a file that is no result, and for rows that are not those of the result.
    """
    result, mismatches = runs.read(path)
    compatibility.require_sound(path, result)
    audited = audit(result, mismatches, runs.plugin_checks(result))
    return Side(result, audited, _items(path if path.is_dir() else path.parent, result, mismatches))


def read_both(a: Path, b: Path) -> tuple[Side, Side]:
    """Both sides: on two cores, since a large one takes seconds. Raises as ``read`` does, and HarnessError."""
    with meanwhile.doing(partial(read, b)) as second:
        return read(a), second()


def _items(
    folder: Path, result: Mapping[str, Any], mismatches: Sequence[str] | None
) -> Mapping[tuple[str, str, int | None], Sequence[Row]] | None:
    path = folder / filenames.ITEMS
    if not path.is_file():
        return None
    found, expected = files.file_digest(path), result["files"].get(filenames.ITEMS)
    if found != expected:
        raise UsageError(
            f"{path}: has digest {found[:12]}, the result beside it says {str(expected)[:12]}; "
            "these are not its rows: put back those of the run, or take them away to compare by counts alone"
        )
    told = validation.problems_of(path) if mismatches is None else mismatches
    wrong = [problem for problem in told if mismatches is None or problem.startswith(f"{filenames.ITEMS}:")]
    if wrong:
        raise UsageError(f"{path}: {wrong[0].removeprefix(f'{filenames.ITEMS}: ')}; harness validate lists everything")
    kept = Kept()
    for row in files.stream_lines(path):
        kept.item(row)
    rows = by_arm(kept.items, designs.of(result))
    counted = {key: _counts(inner) for key, inner in rows.items()}
    for arm in result["arms"]:
        key = arm["arm"], arm["split"], arm["training_seed"]
        said = arm["n"], arm["correct"], arm["outcomes"] and arm["outcomes"]["answered"]
        if counted.get(key) != said:
            raise UsageError(
                f"{path}: {'/'.join(key[:2])}: the result counts (n, correct, answered) {said}, its rows give "
                f"{counted.get(key)}; harness validate lists everything"
            )
    return rows


def _counts(rows: Sequence[Row]) -> tuple[int, int, int]:
    return len(rows), sum(row["correct"] for row in rows), sum(map(answered, rows))


def compare(a: Side, b: Side, only: Sequence[str] = ()) -> dict[str, Any]:
    """The comparison of two results as plain data: B minus A for every arm that both have, or for those in ``only``.

    Raises UsageError, naming the first key that differs, where they are not comparable.
    """
    keys = compatibility.shared(a.result, b.result, only)
    compatibility.require(a.result, b.result, keys)
    reason = _unpaired(a, b)
    pairs = {key: _pairs(key, a, b) for key in keys}
    return {
        "schema": SCHEMA,
        "harness": __version__,
        "a": _side(a),
        "b": _side(b),
        "differs": compatibility.settings_that_differ(a.result, b.result),
        "paired": reason is None,
        "unpaired_because": reason,
        "arms": [_arm(key, inner) for key, inner in pairs.items()],
        "unmatched": _unmatched(a, b, pairs),
    }


def _unpaired(a: Side, b: Side) -> str | None:
    without = [name for name, side in (("A", a), ("B", b)) if side.items is None]
    return f"{filenames.ITEMS} is not beside {' and '.join(without)}" if without else None


def _side(side: Side) -> dict[str, Any]:
    return {
        "result_sha256": files.digest(side.result),
        "simulated": [one_line(part) for part in side.result["simulated"]],
        "verdict": side.audit["verdict"],
        "blocking": side.audit["blocking"],
        "warnings": side.audit["warnings"],
        "rung": side.audit["claims"]["rung"],
    }


def _unmatched(a: Side, b: Side, pairs: Mapping[Key, Sequence[Pair]]) -> dict[str, list[str]]:
    """The arms that one result has alone, and, with their training seed, trainings without one to compare them with."""
    told: dict[str, list[str]] = {}
    for name, side, other in (("a", a, b), ("b", b, a)):
        used = {id(getattr(pair, name)) for inner in pairs.values() for pair in inner}
        known = compatibility.entries(other.result)
        own = compatibility.entries(side.result)
        told[name] = ["/".join(key) for key in own if key not in known]
        told[name] += [
            f"{'/'.join(key)}/seed {arm['training_seed']}" for key in pairs for arm in own[key] if id(arm) not in used
        ]
    return told


def _pairs(key: Key, a: Side, b: Side) -> list[Pair]:
    """The trainings of an arm, matched: in their order where both have as many, else those with the same seed."""
    first, second = compatibility.entries(a.result)[key], compatibility.entries(b.result)[key]
    if len(first) != len(second):
        known = {arm["training_seed"] for arm in first} & {arm["training_seed"] for arm in second}
        first, second = ([arm for arm in arms if arm["training_seed"] in known] for arms in (first, second))
    if not first:
        raise UsageError(
            f"not comparable: {'/'.join(key)}: the two were trained with different numbers of seeds, and share none; "
            "give both runs the same --seed and --training-seeds"
        )
    return [Pair(one, other, _rows(key, one, other, a, b)) for one, other in zip(first, second, strict=True)]


def _rows(
    key: Key, one: Mapping[str, Any], other: Mapping[str, Any], a: Side, b: Side
) -> tuple[Sequence[Row], Sequence[Row]] | None:
    if a.items is None or b.items is None:
        return None
    first, second = a.items[*key, one["training_seed"]], b.items[*key, other["training_seed"]]
    compatibility.require_same_reading(key, first, second)
    return first, second


def _arm(key: Key, pairs: Sequence[Pair]) -> dict[str, Any]:
    by_seed = [_by_seed(pair) for pair in pairs]
    metrics, p_value = _differences(pairs)
    detectable = [entry["minimum_detectable"] for entry in by_seed]
    return {
        "arm": key[0],
        "split": key[1],
        "a": [_entry(pair.a) for pair in pairs],
        "b": [_entry(pair.b) for pair in pairs],
        "difference": {name: None if value is None else interval(value) for name, value in metrics.items()},
        "p_value": None if p_value is None else rounded(p_value),
        "minimum_detectable": None if None in detectable else max(detectable),
        "by_seed": by_seed,
    }


def _entry(arm: Mapping[str, Any]) -> dict[str, Any]:
    """One accuracy with all that it must stand beside."""
    return {
        "training_seed": arm["training_seed"],
        "n": arm["n"],
        "correct": arm["correct"],
        "accuracy": interval(wilson(arm["correct"], arm["n"])),
        "best_trivial": arm["best_trivial"],
        "blank": blanks(arm),
    }


def _by_seed(pair: Pair) -> dict[str, Any]:
    known = dict.fromkeys(("kept", "fixed", "broken", "still_wrong", "p_value", "minimum_detectable"))
    difference = _independent(_accuracy(pair.b), _accuracy(pair.a))
    if pair.rows:
        compared = paired(_right(pair.rows[1]), _right(pair.rows[0]))
        difference = compared.difference
        detectable = minimum_detectable(compared.n, (compared.only_first + compared.only_second) / compared.n)
        known = {
            "kept": compared.both,
            "fixed": compared.only_first,
            "broken": compared.only_second,
            "still_wrong": compared.neither,
            "p_value": rounded(compared.p_value),
            "minimum_detectable": None if detectable is None else rounded(detectable),
        }
    seeds_of = {"training_seed_a": pair.a["training_seed"], "training_seed_b": pair.b["training_seed"]}
    return {**seeds_of, "n": pair.a["n"], **known, "difference": interval(difference)}


def _differences(pairs: Sequence[Pair]) -> tuple[dict[str, Estimate], float | None]:
    """B minus A in every metric, the mean over the trainings, and the p-value of that in accuracy."""
    given = [_maybe(_independent, _accuracy_given_answered(pair.b), _accuracy_given_answered(pair.a)) for pair in pairs]
    rows = [pair.rows for pair in pairs if pair.rows]
    metrics: dict[str, Estimate] = {"accuracy_given_answered": _mean(given)}
    if len(rows) < len(pairs):
        metrics["accuracy"] = _mean([_independent(_accuracy(pair.b), _accuracy(pair.a)) for pair in pairs])
        metrics["blank"] = _mean([_independent(_blank_share(pair.b), _blank_share(pair.a)) for pair in pairs])
        metrics["balanced_accuracy"] = _mean([_maybe(_independent, *map(_balanced, (p.b, p.a))) for p in pairs])
        return {name: metrics[name] for name in METRICS}, None
    metrics["accuracy"], p_value = _averaged(rows, _right)
    metrics["blank"], _ = _averaged(rows, lambda inner: [not answered(row) for row in inner])
    closed = all(_balanced(arm) is not None for pair in pairs for arm in (pair.a, pair.b))
    metrics["balanced_accuracy"] = _mean([_by_class(a, b) for a, b in rows]) if closed else None
    return {name: metrics[name] for name in METRICS}, p_value


def _averaged(
    rows: Sequence[tuple[Sequence[Row], Sequence[Row]]], what: Callable[[Sequence[Row]], list[bool]]
) -> tuple[Interval, float]:
    """B minus A by ``seeded_difference``, whose draws depend on which arm comes first: always the lesser."""
    a, b = [what(first) for first, _ in rows], [what(second) for _, second in rows]
    if b < a:
        return seeded_difference(b, a)
    difference, p_value = seeded_difference(a, b)
    return Interval(0.0 - difference.value, 0.0 - difference.high, 0.0 - difference.low), p_value


def _by_class(a: Sequence[Row], b: Sequence[Row]) -> Interval:
    """Difference in balanced accuracy: the mean over the truths of the paired difference in recall.

    Square-and-add over the independent classes, as ``harness.measures.statistics.balanced_accuracy``.
    """
    truths = [row["truth"] for row in a]
    recalls = []
    for truth in sorted(set(truths)):
        first, second = (
            [row["correct"] for row, own in zip(rows, truths, strict=True) if own == truth] for rows in (b, a)
        )
        recalls.append(paired(first, second).difference)
    value = sum(recall.value for recall in recalls) / len(recalls)
    below = sqrt(sum((recall.value - recall.low) ** 2 for recall in recalls)) / len(recalls)
    above = sqrt(sum((recall.high - recall.value) ** 2 for recall in recalls)) / len(recalls)
    return Interval(value, max(value - below, -1.0), min(value + above, 1.0))


def _independent(first: Interval, second: Interval) -> Interval:
    """Difference of two independent estimates with its interval, by square-and-add.

    Of two Wilson intervals it is Newcombe's (1998, Stat. Med. 17:873, method 10 of eleven); of others the same method
    (MOVER: Zou, Donner 2008, Stat. Med. 27:1693).
    """
    value = first.value - second.value
    below = sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    above = sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Interval(value, value - below, value + above)


def _maybe(combine: Callable[[Interval, Interval], Interval], first: Estimate, second: Estimate) -> Estimate:
    return None if first is None or second is None else combine(first, second)


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    """Mean of estimates of the same problems, and of their limits: as wide as if the estimates moved together.

    It sees nothing of the variance between seeds. None where one of them is not known.
    """
    known = [estimate for estimate in estimates if estimate is not None]
    if len(known) < len(estimates):
        return None
    return Interval(*(sum(values) / len(known) for values in zip(*known, strict=True)))


def _accuracy(arm: Mapping[str, Any]) -> Interval:
    return wilson(arm["correct"], arm["n"])


def _blank_share(arm: Mapping[str, Any]) -> Interval:
    return wilson(blanks(arm), arm["n"])


def _accuracy_given_answered(arm: Mapping[str, Any]) -> Estimate:
    stated = arm["outcomes"]["answered"]
    return wilson(arm["correct"], stated) if stated else None


def _balanced(arm: Mapping[str, Any]) -> Estimate:
    told = arm["balanced_accuracy"]
    return None if told is None else Interval(told["value"], told["low"], told["high"])


def _right(rows: Sequence[Row]) -> list[bool]:
    return [row["correct"] for row in rows]
