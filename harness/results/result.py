"""From what was measured to result.json and the files beside it. No clock, host or path gets in: see run_meta.json."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api import Completion, Problem, Task, Truth, Verifier
from harness.boundary import filenames, files, schemas
from harness.design import skills
from harness.design.arms import by_name
from harness.design.plan import Plan
from harness.design.rules import constant
from harness.experiment import examples
from harness.experiment.data import ExperimentData, Training
from harness.experiment.judging import Item
from harness.measures import accounts, contrasts, problem_sets, scores
from harness.measures.problems import quotations, shortcuts
from harness.measures.rows import Row
from harness.preflight.components import Components
from harness.results import markdown

SCHEMA = "urn:transfer-harness:schema:result:1.0"


def write(
    run_dir: Path,
    plan: Plan,
    components: Components,
    data: ExperimentData,
    sources: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Writes everything that a finished run leaves, result.json last. Returns the result.

    ``sources``: the digest of each plugin's source, by kind, as the run has recorded it.
    """
    problems, items, texts = rows_and_texts(plan, components, data)
    ruled = shortcuts.ruled(problems, components.task.labels)
    result = {
        **told(plan, components, data, problems, texts, sources),
        "problems": problem_sets.problem_sets(ruled),
        "overlaps": problem_sets.overlaps(problems),
        "quoted": problem_sets.quoted(problems, [*(texts[name] for name in problem_sets.WRITTEN), plan.strategy or ""]),
        "arms": scores.arms(items, ruled, components.task.labels),
        "contrasts": contrasts.contrasts(items, plan.margin),
        "transfer": contrasts.transfer(items),
    }
    schemas.require("result", result)

    (run_dir / "examples").mkdir(exist_ok=True)
    for name, text in texts.items():
        files.write(run_dir / name, text)
    files.write(run_dir / filenames.RESULT, files.pretty(result))
    return result


def rows_and_texts(
    plan: Plan, components: Components, data: ExperimentData
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, str]]:
    """The rows of the problems and of the items, and the text of every file beside the result by its name."""
    problems = problem_rows(components.task, components.verifier, data.problems, data.truths)
    items = [item_row(components, item) for item in data.items]
    texts = {
        filenames.PROBLEMS: files.lines(problems),
        filenames.ITEMS: files.lines(items),
        filenames.THOUGHTS: files.lines(thought_rows(data)),
        filenames.JOURNAL_MD: markdown.journal_text(plan, data),
        filenames.STRATEGY_MD: markdown.strategy_text(plan, data),
        filenames.EVOLUTION_MD: markdown.evolution_text(plan, data),
    }
    if data.learned is not None:
        texts[filenames.STRATEGY_TXT] = data.learned.rstrip() + "\n"
    for training in data.trainings:
        texts[filenames.examples(training.name)] = files.lines(training.examples)
    return problems, items, texts


def told(
    plan: Plan,
    components: Components,
    data: ExperimentData,
    problems: Sequence[Row],
    texts: Mapping[str, str],
    sources: Mapping[str, str | None] | None,
) -> dict[str, Any]:
    """What a result says that does not follow from its rows: a pure function of plan and journal."""
    provenance = {} if sources is None else {"sources": dict(sources)}
    return {
        "schema": SCHEMA,
        "harness": plan.harness,
        "simulated": list(plan.simulated),
        "plan": files.plain(plan),
        "plan_sha256": plan.sha256,
        **provenance,
        "identities": _identities(components, data),
        "labels": None if components.task.labels is None else list(components.task.labels),
        "source": "run",
        "learning": _learning(data),
        "training": [_training(training, components.verifier, data, problems) for training in data.trainings],
        "teacher_calls": _accounts(components, data),
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(texts.items())},
    }


def _identities(components: Components, data: ExperimentData) -> dict[str, Any]:
    """Who was asked, and who trained; null for a part that had nothing to do."""
    asked = any(by_name(item.arm).answers == "student" for item in data.items)
    return {
        "teacher": files.plain(components.teacher.identity) if data.calls else None,
        "student": files.plain(components.student.identity) if asked else None,
        "trainer": files.plain(components.trainer.settings) if data.trainings else None,
    }


