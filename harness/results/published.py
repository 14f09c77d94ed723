"""Published counts as a result: other people's numbers, with all the evidence missing that a table does not hold.

The problem sets are drawn anew from the task and its preset, so that what the numbers mean on them can be computed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.api import Demonstrate, Design, Learn, Task, UsageError, Verifier
from harness.boundary import files, schemas
from harness.boundary.text import did_you_mean, in_unicode, one_line
from harness.design import plan
from harness.design.config import MOST
from harness.design.plan import Plan, UserSettings
from harness.measures import problem_sets
from harness.measures.problems import shortcuts
from harness.measures.rows import TOKENS, Row, grouped, interval
from harness.measures.statistics import wilson
from harness.preflight.components import task_and_verifier
from harness.preflight.problems import of_set
from harness.results.result import SCHEMA, problem_rows

COLUMNS = ("arm", "stratum", "correct", "n")
UNKNOWN_PLUGINS = ("teacher", "student", "reflection", "trainer")
"""Whoever took part in a published experiment, it was no plugin of this harness."""
Counts = dict[str, dict[str, tuple[int, int]]]
"""By arm and stratum: correct and n. The stratum ``""`` stands for all problems together."""


def imported(path: Path, user: UserSettings) -> dict[str, Any]:
    """The result that a table of counts amounts to, in the setting that ``user`` asks for. Raises UsageError.

    Its arms are those of the design that is asked for.
    """
    design = plan.make(user)[0].design
    counts, sha256 = read(path, design)
    needed = {name for arm in counts for name in (arm, *design.required(arm))}
    stages = tuple(name for name in design.names if name in needed)
    drawn, chosen = plan.make(replace(user, run={**user.run, "stages": stages}))
    task, verifier = task_and_verifier(drawn, chosen)
    problems = shortcuts.ruled(_problems(drawn, task, verifier), task.labels)
    test = [row for row in problems if row["split"] == "test"]
    _check(path, counts, test)
    value = {**files.plain(drawn), "plugins": _known(drawn)}
    made_up: dict[str, Any] = {
        "schema": SCHEMA,
        "harness": drawn.harness,
        "source": "table",
        "simulated": [],
        "plan": value,
        "plan_sha256": files.digest(value),
        "identities": dict.fromkeys(("teacher", "student", "trainer")),
        "labels": None if task.labels is None else list(task.labels),
        "problems": problem_sets.problem_sets(problems),
        "overlaps": problem_sets.overlaps(problems),
        "quoted": None,
        "arms": [_arm(arm, counts[arm], test) for arm in stages if arm in counts],
        "contrasts": [],
        "transfer": [],
        "learning": {"entries": [], "strategies": [], "lessons": [], "learned": None},
        "solutions": [],
        "agreement": [],
        "votes": [],
        "training": [],
        "teacher_calls": [],
        "files": {in_unicode(path.name): sha256},
    }
    schemas.require("result", made_up)
    return made_up


def read(path: Path, design: Design) -> tuple[Counts, str]:
    """The counts of a CSV file, and its digest. Raises UsageError with the line that is wrong."""
    try:
        text, sha256 = files.read_text(path), files.file_digest(path)
    except OSError as error:
        raise UsageError(
            f"--table {path}: {error.strerror}; give a CSV file with columns {','.join(COLUMNS)}"
        ) from error
    except ValueError as error:
        raise UsageError(
            one_line(f"--table {path}: {error}; give a CSV file with columns {','.join(COLUMNS)}")
        ) from error
    rows = csv.DictReader(text.splitlines(), strict=True)
    counts: Counts = {}
    try:
        if tuple(rows.fieldnames or ()) != COLUMNS:
            given = one_line(",".join(rows.fieldnames or ["nothing"]))
            raise UsageError(f"--table {path}: line 1: expected the columns {','.join(COLUMNS)}, got {given}")
        for row in rows:
            _add(counts, row, design, f"--table {path}: line {rows.line_num}")
    except csv.Error as error:
        raise UsageError(f"--table {path}: line {rows.line_num + 1}: not CSV ({error})") from error
    if not counts:
        raise UsageError(f"--table {path}: no rows; expected one for each arm and stratum")
    return counts, sha256


def _add(counts: Counts, row: Mapping[str, Any], design: Design, where: str) -> None:
    names = [arm.name for arm in design.arms if "test" in arm.splits]
    if None in row or None in row.values():
        raise UsageError(f"{where}: expected the {len(COLUMNS)} values {','.join(COLUMNS)}")
    arm, stratum = row["arm"].strip(), row["stratum"].strip()
    if arm not in names:
        raise UsageError(one_line(f"{where}: no arm {arm!r};{did_you_mean(arm, names)} arms: {', '.join(names)}"))
    correct, n = _count(row, "correct", where), _count(row, "n", where)
    if not 0 <= correct <= n or n < 1:
        raise UsageError(f"{where}: {correct} of {n} right; expected at least one problem, and at most n right")
    strata = counts.setdefault(arm, {})
    if stratum in strata or (strata and "" in {stratum, *strata}):
        known = ", ".join(repr(name) if name else "all together" for name in strata)
        raise UsageError(one_line(f"{where}: {arm} has {known} already; give each stratum once, or all together once"))
    strata[stratum] = correct, n


def _count(row: Mapping[str, Any], column: str, where: str) -> int:
    given = row[column].strip()
    if not (given.isascii() and given.isdigit() and len(given) <= len(str(MOST))):
        raise UsageError(one_line(f"{where}: {column} is {given[:20]!r}; expected a whole number up to {MOST}"))
    return int(given)


def _problems(drawn: Plan, task: Task, verifier: Verifier) -> list[dict[str, Any]]:
    """The problem rows of the setting: the test set, and the sets that were learned from."""
    learned = (step.problems for step in drawn.steps if isinstance(step, Demonstrate | Learn))
    problems = {split: of_set(drawn, task, split) for split in sorted({"test", *learned})}
    truths = {problem.id: verifier.truth(problem) for rows in problems.values() for problem in rows}
    return list(problem_rows(task, verifier, problems, truths))


def _known(drawn: Plan) -> dict[str, Any]:
    return {kind: None if kind in UNKNOWN_PLUGINS else files.plain(choice) for kind, choice in drawn.plugins.items()}


def _check(path: Path, counts: Counts, test: Sequence[Row]) -> None:
    """Raises UsageError for strata that the setting does not have, or that are smaller in it."""
    sizes = {stratum: len(rows) for stratum, rows in grouped(test, "stratum").items()}
    sizes[""] = len(test)
    for arm, strata in counts.items():
        for stratum, (_, n) in strata.items():
            if stratum not in sizes:
                known = ", ".join(sorted(sizes.keys() - {""}))
                raise UsageError(
                    one_line(f"--table {path}: {arm}: no stratum {stratum!r} in this setting; it has {known}")
                )
            if n > sizes[stratum]:
                raise UsageError(
                    f"--table {path}: {arm} {stratum or 'in all'}: {n} problems; this setting has {sizes[stratum]}. "
                    "Choose the preset that the numbers were measured in, or give -o sizes.test=N"
                )


def _arm(arm: str, strata: Mapping[str, tuple[int, int]], test: Sequence[Row]) -> dict[str, Any]:
    correct, n = (sum(pair[place] for pair in strata.values()) for place in (0, 1))
    best = problem_sets.trivial(test)[:1]
    return {
        "arm": arm,
        "split": "test",
        "training_seed": None,
        **_score(correct, n),
        "problems": len(test),
        **dict.fromkeys(("accuracy_given_answered", "bounds", "predictions", "balanced_accuracy", "matthews")),
        "free_form": None,
        "information_p": None,
        "best_trivial": best[0] if best else None,
        "over_trivial": None,
        "steps": None,
        "strata": [
            {"stratum": stratum, **_score(*pair), "predictions": None} for stratum, pair in strata.items() if stratum
        ],
        **dict.fromkeys(("models", "prompts_sha256", "wording_sha256", "adapters_sha256", *TOKENS)),
    }


def _score(correct: int, n: int) -> dict[str, Any]:
    return {"n": n, "outcomes": None, "correct": correct, "accuracy": interval(wilson(correct, n))}
