"""From what was measured to result.json and the files beside it. No clock, host or path gets in: see run_meta.json."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from harness.api import Answered, Completion, Demonstrate, Problem, Task, Train, Truth, Verifier
from harness.boundary import filenames, files, schemas
from harness.design import skills
from harness.design.designs import trained_name
from harness.design.plan import Plan
from harness.design.rules import constant
from harness.experiment.data import ExperimentData, Lesson, Training
from harness.experiment.judging import Item
from harness.experiment.training import examples
from harness.experiment.training.examples import Demonstration
from harness.measures import accounts, contrasts, problem_sets, scores
from harness.measures.kept import Kept
from harness.measures.problems import quotations, shortcuts
from harness.preflight.components import Components
from harness.results import markdown

SCHEMA = "urn:transfer-harness:schema:result:2.0"


def write(
    run_dir: Path,
    plan: Plan,
    components: Components,
    data: ExperimentData,
    sources: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Writes everything that a finished run leaves, result.json last. Returns the result.

    What ``data`` holds of single problems is dropped once it is written. ``sources``: the digest of each plugin's
    source, by kind, as the run has recorded it.
    """
    rows = Kept()
    (run_dir / filenames.EXAMPLES).mkdir(exist_ok=True)
    texts = pieces(plan, components, data, rows)
    digests = {name: files.write(run_dir / name, text) for name, text in texts.items()}
    written = [*(text for name, text in texts.items() if name in problem_sets.WRITTEN), plan.strategy or ""]
    facts = told(plan, components, data, rows, sources)
    data.drop_rows()
    ruled = shortcuts.ruled(rows.problems, components.task.labels)
    result = {
        **facts,
        "files": dict(sorted(digests.items())),
        "problems": problem_sets.problem_sets(ruled),
        "overlaps": problem_sets.overlaps(rows.problems),
        "quoted": problem_sets.quoted(rows.problems, map(str, written)),
        "arms": scores.arms(rows.items, ruled, components.task.labels, plan.design),
        "contrasts": contrasts.contrasts(rows.items, plan.design, plan.margin),
        "transfer": contrasts.transfer(rows.items, plan.design),
        "votes": contrasts.votes(rows.items, plan.design),
    }
    schemas.require("result", result)
    files.write(run_dir / filenames.RESULT, files.pretty(result))
    return result


def pieces(
    plan: Plan, components: Components, data: ExperimentData, rows: Kept | None
) -> dict[str, str | Iterable[str]]:
    """The text of every file beside the result by its name, whole or line by line.

    The rows of problems and items are kept in ``rows``, if they are given, when their lines are taken.
    """
    problems = problem_rows(components.task, components.verifier, data.problems, data.truths)
    by_teacher = {arm.name for arm in plan.arms if arm.answers == "teacher"}
    items = (item_row(components, item, item.arm in by_teacher) for item in data.items)
    texts: dict[str, str | Iterable[str]] = {
        filenames.PROBLEMS: map(files.line, problems if rows is None else map(rows.problem, problems)),
        filenames.ITEMS: map(files.line, items if rows is None else map(rows.item, items)),
        filenames.THOUGHTS: map(files.line, thought_rows(data)),
        filenames.JOURNAL_MD: markdown.journal_text(plan, data),
        filenames.STRATEGY_MD: markdown.strategy_text(plan, data),
        filenames.EVOLUTION_MD: markdown.evolution_text(plan, data),
    }
    if data.learned is not None:
        texts[filenames.STRATEGY_TXT] = data.learned.rstrip() + "\n"
    for training in data.trainings:
        texts[filenames.examples(training.name)] = map(files.line, training.examples)
    return texts


def told(
    plan: Plan,
    components: Components,
    data: ExperimentData,
    rows: Kept,
    sources: Mapping[str, str | None] | None,
) -> dict[str, Any]:
    """What a result says that follows not from its rows or its files alone: a pure function of plan and journal.

    ``rows`` hold what was kept of problems and items where anything was trained.
    """
    provenance = {} if sources is None else {"sources": dict(sources)}
    search = quotations.Search(rows.problems if data.trainings else ())
    return {
        "schema": SCHEMA,
        "harness": plan.harness,
        "simulated": list(plan.simulated),
        "plan": files.plain(plan),
        "plan_sha256": plan.sha256,
        **provenance,
        "identities": _identities(plan, components, data),
        "labels": None if components.task.labels is None else list(components.task.labels),
        "source": "run",
        "learning": _learning(data),
        "solutions": list(_solutions(plan, data)),
        "agreement": list(_agreement(plan, data)),
        "training": [
            {
                **_training(training, components.verifier, data, search),
                "replies_changed": accounts.replies_changed(rows.items, plan.design, training.arm, training.seed),
            }
            for training in data.trainings
        ],
        "teacher_calls": _accounts(components, data),
    }


