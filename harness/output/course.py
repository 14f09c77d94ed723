"""What a design shows besides its arms: how a series went, windows one after the other, how far strategies agree.

Tables of strings, for the terminal and for the page alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from harness.api import Demonstrate, Design, Examine, Train
from harness.design import designs
from harness.design.skills import SPLIT as SKILLS
from harness.measures import formatting
from harness.measures.statistics import wilson
from harness.output.parts import Table

Data = Mapping[str, Any]


def tables(result: Data) -> list[Table]:
    """The tables of a result; none where its design has nothing of the kind."""
    design = designs.of(result)
    every = (*_series(result, design), *_windows(result, design), *_kept(result, design), *_agreement(result))
    return [table for table in every if table.rows]


def _series(result: Data, design: Design) -> Iterator[Table]:
    """Score and retained skills, arm by arm, as a mean over the training seeds, and what the teacher cost."""
    columns = ("arm", "test, % right", "skills, % right", "teacher calls", "USD")
    rows = []
    for name in design.series:
        calls = [each for each in result["teacher_calls"] if each["stage"].partition(".")[0] == name]
        costs = [each["cost_usd"] for each in calls]
        cost = formatting.cost(None if None in costs else sum(costs))
        scores = [_mean(_arms(result, name, split)) for split in ("test", SKILLS)]
        rows.append([name, *scores, str(sum(each["calls"] for each in calls)), cost])
    caption = "One after the other (scores: mean over training seeds; calls and USD: of all)"
    yield Table(caption, columns, rows, columns[1:])


def _windows(result: Data, design: Design) -> Iterator[Table]:
    """The score of every arm in each window, with the teacher calls that were spent on adapting to it."""
    for chosen in design.sets:
        measured = [name for name in design.names if _arms(result, name, chosen.name)]
        if chosen.windows == 1 or not measured:
            continue
        names = [stratum["stratum"] for stratum in _arms(result, measured[0], chosen.name)[0]["strata"]]
        spent = _spent(result, design)
        rows = [
            [name, *(_mean(_stratum(result, arm, chosen.name, name)) for arm in measured), str(spent.get(place, 0))]
            for place, name in enumerate(names, 1)
        ]
        columns = ("window", *measured, "teacher calls")
        yield Table(_caption(result, chosen.name, measured), columns, rows, columns[1:])


def _caption(result: Data, split: str, measured: Sequence[str]) -> str:
    """What the scores by window are of, and how wide the widest of their 95% intervals is."""
    strata = [each for name in measured for arm in _arms(result, name, split) for each in arm["strata"]]
    limits = [wilson(each["correct"], each["n"]) for each in strata]
    widest = formatting.percent(max(each.high - each.low for each in limits))
    seeds = "mean over training seeds; of one the 95% interval spans up to"
    return f"{split} by window, % right of {strata[0]['n']} ({seeds} {widest} points)"


def _kept(result: Data, design: Design) -> Iterator[Table]:
    """What is left of each window in the end: the last adapter of an arm, against the arm before it adapted to it."""
    examined = [step for step in design.walk if isinstance(step, Examine) and step.adapter is not None]
    origin = {step.adapter: step.arm for step in design.walk if isinstance(step, Train)}
    windowed = dict.fromkeys(step.arm for step in examined if step.window is not None)
    ends = {step.arm: origin[step.adapter or ""] for step in examined if step.window is None}
    pairs = [(last, before) for last, before in ends.items() if before in windowed and last != before]
    for chosen in design.sets:
        known = [pair for pair in pairs if all(_arms(result, name, chosen.name) for name in pair)]
        if chosen.windows == 1 or not known:
            continue
        names = [stratum["stratum"] for stratum in _arms(result, known[0][0], chosen.name)[0]["strata"]]
        rows = [[name, *(_change(result, pair, chosen.name, name) for pair in known)] for name in names]
        columns = ("window", *(f"{last} - {before}" for last, before in known))
        yield Table("In the end, against before adapting to the window, in points", columns, rows, columns[1:])


def _change(result: Data, pair: tuple[str, str], split: str, stratum: str) -> str:
    last, before = (
        fmean(each["correct"] / each["n"] for each in _stratum(result, name, split, stratum)) for name in pair
    )
    return formatting.signed(last - before)


def _spent(result: Data, design: Design) -> dict[int, int]:
    """How many worked solutions were asked for to adapt to each window, without those of controls."""
    if result["plan"]["labels"] == "verifier":
        return {}
    windows = {
        step.solutions: step.window
        for step in design.walk
        if isinstance(step, Demonstrate) and step.window is not None and design.arm(step.arm).role != "control"
    }
    found: dict[int, int] = {}
    for each in result.get("solutions", ()):
        if (window := windows.get(each["solutions"])) is not None:
            found[window] = found.get(window, 0) + each["n"]
    return found


def _agreement(result: Data) -> Iterator[Table]:
    """How often strategies lead to the same answer, and how often students that vote give it."""
    columns = ("first", "second", "problems", "same answer", "of both")
    pairs = [
        [each["first"], each["second"], "train", str(each["alike"]), str(each["n"])]
        for each in result.get("agreement", ())
    ]
    for vote in result.get("votes", ()):
        seed = "" if vote["training_seed"] is None else f", seed {vote['training_seed']}"
        split = f"{vote['split']}{seed}"
        pairs += [[each["first"], each["second"], split, str(each["alike"]), str(vote["n"])] for each in vote["pairs"]]
        pairs.append(["all voters", "of " + vote["arm"], split, str(vote["unanimous"]), str(vote["n"])])
    yield Table("How far strategies and their students agree", columns, pairs, columns[3:])


def _arms(result: Data, name: str, split: str) -> list[Data]:
    return [each for each in result["arms"] if (each["arm"], each["split"]) == (name, split)]


def _stratum(result: Data, name: str, split: str, stratum: str) -> list[Data]:
    return [each for arm in _arms(result, name, split) for each in arm["strata"] if each["stratum"] == stratum]


def _mean(entries: Sequence[Data]) -> str:
    """The mean accuracy in per cent; a dash where nothing was measured."""
    if not entries:
        return formatting.NOTHING
    return formatting.percent(fmean(each["correct"] / each["n"] for each in entries))