def _learning(data: ExperimentData) -> dict[str, Any]:
    """How the teacher's strategy came to be, without what it wrote on the way: see journal.md."""
    return {
        "entries": [
            {"batch": entry.batch, "strategy": entry.strategy, "correct": entry.correct, "n": entry.n}
            for entry in data.entries
        ],
        "strategies": [
            {
                "id": strategy.id,
                "parent": strategy.parent,
                "after_batch": strategy.after_batch,
                "correct": strategy.correct,
                "n": strategy.n,
                "text": strategy.text,
            }
            for strategy in data.strategies
        ],
        "learned": data.learned,
    }


def _training(training: Training, verifier: Verifier, data: ExperimentData, problems: Sequence[Row]) -> dict[str, Any]:
    """How an adapter was made, and that it does something."""
    by_id = {problem.id: problem for problem in data.problems["train"]}
    labelled = [(by_id[row.problem_id], row.label) for row in training.examples if row.label is not None]
    right = sum(bool(verifier.check(problem, label)) for problem, label in labelled)
    return {
        "arm": training.arm,
        "training_seed": training.seed,
        "examples": {**examples.summary(training.examples, training.offered), "right": right},
        "quoted": quotations.quotations(files.plain(training.examples), problems),
        **accounts.trained(files.plain(training.report), training.logit_change),
        "adapter_sha256": training.adapter.sha256,
    }


def problem_rows(
    task: Task, verifier: Verifier, problems: Mapping[str, Sequence[Problem]], truths: Mapping[str, Truth]
) -> list[dict[str, Any]]:
    """The rows of problems.jsonl: each problem with its truth and every trivial rule's answer.

    ``problems`` by split, ``truths`` by problem id. The student's own skills have neither text nor rules.
    """
    return [
        {
            "id": problem.id,
            "split": problem.split,
            "stratum": problem.stratum,
            "data": problem.data,
            "text": problem.canonical if split == skills.SPLIT else _text(task, problem),
            "canonical": problem.canonical,
            "truth": truths[problem.id].label,
            "witness": truths[problem.id].witness,
            "reason": truths[problem.id].reason,
            "trivial": {} if split == skills.SPLIT else _trivial(task, verifier, problem, truths[problem.id].label),
        }
        for split in sorted(problems)
        for problem in problems[split]
    ]


def _text(task: Task, problem: Problem) -> str:
    """The problem in words, without the instructions around it."""
    return "\n".join(message.text for message in task.prompt(problem, None) if message.role == "user")


def _trivial(task: Task, verifier: Verifier, problem: Problem, truth: str) -> dict[str, dict[str, Any]]:
    """What each trivial rule answers. A closed task has its constants among them, and nothing else by their names."""
    answers = {rule.name: rule.work(problem).label for rule in task.rules if rule.trivial}
    judged = {label: bool(verifier.check(problem, label)) for label in set(answers.values())}
    found = {name: {"label": label, "correct": judged[label]} for name, label in answers.items()}
    labels = task.labels or ()
    constants = {constant(label): {"label": label, "correct": label == truth} for label in labels}
    return {name: constants.get(name, answer) for name, answer in (constants | found).items()}


def item_row(components: Components, item: Item) -> dict[str, Any]:
    """A row of items.jsonl. The raw reply is in thoughts.jsonl; here is its digest."""
    by_teacher = by_name(item.arm).answers == "teacher"
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


def thought_rows(data: ExperimentData) -> list[dict[str, Any]]:
    """The rows of thoughts.jsonl: raw model text, untrusted."""
    answers = [
        {
            "arm": item.arm,
            "training_seed": item.adapter.seed if item.adapter else None,
            "problem": item.problem.id,
            "text": item.completion.text,
        }
        for item in data.items
    ]
    demonstrations = [
        {
            "arm": f"demonstrations/{name}",
            "training_seed": None,
            "problem": demonstration.problem.id,
            "text": demonstration.reply,
        }
        for name, made in data.demonstrations.items()
        for demonstration in made
    ]
    return answers + demonstrations


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
