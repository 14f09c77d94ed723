"""The readable files of a run: what the teacher wrote, as Markdown. Model text is fenced and never interpreted.

Nothing in them acts on a terminal; the replies to the letter are in thoughts.jsonl and in the journal.
"""

from __future__ import annotations

from harness.boundary.text import harmless
from harness.design.plan import Plan
from harness.experiment.data import ExperimentData, Lesson

UNCHANGED = "Nothing went wrong, so it is the strategy before."


def journal_text(plan: Plan, data: ExperimentData) -> str:
    """journal.md: one section per reflection."""
    sections = [
        f"## {_of(data, lesson)}Batch {entry.batch}: {entry.correct} of {entry.n} right with strategy {entry.strategy}"
        f"\n\n{fenced(entry.text)}"
        for lesson in data.lessons
        for entry in lesson.entries
    ]
    return _page(plan, "Journal", sections or ["The teacher wrote no reflections in this run."])


def strategy_text(plan: Plan, data: ExperimentData) -> str:
    """strategy.md: the strategies that the later stages used."""
    if not data.lessons:
        return _page(plan, "Strategy", ["No strategy was learned or given in this run."])
    sections = []
    for lesson in data.lessons:
        source = f"Learned in this run as {lesson.learned_as}; see strategy-evolution.md."
        if lesson.learned_as is None:
            given = lesson.strategy == plan.design.strategy
            source = "Given by --strategy-file; this run did not write it." if given else UNCHANGED
        sections += [*([f"## {_named(lesson)}"] if len(data.lessons) > 1 else []), source, fenced(lesson.learned)]
    return _page(plan, "Strategy", sections, made=plan.strategy is None)


def evolution_text(plan: Plan, data: ExperimentData) -> str:
    """strategy-evolution.md: every strategy with its descent."""
    sections = []
    for lesson in data.lessons:
        for strategy in lesson.strategies:
            descent = f"after batch {strategy.after_batch}, from {strategy.parent}" if strategy.parent else "the seed"
            score = f"\n\nIts parent got {strategy.correct} of {strategy.n} right.\n" if strategy.parent else "\n"
            sections.append(f"## {_of(data, lesson)}{strategy.id}: {descent}{score}\n{fenced(strategy.text)}")
    return _page(plan, "Strategy evolution", sections or ["The teacher learned no strategy in this run."])


def _of(data: ExperimentData, lesson: Lesson) -> str:
    """Which of several lessons a section is of."""
    return f"{_named(lesson)}: " if len(data.lessons) > 1 else ""


def _named(lesson: Lesson) -> str:
    return lesson.strategy if lesson.seed is None else f"{lesson.strategy}, seed {lesson.seed}"


def fenced(text: str) -> str:
    """Text as a Markdown code block, under a fence that it cannot close."""
    text = harmless(text)  # first, since what it drops can stand between the characters of a fence
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _page(plan: Plan, title: str, sections: list[str], made: bool = True) -> str:
    warning = [f"**Simulated: {', '.join(plan.simulated)}.**"]
    if made and plan.plugins["teacher"].simulated:
        warning[0] += " Nothing here was written by a real model."
    return harmless("\n\n".join([f"# {title}", *(warning if plan.simulated else []), *sections]) + "\n")