def _identities(plan: Plan, components: Components, data: ExperimentData) -> dict[str, Any]:
    """Who was asked, and who trained; null for a part that had nothing to do."""
    asked = any(plan.design.arm(item.arm).answers == "student" for item in data.items)
    return {
        "teacher": files.plain(components.teacher.identity) if data.calls else None,
        "student": files.plain(components.student.identity) if asked else None,
        "trainer": files.plain(components.trainer.settings) if data.trainings else None,
    }


def _learning(data: ExperimentData) -> dict[str, Any]:
    """How the teacher's strategies came to be, without what it wrote on the way: see journal.md."""
    return {
        "entries": [
            {
                **_of(lesson),
                "batch": entry.batch,
                "strategy": entry.strategy,
                "correct": entry.correct,
                "n": entry.n,
            }
            for lesson in data.lessons
            for entry in lesson.entries
        ],
        "strategies": [
            {
                **_of(lesson),
                "id": strategy.id,
                "parent": strategy.parent,
                "after_batch": strategy.after_batch,
                "correct": strategy.correct,
                "n": strategy.n,
                "text": strategy.text,
            }
            for lesson in data.lessons
            for strategy in lesson.strategies
        ],
        "lessons": [{**_of(lesson), "id": lesson.learned_as, "text": lesson.learned} for lesson in data.lessons],
        "learned": data.learned,
    }


def _of(lesson: Lesson) -> dict[str, Any]:
    return {"lesson": lesson.strategy, "training_seed": lesson.seed}


def _solutions(plan: Plan, data: ExperimentData) -> Iterator[dict[str, Any]]:
    """Which worked solutions there are, and how many of them state an answer."""
    for step, seed, made in _demonstrated(plan, data):
        yield {
            "solutions": step.solutions,
            "training_seed": seed,
            "split": step.problems,
            "lesson": step.strategy,
            "n": len(made),
            "answered": sum(isinstance(each.outcome, Answered) for each in made),
        }


def _demonstrated(
    plan: Plan, data: ExperimentData
) -> Iterator[tuple[Demonstrate, int | None, Sequence[Demonstration]]]:
    for step in plan.steps:
        if isinstance(step, Demonstrate):
            for seed in plan.seeds if plan.design.by_seed(step) else (None,):
                name = step.solutions if seed is None else trained_name(step.solutions, seed, plan.seeds[0])
                yield step, seed, data.demonstrations[name]


def _agreement(plan: Plan, data: ExperimentData) -> Iterator[dict[str, Any]]:
    """How often the strategies of a mixture lead the teacher to the same answer."""
    made: dict[str, list[Demonstration]] = {}
    for step, _, solutions in _demonstrated(plan, data):
        made.setdefault(step.solutions, []).extend(solutions)
    mixed = dict.fromkeys(step.solutions for step in plan.steps if isinstance(step, Train) and step.in_turn)
    for first, second in (pair for names in mixed for pair in combinations(names, 2)):
        labels = [
            (one.outcome.label, other.outcome.label)
            for one, other in zip(made[first], made[second], strict=True)
            if isinstance(one.outcome, Answered) and isinstance(other.outcome, Answered)
        ]
        alike = sum(one == other for one, other in labels)
        yield {"first": first, "second": second, "n": len(labels), "alike": alike}


def _training(
    training: Training, verifier: Verifier, data: ExperimentData, search: quotations.Search
) -> dict[str, Any]:
    """How an adapter was made, and that it does something."""
    by_id = {problem.id: problem for problems in data.problems.values() for problem in problems}
    labelled = [(by_id[row.problem_id], row.label) for row in training.examples if row.label is not None]
    right = sum(bool(verifier.check(problem, label)) for problem, label in labelled)
    return {
        "name": training.name,
        "arm": training.arm,
        "training_seed": training.seed,
        "examples": {**examples.summary(training.examples, training.offered), "right": right},
        "quoted": search.quotations(files.plain(training.examples)),
        **accounts.trained(files.plain(training.report), training.logit_change),
        "adapter_sha256": training.adapter.sha256,
    }


