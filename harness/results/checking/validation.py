"""Checks files that a run left: their schema, and for a result all that the files beside it tell of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from harness.api import ADAPTER_WEIGHTS, Learn, UsageError
from harness.boundary import differences, filenames, files, folders, schemas
from harness.boundary.text import in_shell
from harness.design import designs
from harness.design.config import PLUGIN_KINDS
from harness.measures import accounts, contrasts, problem_sets, scores
from harness.measures.contradictions import contradictions
from harness.measures.kept import ItemRow, Kept, ProblemRow
from harness.measures.problems import shortcuts
from harness.results.checking import recorded, rereading
from harness.results.checking.beside import BESIDE, Beside, broken_rows, labelled_by, trained_differently
from harness.results.checking.recorded import Unchecked, Unread, told

SCHEMAS = {filenames.RESULT: "result", filenames.PLAN: "plan", filenames.RUN_META: "run-meta", filenames.AUDIT: "audit"}
"""The schema of a JSON file by its name."""
SAYS = {f"urn:transfer-harness:schema:{name}:1.0": name for name in ("result", "audit", "compare")}
SAYS["urn:transfer-harness:schema:result:2.0"] = "result"
"""The schema of a JSON file of any other name by what it says of itself."""
LABELLERS = ("teacher", "verifier", "chance")


def problems_of(path: Path) -> list[str]:
    """All that is wrong with a file, or cannot be checked because something is missing, each as ``path: what``.

    That the replies of a run were not read again, because its plugins are not at hand, is left out: see ``held``.
    """
    return [what for what in held(path) if not isinstance(what, Unread)]


def held(path: Path, *, fresh: bool = False) -> list[str]:
    """All that is wrong with a file, each as ``path: what``, and as ``Unchecked`` what cannot be known of it.

    Its kind is told by its name, else by its key ``schema``; what tells nothing is held for a result. A run directory
    stands for its result.json. Of an audit.json only the schema is checked here: ``harness.audit.runs`` makes the
    audit anew. ``fresh``: the result was made just now of plan and journal, and is not held against them again. Raises
    UsageError where there is no such file.
    """
    path = file_of(path)
    try:
        if path.suffix == ".jsonl":
            return list(broken_rows(path))
        value = files.read(path)
    except OSError as error:
        return [f"the file: {error.strerror}"]
    except ValueError as error:
        return [f"the file: not sound JSON ({error})"]
    name = SCHEMAS.get(path.name) or _said(value)
    broken = list(schemas.violations(name, value)) or (list(unknown_arms(value)) if name == "result" else [])
    if broken or name != "result":
        return broken
    found = list(_result(path.parent, value))
    if fresh or value["source"] != "run":
        return found
    return found + _provenance(path.parent, value, sound=not found)


def _provenance(folder: Path, result: Mapping[str, Any], sound: bool) -> list[str]:
    """Where a result is not that of the plan and the journal beside it. Replies of unsound rows are not looked at.

    Only a result with which all else agrees is read again.
    """
    missing = list(_missing(folder, result))
    journal = recorded.opened(folder)
    if isinstance(journal, str):
        return [journal, *missing]
    with closing(journal):
        found = list(recorded.differing(folder, journal, result, sound))
        if sound and not found and not missing:
            found = list(recorded.another_result(journal, result))
        if sound and not found and not any(path.startswith(filenames.PLAN) for path in missing):
            found = list(rereading.differing(folder, journal, result))
    return found + missing


def _missing(folder: Path, result: Mapping[str, Any]) -> Iterator[str]:
    """What should lie beside a result for all of it to be known, and does not."""
    if not (folder / filenames.PLAN).is_file():
        yield Unchecked(f"{filenames.PLAN}: is not beside the result, so it cannot be checked")
    for training in result["training"]:
        name = f"{filenames.ADAPTERS}/{accounts.training_name(result, training)}/{ADAPTER_WEIGHTS}"
        if not (folder / name).is_file():
            yield Unchecked(f"{name}: is not beside the result, so the adapter cannot be checked")


def _said(value: Any) -> str:
    schema = value.get("schema") if isinstance(value, dict) else None
    return SAYS.get(schema, "result") if isinstance(schema, str) else "result"


def file_of(path: Path) -> Path:
    """The file that a path stands for: itself, or the result.json of a run directory.

    Raises UsageError where there is none; for a run that is not finished with the command that goes on with it.
    """
    folder = os.path.isdir(path)  # which raises for no path
    file = path / filenames.RESULT if folder else path
    try:
        file.stat()
    except OSError as error:
        if file.name == filenames.RESULT and os.path.isfile(file.parent / filenames.PLAN):
            raise UsageError(unfinished(file.parent)) from error
        if folder:
            raise UsageError(
                f"{path}: holds neither {filenames.RESULT} nor {filenames.PLAN}; give a run directory"
            ) from error
        raise UsageError(f"{path}: {error.strerror}; give a run directory or its {filenames.RESULT}") from error
    return file


def unfinished(run_dir: Path) -> str:
    """What to say of a run that has no result yet."""
    return f"{run_dir} is not finished; go on with: harness run --resume {in_shell(run_dir)}"


def unknown_arms(result: Mapping[str, Any]) -> Iterator[str]:
    """Where a result names an arm that is none of its design, or carries no sound design."""
    try:
        names = designs.of(result).names
    except (KeyError, TypeError, ValueError) as error:
        yield f"plan.plugins.design: {error}"
        return
    named = [(f"arms[{index}].arm", arm["arm"]) for index, arm in enumerate(result["arms"])]
    named += [(f"training[{index}].arm", each["arm"]) for index, each in enumerate(result["training"])]
    named += [(f"plan.stages[{index}]", name) for index, name in enumerate(result["plan"]["stages"])]
    for index, each in enumerate(result["contrasts"]):
        named += [(f"contrasts[{index}].{side}", each[side]) for side in ("first", "second")]
    for path, name in named:
        if name not in names:
            yield f"{path}: no arm {name!r}; arms: {', '.join(names)}"


def _result(folder: Path, result: Mapping[str, Any]) -> Iterator[str]:
    """Where a result is not what the files beside it give."""
    rows = Beside(folder)
    for name, expected in result["files"].items():
        try:
            path = folders.inside(folder, name)
        except ValueError as error:
            yield f"files.{name}: {error}"
            continue
        if not path.is_file():
            yield f"files.{name}: is not beside the result, so it cannot be checked"
        elif (found := files.file_digest(path)) != expected:
            yield f"files.{name}: has digest {found}, the result says {expected}"
        else:
            yield from rows.read(name)
    yield from _neighbours(folder, result)
    yield from _examples(folder, result)
    if not rows.has(*BESIDE):
        return
    unsound = list(contradictions(rows.kept, result["labels"], designs.of(result)))
    yield from unsound
    if not unsound:
        yield from _recomputed(folder, result, rows.kept)
        yield from _accounts(result, rows.kept.items)
        for place, said, given in trained_differently(folder, result, rows.kept):
            yield f"{place}: says {told(said)}, the rows give {told(given)}"
    yield from _learned(folder, result, rows.kept.items)
    if rows.has(filenames.THOUGHTS) or filenames.THOUGHTS not in result["files"]:  # else that is said above, once
        yield from rows.misquoted()


def _neighbours(folder: Path, result: Mapping[str, Any]) -> Iterator[str]:
    """Where the plan or an adapter in the run directory is not the one of the result."""
    try:
        plan = folders.inside(folder, filenames.PLAN)
        if plan.exists() and files.read(plan) != result["plan"]:
            yield "plan: is not the one in plan.json"
    except ValueError as error:
        yield f"plan.json: not sound JSON ({error})"
    except OSError as error:
        yield Unchecked(f"plan.json: {error.strerror}, so it cannot be checked")
    for index, training in enumerate(result["training"]):
        try:
            weights = folders.inside(
                folder, f"{filenames.ADAPTERS}/{accounts.training_name(result, training)}/{ADAPTER_WEIGHTS}"
            )
        except ValueError as error:
            yield f"training[{index}].arm: {error}"
            continue
        if weights.is_file() and (found := files.file_digest(weights)) != training["adapter_sha256"]:
            yield f"training[{index}].adapter_sha256: the adapter has {found}"


def _examples(folder: Path, result: Mapping[str, Any]) -> Iterator[str]:
    """Where the counts of a training are not those of the rows that it was trained on."""
    for index, training in enumerate(result["training"]):
        path = folder / filenames.examples(accounts.training_name(result, training))
        if not path.is_file():
            continue
        try:
            sources = Counter(map(labelled_by, files.stream_lines(path)))
        except (ValueError, KeyError, TypeError) as error:
            yield f"{path.relative_to(folder)}: a row is not an example ({type(error).__name__}: {error})"
            continue
        given = {"rows": sources.total(), **{f"labelled_by_{name}": sources[name] for name in LABELLERS}}
        said = {name: training["examples"][name] for name in given}
        for place, was, now in differences.between(said, given, f"training[{index}].examples"):
            yield f"{place}: says {was}, the rows give {now}"


def _problem_sets(
    result: Mapping[str, Any], problems: Sequence[ProblemRow]
) -> tuple[Sequence[ProblemRow], list[dict[str, Any]]]:
    """The problems with the automatic rules, and their sets; without what a result that is older than these lacks.

    The audit then says that it is not known.
    """
    named = {rule["rule"] for entry in result["problems"] for rule in entry["trivial"]}
    if not named.isdisjoint(shortcuts.automatic(closed=True)):
        ruled = shortcuts.ruled(problems, result["labels"])
        return ruled, problem_sets.problem_sets(ruled)
    later = {"truth_in_text"}
    sets = problem_sets.problem_sets(problems)
    return problems, [{key: value for key, value in entry.items() if key not in later} for entry in sets]


def _recomputed(folder: Path, result: Mapping[str, Any], rows: Kept) -> Iterator[str]:
    """Where the result says another number than its rows do."""
    plugins, problems, items = result["plan"]["plugins"], rows.problems, rows.items
    design = designs.of(result)
    ruled, sets = _problem_sets(result, problems)
    computed: dict[str, Any] = {
        "simulated": [f"{kind} {plugins[kind]['name']}" for kind in PLUGIN_KINDS if plugins[kind]["simulated"]],
        "plan_sha256": files.digest(result["plan"]),
        "problems": sets,
        "overlaps": problem_sets.overlaps(problems),
        "arms": scores.arms(items, ruled, result["labels"], design),
        "contrasts": contrasts.contrasts(items, design, result["plan"]["margin"]),
        "transfer": contrasts.transfer(items, design),
        "votes": contrasts.votes(items, design),
    }
    try:
        computed["quoted"] = problem_sets.quoted(problems, [*_texts(folder), result["plan"]["strategy"] or ""])
    except ValueError as error:
        yield str(error)
    for key, value in computed.items():
        for path, said, given in differences.between(result.get(key, []), value, key):
            yield f"{path}: says {told(said)}, the rows give {told(given)}"


def _texts(folder: Path) -> Iterator[str]:
    """What the teacher wrote, as far as it is beside the result; a missing file is told of elsewhere.

    Raises ValueError for one that cannot be read.
    """
    for name in problem_sets.WRITTEN:
        if (folder / name).is_file():
            yield _text(folder, name)


def _text(folder: Path, name: str) -> str:
    try:
        return files.read_text(folder / name)
    except ValueError as error:
        raise ValueError(f"{name}: not readable text ({error})") from error


def _accounts(result: Mapping[str, Any], items: Sequence[ItemRow]) -> Iterator[str]:
    """Where the account of a teacher arm that is measured is not that of its rows.

    While it learns a teacher may be asked more than its rows show, and of worked solutions there are no rows.
    """

    design = designs.of(result)
    learning = {arm.name for arm in design.arms if arm.role == "learning"}
    teachers = {arm.name for arm in design.arms if arm.answers == "teacher"}

    def measured(accounts: Iterable[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
        solved = (row for row in accounts if row["purpose"] == "solve" and row["stage"] not in learning)
        return [(row["stage"], row) for row in solved if row["stage"] in teachers]

    solved = measured(result["teacher_calls"])
    said, given = dict(solved), dict(measured(accounts.answer_accounts(items, design)))
    if len(said) != len(solved):
        yield "teacher_calls: the answers of a stage have two accounts"
    for path, was, now in differences.between(said, given, "teacher_calls"):
        yield f"{path}: says {told(was)}, the rows give {told(now)}"


def _learned(folder: Path, result: Mapping[str, Any], items: Sequence[ItemRow]) -> Iterator[str]:
    """Where what was learned is not in the file of the strategy, or more was got right or wrong than was tried."""
    learned = result["learning"]["learned"]
    if learned is None and filenames.STRATEGY_TXT in result["files"]:
        yield f"learning.learned: holds nothing, but there is a {filenames.STRATEGY_TXT}"
    elif learned is not None and filenames.STRATEGY_TXT not in result["files"]:
        yield f"learning.learned: holds a text, but files names no {filenames.STRATEGY_TXT}"
    elif learned is not None and (folder / filenames.STRATEGY_TXT).is_file():
        try:
            if _text(folder, filenames.STRATEGY_TXT).rstrip() != learned.rstrip():
                yield f"learning.learned: is not the text of {filenames.STRATEGY_TXT}"
        except ValueError as error:
            yield str(error)
    design = designs.of(result)
    for step in design.walk:
        if isinstance(step, Learn) and step.wrong_of is None:
            written = [
                each for each in result["learning"]["entries"] if each.get("lesson", step.strategy) == step.strategy
            ]
            batches = {entry["batch"]: entry for entry in written}.values()
            right, n = (sum(entry[key] for entry in batches) for key in ("correct", "n"))
            tried = [row.correct for row in items if row.arm == step.arm]
            if right > sum(tried) or n - right > len(tried) - sum(tried):
                told_by = f"the rows of {step.arm} give {sum(tried)} of {len(tried)}"
                yield f"learning.entries: say {right} of {n} right, {told_by}"
