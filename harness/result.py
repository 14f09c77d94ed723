"""From findings to result.json and the files beside it. No clock, host or path gets in here: see run_meta.json."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import files, lessons, measures, notes, schemas, skills
from harness.arms import by_name
from harness.crew import Crew
from harness.evaluate import Item
from harness.experiment import Findings
from harness.plan import Plan
from harness.records import Problem, Usage

SCHEMA = "urn:transfer-harness:schema:result:1.0"


def write(run_dir: Path, plan: Plan, crew: Crew, findings: Findings) -> dict[str, Any]:
    """Writes everything that a finished run leaves, result.json last. Returns the result."""
    problems = problem_rows(crew, findings)
    items = [item_row(crew, item) for item in findings.items]
    texts = {
        "problems.jsonl": files.lines(problems),
        "items.jsonl": files.lines(items),
        "thoughts.jsonl": files.lines(thought_rows(findings)),
        "journal.md": notes.journal_text(plan, findings),
        "strategy.md": notes.strategy_text(plan, findings),
        "strategy-evolution.md": notes.evolution_text(plan, findings),
    }
    if findings.learned is not None:
        texts["strategy.txt"] = findings.learned.rstrip() + "\n"
    for training in findings.trainings:
        texts[f"examples/{training.arm}.jsonl"] = files.lines(training.examples)
    result = build(plan, crew, findings, problems, items, texts)
    schemas.require("result", result)

    (run_dir / "examples").mkdir(exist_ok=True)
    for name, text in texts.items():
        files.write(run_dir / name, text)
    files.write(run_dir / "result.json", files.pretty(result))
    return result


def build(
    plan: Plan,
    crew: Crew,
    findings: Findings,
    problems: Sequence[measures.Row],
    items: Sequence[measures.Row],
    texts: Mapping[str, str],
) -> dict[str, Any]:
    """The result as plain data: a pure function of plan and journal."""
    return {
        "schema": SCHEMA,
        "harness": plan.harness,
        "simulated": list(plan.simulated),
        "plan": files.plain(plan),
        "plan_sha256": plan.sha256,
        "identities": {
            "teacher": files.plain(crew.teacher.identity) if findings.calls else None,
            "student": files.plain(crew.student.identity)
            if any(by_name(item.arm).answers == "student" for item in findings.items)
            else None,
            "trainer": files.plain(crew.trainer.settings) if findings.trainings else None,
        },
        "labels": None if crew.task.labels is None else list(crew.task.labels),
        "problems": measures.problem_sets(problems),
        "arms": measures.arms(items, problems),
        "contrasts": measures.contrasts(items),
        "learning": {
            "entries": [
                {"batch": entry.batch, "strategy": entry.strategy, "correct": entry.correct, "n": entry.n}
                for entry in findings.entries
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
                for strategy in findings.strategies
            ],
            "learned": findings.learned,
        },
        "training": [
            {
                "arm": training.arm,
                "examples": lessons.summary(training.examples, training.offered),
                "steps": training.report.steps,
                "losses": [round(loss, 6) for loss in training.report.losses],
                "supervised_tokens": training.report.supervised_tokens,
                "prompt_tokens": training.report.prompt_tokens,
                "truncated_rows": training.report.truncated_rows,
                "adapter_sha256": training.adapter.sha256,
                "logit_change": round(training.logit_change, 6),
            }
            for training in findings.trainings
        ],
        "teacher_calls": _accounts(crew, findings),
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(texts.items())},
    }


def problem_rows(crew: Crew, findings: Findings) -> list[dict[str, Any]]:
    """The rows of problems.jsonl: each problem with its truth and every trivial rule's answer."""
    return [
        {
            "id": problem.id,
            "split": problem.split,
            "stratum": problem.stratum,
            "data": problem.data,
            "canonical": problem.canonical,
            "truth": findings.truths[problem.id].label,
            "witness": findings.truths[problem.id].witness,
            "reason": findings.truths[problem.id].reason,
            "trivial": _trivial(crew, problem) if split != skills.SPLIT else {},
        }
        for split in sorted(findings.problems)
        for problem in findings.problems[split]
    ]


def _trivial(crew: Crew, problem: Problem) -> dict[str, dict[str, Any]]:
    answers = {rule.name: rule.work(problem).label for rule in crew.task.rules if rule.trivial}
    return {name: {"label": label, "correct": crew.verifier.check(problem, label)} for name, label in answers.items()}


def item_row(crew: Crew, item: Item) -> dict[str, Any]:
    """A row of items.jsonl. The raw reply is in thoughts.jsonl; here is its digest."""
    by_teacher = by_name(item.arm).answers == "teacher"
    return {
        "arm": item.arm,
        "split": item.problem.split,
        "problem": item.problem.id,
        "stratum": item.problem.stratum,
        "truth": item.truth.label,
        "outcome": files.plain(item.outcome),
        "correct": item.correct,
        "steps": files.plain(item.steps) if item.steps else None,
        "model": item.completion.model,
        "usage": files.plain(item.completion.usage),
        "cost_usd": crew.teacher.cost(item.completion.usage) if by_teacher else None,
        "prompt_sha256": item.prompt_sha256,
        "text_sha256": hashlib.sha256(item.completion.text.encode()).hexdigest(),
    }


def thought_rows(findings: Findings) -> list[dict[str, Any]]:
    """The rows of thoughts.jsonl: raw model text, untrusted."""
    answers = [{"arm": item.arm, "problem": item.problem.id, "text": item.completion.text} for item in findings.items]
    demonstrations = [
        {"arm": f"demonstrations/{name}", "problem": demonstration.problem.id, "text": demonstration.reply}
        for name, made in findings.demonstrations.items()
        for demonstration in made
    ]
    return answers + demonstrations


def _accounts(crew: Crew, findings: Findings) -> list[dict[str, Any]]:
    """Teacher calls by stage and purpose, with tokens and cost."""
    groups: dict[tuple[str, str], list[Usage]] = {}
    for call in findings.calls:
        groups.setdefault((call.stage, call.purpose), []).append(call.completion.usage)
    return [
        {
            "stage": stage,
            "purpose": purpose,
            "calls": len(usages),
            **{name: sum(getattr(usage, name) for usage in usages) for name in measures.TOKENS},
            "cost_usd": _total(crew.teacher.cost(usage) for usage in usages),
        }
        for (stage, purpose), usages in groups.items()
    ]


def _total(costs: Iterable[float | None]) -> float | None:
    """The sum in USD, or None where one of them is unknown."""
    known = list(costs)
    return None if None in known else round(sum(cost or 0.0 for cost in known), 6)