def problem_rows(
    task: Task, verifier: Verifier, problems: Mapping[str, Sequence[Problem]], truths: Mapping[str, Truth]
) -> Iterator[dict[str, Any]]:
    """The rows of problems.jsonl: each problem with its truth and every trivial rule's answer.

    ``problems`` by split, ``truths`` by problem id. The student's own skills have neither text nor rules.
    """
    rules = _Rules(task, verifier)
    for split in sorted(problems):
        for problem in problems[split]:
            truth, own = truths[problem.id], split == skills.SPLIT
            yield {
                "id": problem.id,
                "split": problem.split,
                "stratum": problem.stratum,
                "data": problem.data,
                "text": problem.canonical if own else _text(task, problem),
                "canonical": problem.canonical,
                "truth": truth.label,
                "witness": truth.witness,
                "reason": truth.reason,
                "trivial": {} if own else rules.answers(problem, truth.label),
            }


def _text(task: Task, problem: Problem) -> str:
    """The problem in words, without the instructions around it."""
    return "\n".join(message.text for message in task.prompt(problem, None) if message.role == "user")


class _Rules:
    """The trivial rules of a task. A closed task has its constants among them, and nothing else by their names."""

    def __init__(self, task: Task, verifier: Verifier) -> None:
        self._rules = [(rule.name, rule.work) for rule in task.rules if rule.trivial]
        self._constants = {constant(label): label for label in task.labels or ()}
        self._verifier = verifier

    def answers(self, problem: Problem, truth: str) -> dict[str, dict[str, Any]]:
        """What each rule answers."""
        constants = {name: {"label": label, "correct": label == truth} for name, label in self._constants.items()}
        answers = {name: work(problem).label for name, work in self._rules}
        judged = {label: bool(self._verifier.check(problem, label)) for label in set(answers.values())}
        found = {name: {"label": label, "correct": judged[label]} for name, label in answers.items()}
        return constants | {name: answer for name, answer in found.items() if name not in constants}


def item_row(components: Components, item: Item, by_teacher: bool) -> dict[str, Any]:
    """A row of items.jsonl. The raw reply is in thoughts.jsonl; here is its digest. ``by_teacher``: who answered."""
    return {
        "arm": item.arm,
        "split": item.problem.split,
        "training_seed": item.adapter.seed if item.adapter else None,
        "problem": item.problem.id,
        "stratum": item.problem.stratum,
        "truth": item.truth.label,
        "outcome": files.plain(item.outcome),
        "correct": item.correct,
        "steps": files.plain(item.steps) if item.steps else None,
        "model": item.completion.model,
        "usage": files.plain(item.completion.usage),
        "cost_usd": components.teacher.cost(item.completion.usage) if by_teacher else None,
        "adapter_sha256": item.adapter.sha256 if item.adapter else None,
        "prompt_sha256": item.prompt_sha256,
        "wording_sha256": item.wording_sha256,
        "text_sha256": hashlib.sha256(item.completion.text.encode()).hexdigest(),
    }


def thought_rows(data: ExperimentData) -> Iterator[dict[str, Any]]:
    """The rows of thoughts.jsonl: raw model text, untrusted."""
    for item in data.items:
        seed = item.adapter.seed if item.adapter else None
        yield _thought(item.arm, seed, item.problem, item.completion.text)
    for name, made in data.demonstrations.items():
        for demonstration in made:
            yield _thought(f"demonstrations/{name}", None, demonstration.problem, demonstration.reply)


def _thought(arm: str, seed: int | None, problem: Problem, text: str) -> dict[str, Any]:
    return {"arm": arm, "training_seed": seed, "problem": problem.id, "text": text}


def unread_rows(completions: Sequence[Completion]) -> list[dict[str, Any]]:
    """The rows of thoughts.jsonl of a run that ended with replies that nobody could read."""
    return [{"key": completion.key, "stop": completion.stop, "text": completion.text} for completion in completions]


def _accounts(components: Components, data: ExperimentData) -> list[dict[str, Any]]:
    """Teacher calls by stage and purpose, with tokens and cost."""
    groups: dict[tuple[str, str], list[Completion]] = {}
    for call in data.calls:
        groups.setdefault((call.stage, call.purpose), []).append(call.completion)
    return [
        {
            "stage": stage,
            "purpose": purpose,
            **accounts.account(
                [files.plain(each.usage) for each in made],
                [components.teacher.cost(each.usage) for each in made],
                sum(each.stop == "error" for each in made),
            ),
        }
        for (stage, purpose), made in groups.items()
    ]
