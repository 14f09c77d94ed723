"""Checks of where things came from: overlap of data, labels, loss, adapters, and the numbers themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.api import (
    ArmRole,
    Demonstrate,
    Design,
    Evidence,
    Examine,
    Finding,
    Learn,
    MissingEvidenceError,
    Recipe,
    Train,
)
from harness.audit import completeness, queries
from harness.audit.thresholds import DISTINCT, DISTINCT_TO_WARN, FEWEST_SEEDS, SELECTED, SIGNIFICANT
from harness.boundary import files
from harness.measures.problem_sets import LONG_ENOUGH, WRITTEN
from harness.measures.statistics import independent
from harness.results.checking.recorded import Unchecked, Unread

MANY = 5
"""At most so many differing numbers are told."""


@dataclass(frozen=True, slots=True)
class Solutions:
    """A set of worked solutions: the recipes that take their answers, and the role in which its teacher is tested."""

    name: str
    recipes: tuple[Recipe, ...]
    role: ArmRole

    def made(self, trained: str, design: Design) -> bool:
        """Whether an arm of this name was trained on their answers, each under its own problem."""
        return any(arm.name == trained and arm.recipe in self.recipes for arm in design.arms)


SOLUTIONS = (
    Solutions("solutions with the strategy", ("worked", "labels"), "teacher"),
    Solutions("solutions without it", ("naive",), "untaught"),
)


def overlap(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    found = {(entry["split"], entry["source"]): entry for entry in evidence["overlaps"]}
    for split in completeness.examined(evidence):
        for source in [*completeness.learned_from(evidence), *(["test"] if split == "harder" else [])]:
            subject, weight = f"{split} and {source}", queries.weight(split)
            entry = found.get((split, source))
            if entry is None:
                yield Finding(subject, "unknown", "not compared", weight, split)
                continue
            text = f"{entry['shared']} of {entry['n']} problems are the same as one of {source}"
            yield Finding(subject, "fail" if entry["shared"] else "pass", text, weight, split)
        yield _distinct(completeness.problem_set(evidence, split), split)
    given = completeness.plan(evidence).maybe("strategy") is not None
    if given:
        text = "was learned elsewhere; what it was learned from is not known"
        yield Finding("given strategy", "unknown", text, "warn")
    if given or any(isinstance(step, Learn) for step in completeness.steps(evidence)):
        yield _quoted(evidence)
    if _trained(evidence):
        yield from _trained_on(evidence)


def _trained_on(evidence: Evidence) -> Iterator[Finding]:
    """Whether problems that arms are measured on stand in the rows of a training."""
    for training in _trainings(evidence):
        by_split = {entry["split"]: entry for entry in training["quoted"]}
        for split in completeness.examined(evidence):
            subject, entry = f"{_name(training)} and {split}", by_split.get(split)
            if entry is None:
                yield Finding(subject, "unknown", "not looked for in its rows", None, split)
                continue
            count, rows = entry.maybe("problems"), f"{entry['rows']} of {training['examples']['rows']} rows"
            if count is None:
                text = f"none is found, but texts under {LONG_ENOUGH} characters cannot be looked for"
                yield Finding(subject, "unknown", text, "warn", split)
            else:
                text = f"{count} problems stand in {rows} that it was trained on"
                yield Finding(subject, "fail" if count else "pass", text, None, split)


def _quoted(evidence: Evidence) -> Finding:
    subject = "strategy and journal"
    completeness.require_files(evidence, WRITTEN)
    quoted = evidence["quoted"] if evidence["source"] == "table" else evidence.maybe("quoted")
    if quoted is None:
        text = f"none is found in what the teacher wrote, but texts under {LONG_ENOUGH} characters cannot be looked for"
        return Finding(subject, "unknown", text, "warn")
    text = f"{quoted} problems stand word for word in what the teacher wrote"
    return Finding(subject, "fail" if quoted else "pass", text)


def _distinct(problems: Any, split: str) -> Finding:
    share = problems["distinct"] / problems["n"]
    text = f"{problems['distinct']} of {problems['n']} problems are different from all others"
    weight = queries.weight(split) if share < DISTINCT else "warn"
    return Finding(f"problems/{split}", "pass" if share >= DISTINCT_TO_WARN else "fail", text, weight, split)


def _trained(evidence: Evidence) -> list[str]:
    return [name for name in queries.stages(evidence) if evidence.design.arm(name).recipe]


def _trainings(evidence: Evidence) -> list[Any]:
    """The trainings of a run. Raises MissingEvidenceError where the plan has more of them than the result."""
    found = list(evidence["training"])
    trained = sum(isinstance(step, Train) for step in completeness.steps(evidence))
    expected = trained * completeness.plan(evidence)["training_seeds"]
    if len(found) < expected:
        raise MissingEvidenceError(f"training: {len(found)} of {expected} are known")
    return found


def _name(training: Any) -> str:
    return f"{_adapter(training)}/seed {training['training_seed']}"


def label_source(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    if not _trained(evidence):
        return
    if completeness.plan(evidence)["labels"] == "verifier":
        text = "by its plan the training answers are the verifier's: nothing can have come from the teacher by them"
        yield Finding("run", "fail", text)
        return
    for training in _trainings(evidence):
        rows = training["examples"]
        source = "chance" if evidence.design.arm(training["arm"]).recipe == "random" else "teacher"
        text = f"{rows[f'labelled_by_{source}']} of {rows['rows']} training answers are the {source}'s"
        yield Finding(_name(training), queries.status(rows[f"labelled_by_{source}"] == rows["rows"]), text)
        if "practice" in list(training) and training["practice"]["checked"]:
            yield _supervised(training)
    completeness.require_files(evidence, completeness.examples(evidence))
    for solutions in SOLUTIONS:
        found = _selection(evidence, solutions)
        if found is not None:
            yield found[0]


def _supervised(training: Evidence) -> Finding:
    """That the truth took part in a training, and not only the teacher."""
    found = training["practice"]
    text = (
        f"the verifier judged {found['checked']} of {found['replies']} replies that the student practised and found "
        f"{found['accepted']} right: the training is supervised by the truth"
    )
    return Finding(f"{_name(training)}/practice", "fail", text, "warn")


def selected(evidence: Evidence) -> bool:
    """Whether the solutions that the trained student learned from seem to have been selected for being right."""
    try:
        found = _selection(evidence, SOLUTIONS[0])
    except MissingEvidenceError:
        return False
    return found is not None and found[1]


def _selection(evidence: Evidence, solutions: Solutions) -> tuple[Finding, bool] | None:
    """What the teacher scored where it made training answers, against its own test answers in the same condition.

    And whether it is so far above them that its answers seem selected. None where nothing was trained on them.
    """
    trainings = [each for each in _trainings(evidence) if solutions.made(each["arm"], evidence.design)]
    if not trainings:
        return None
    teacher = evidence.design.named(solutions.role) or "no arm"
    alike = [each for each in trainings if _as_tested(evidence.design, _adapter(each), teacher)]
    rows = (alike or trainings)[0]["examples"]
    if "right" not in list(rows):
        return Finding(solutions.name, "unknown", "how many of them are right is not known", "warn"), False
    told = f"{rows['right']} of {rows['rows']} training answers are right"
    found = list(queries.arms(evidence, ("test",), (teacher,)))
    if not found or not found[0]["outcomes"]["answered"] or not rows["rows"]:
        return Finding(solutions.name, "unknown", f"{told}; {teacher} answered no test problem", "warn"), False
    if not alike:
        text = f"no training has solutions alone that were written as {teacher} answers, by one strategy"
        return Finding(solutions.name, "unknown", text, "warn"), False
    if evidence.design.problem_set("test").windows > 1:
        text = f"{told}; the test drifts from window to window, so its answers are no measure of them"
        return Finding(solutions.name, "unknown", text, "note"), False
    given = found[0]["outcomes"]["answered"]
    apart = independent((rows["right"], rows["rows"]), (found[0]["correct"], given))
    above = apart.low > SELECTED
    text = (
        f"{told}, and {found[0]['correct']} of {given} answers of {teacher} to the test: "
        f"{queries.points(apart._asdict())}{'; they seem selected for being right' if above else ''}"
    )
    return Finding(solutions.name, "fail" if above else "pass", text, "warn"), above


def _as_tested(design: Design, adapter: str, teacher: str) -> bool:
    """Whether an adapter is trained on solutions alone that were written with what a teacher is told in the test."""
    step = design.made.get(("adapter", adapter))
    made = [design.made["solutions", each] for each in step.solutions] if isinstance(step, Train) else []
    written = {each.strategy for each in made if isinstance(each, Demonstrate)}
    return written == {each.strategy for each in design.walk if isinstance(each, Examine) and each.arm == teacher}


def loss_on_prompt(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    if not _trained(evidence):
        return
    for training in _trainings(evidence):
        prompt, empty, cut = (
            training[key] for key in ("supervised_prompt_tokens", "rows_without_loss", "truncated_rows")
        )
        text = (
            f"{prompt} tokens of the prompt carry loss, {empty} rows carry none, {cut} rows are cut; "
            f"{training['supervised_tokens']} tokens of replies carry loss"
        )
        wrong = prompt or empty or not training["supervised_tokens"]
        yield Finding(_name(training), "fail" if wrong or cut else "pass", text, None if wrong else "warn")


def adapter(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    if _trained(evidence):
        yield from _applied(evidence)
    if evidence["source"] == "table":
        return
    for arm in queries.arms(evidence, queries.every(evidence)):
        if not evidence.design.arm(arm["arm"]).recipe and list(arm["adapters_sha256"]):
            yield queries.of_arm(arm, "fail", "an adapter answered, and the arm has none")


def _applied(evidence: Evidence) -> Iterator[Finding]:
    """Whether the adapter of each trained arm is the one that was trained, and changes something."""
    made = {(_adapter(each), each["training_seed"]): each for each in _trainings(evidence)}
    for arm in queries.arms(evidence, names=_trained(evidence)):
        adapters = evidence.design.adapters(arm["arm"], arm["split"])
        trainings = [made[name, arm["training_seed"]] for name in adapters if (name, arm["training_seed"]) in made]
        if len(trainings) < len(adapters):
            yield queries.of_arm(arm, "unknown", "no training of this arm and seed is known")
        elif list(arm["adapters_sha256"]) != _answering(evidence.design, arm, trainings):
            yield queries.of_arm(arm, "fail", "the adapter that answered is not the one that was trained")
        else:
            yield _moving(arm, trainings)


def _adapter(training: Any) -> str:
    """What an adapter is called in the design."""
    return str(training["name"].partition(".")[0] if "name" in list(training) else training["arm"])


def _answering(design: Design, arm: Any, trainings: Sequence[Any]) -> list[str]:
    """The digests of the adapters that an arm should have answered with; of an arm that votes that of all of them."""
    digests = [training["adapter_sha256"] for training in trainings]
    return [files.digest(digests)] if design.voters(arm["arm"]) else sorted(set(digests))


def _moving(arm: Any, trainings: Sequence[Any]) -> Finding:
    """Whether the adapters of an arm change something."""
    moved = [each.maybe("logit_change") for each in trainings]
    if None in moved:
        return _by_replies(arm, trainings[-1].maybe("replies_changed"))
    least = min(map(float, moved))
    if least <= 0:
        return queries.of_arm(arm, "fail", "the adapter changes no logit on the probe prompts")
    which = (
        "the adapter that was trained" if len(trainings) == 1 else f"the {len(trainings)} adapters that were trained"
    )
    moves = "it moves" if len(trainings) == 1 else "each moves"
    return queries.of_arm(arm, "pass", f"{which} answered; {moves} a logit by up to {least:.3g}")


def _by_replies(arm: Evidence, changed: Any) -> Finding:
    """What can be said of an adapter whose logits cannot be seen."""
    seen = "the adapter that was trained answered; logits cannot be seen"
    if changed is None:
        return queries.of_arm(arm, "unknown", f"{seen}, and the base was not measured")
    text = f"{seen}; {changed['changed']} of {changed['n']} replies differ from the base's"
    return queries.of_arm(arm, "pass" if changed["changed"] else "unknown", text)


def underpowered(evidence: Evidence) -> Iterator[Finding]:
    """See ``harness.audit.checks``."""
    if _trained(evidence):
        count = completeness.plan(evidence)["training_seeds"]
        text = f"{count} training seed{'s' if count > 1 else ''}; what a single training gives by luck shows from 3 on"
        yield Finding("run", "fail" if count < FEWEST_SEEDS else "pass", text)
    for contrast in completeness.contrasts(evidence, ("test",)):
        if contrast["family"] and contrast["p_holm"] < SIGNIFICANT:
            yield _relied_on(contrast)
    if _trained(evidence) and completeness.plan(evidence)["training_seeds"] > 1:
        yield from _alike(evidence)


def _alike(evidence: Evidence) -> Iterator[Finding]:
    """Where several trainings of an arm gave the same adapter: then they are fewer draws than they seem."""
    by_arm: dict[str, list[str]] = {}
    for training in _trainings(evidence):
        by_arm.setdefault(_adapter(training), []).append(training["adapter_sha256"])
    for name, digests in by_arm.items():
        count, different = len(digests), len(set(digests))
        if different < count:
            gave = "one adapter: the seed changed nothing" if different == 1 else f"{different} different adapters"
            yield Finding(name, "fail", f"{count} trainings of {name} gave {gave}", "warn")


def _relied_on(contrast: Evidence) -> Finding:
    """Whether a difference is as large as the design finds. Null where it finds none: too few problems differ."""
    size, least = abs(contrast["difference"]["value"]), contrast.maybe("minimum_detectable")
    relied = "they differ on too few to rely on any" if least is None else f"{100 * least:.1f} can be relied on"
    text = f"differ by {100 * size:.1f} points on {contrast['n']} problems; {relied}"
    return Finding(queries.pair(contrast), queries.status(least is not None and size >= least), text, None, "test")


def recompute(evidence: Evidence, mismatches: Sequence[str] | None) -> Iterator[Finding]:
    """See ``harness.audit.checks``.

    ``mismatches``: between the result and what lies beside it, those of class Unchecked for what cannot be known; None
    where it has no rows.
    """
    if evidence["source"] == "table" or mismatches is None:
        yield Finding("run", "unknown", "there are no rows to recompute anything from")
        return
    wrong = [what for what in mismatches if not isinstance(what, Unchecked)]
    unread = [what for what in mismatches if isinstance(what, Unread)]
    missing = [what for what in mismatches if isinstance(what, Unchecked) and what not in unread]
    if wrong:
        yield Finding("run", "fail", _some(wrong))
    if missing:
        yield Finding("run", "unknown", _some(missing))
    if unread:
        yield Finding("run", "unknown", _some(unread), "warn")
    if not mismatches:
        yield Finding("run", "pass", "the result says what the files beside it give")


def _some(mismatches: Sequence[str]) -> str:
    more = f"; and {len(mismatches) - MANY} more" if len(mismatches) > MANY else ""
    return "; ".join(mismatches[:MANY]) + more
