"""Makes docs/prompts.md: every prompt of the shipped task and reflection, from the code that sends it, and the rules.

python -m tools.prompts_page > docs/prompts.md
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import Answered, Attempt, Message, Problem
from harness.boundary import files
from harness.design.transfer import TRANSFER
from harness.results.markdown import fenced
from harness_lrl import Options, prompts
from harness_scheduling import prompts as wordings
from harness_scheduling.options import SchedulingOptions
from harness_scheduling.task import SchedulingTask
from harness_scheduling.verifier import SweepLine

HEAD = """\
# Prompts

Each purpose has its prompt in one place: solving and demonstrating in the task
(`tasks/harness_scheduling/prompts.py`), reflecting, distilling and amending in the reflection
(`plugins/harness_lrl/prompts.py`). Below is what is sent for an example, with the digest of its messages; in a
result, `prompts_sha256` of an arm is the digest over all its problems. Student and teacher get the same words, except
with `--preset published`, which has a wording for each stage, as the published experiment had.

A reply states what its line `ANSWER: YES` or `ANSWER: NO` says, in any case and width; spaces, markdown, LaTeX,
brackets and quotation marks around it count as nothing. Two lines that say different things, or a last one that says
neither, state nothing, and neither does what stands in a thought (`<think>` to `</think>`, or to the end of the reply
where it is not closed).

This page is made by `python -m tools.prompts_page`, and a test holds it to the code.
"""
LEARNED = "(the learned strategy)"
ENTRY = "(a journal entry)"


def page() -> str:
    """The page as Markdown."""
    task = SchedulingTask(SchedulingOptions(), 0)
    problem = task.problems("reflect", 1)[0]
    truth = SweepLine().truth(problem)
    attempt = Attempt(problem, "Peak: 3\nANSWER: NO", Answered("NO"), truth, correct=truth.label == "NO")
    options, seed = Options(), task.seed_strategy
    reply, entry = options.max_reply_chars, options.max_entry_chars
    sections = [
        _section("Solve, without a strategy", task.prompt(problem, None)),
        _section("Solve, with a strategy", task.prompt(problem, LEARNED)),
        _section("Demonstrate", task.demonstration(problem, LEARNED)),
        _section("Reflect", prompts.reflect(task, [attempt], seed, reply)),
        _section("Distil", prompts.distil(task, problem, [ENTRY], seed, entry)),
        _section("Reflect on a student's answers", prompts.reflect(task, [attempt], LEARNED, reply, "student")),
        _section("Amend", prompts.distil(task, problem, [ENTRY], LEARNED, entry, prompts.AMEND)),
        f"## The strategy that learning starts from\n\n{fenced(seed)}",
        *_stages(task, problem),
        _rules(task),
    ]
    return "\n\n".join([HEAD.rstrip(), *sections]) + "\n"


def _stages(task: SchedulingTask, problem: Problem) -> list[str]:
    """The wording of each stage that has one of its own, then that of all others."""
    titles = {stage: f"Solve, in `{stage}` of `--preset published`" for stage in wordings.BY_STAGE}
    titles[TRANSFER.treatment] = "Solve, in every other stage of `--preset published`"
    strategies = {stage: LEARNED if TRANSFER.arm(stage).strategy else None for stage in titles}
    return [_section(titles[stage], task.stage_prompt(stage, problem, strategies[stage])) for stage in titles]


def _rules(task: SchedulingTask) -> str:
    lines = [
        "## The rules of the task",
        "",
        "The trivial ones are scored beside every accuracy. The simulated teacher starts with the first that is not",
        "trivial, and learns among all of them; it recognises a rule by its text.",
        "",
        "| rule | trivial | text |",
        "|---|---|---|",
    ]
    for rule in task.rules:
        lines.append(f"| `{rule.name}` | {'yes' if rule.trivial else 'no'} | {rule.text} |")
    return "\n".join(lines)


def _section(title: str, messages: Sequence[Message]) -> str:
    shown = "\n\n".join(f"{message.role}:\n\n{fenced(message.text)}" for message in messages)
    return f"## {title}\n\nsha256 `{files.digest(messages)}`\n\n{shown}"


if __name__ == "__main__":
    print(page(), end="")
