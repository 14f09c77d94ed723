"""Makes docs/prompts.md: every prompt of the shipped task and reflection, from the code that sends it.

python -m tools.prompts_page > docs/prompts.md
"""

from __future__ import annotations

from collections.abc import Sequence

from harness import files
from harness.notes import fenced
from harness.records import Answered, Attempt, Message
from harness_lrl import prompts
from harness_scheduling.options import SchedulingOptions
from harness_scheduling.task import SchedulingTask
from harness_scheduling.verifier import SweepLine

HEAD = """\
# Prompts

Each purpose has its prompt in one place: solving and demonstrating in the task
(`tasks/harness_scheduling/prompts.py`), reflecting and distilling in the reflection
(`plugins/harness_lrl/prompts.py`). Below is what is sent for an example, with the digest of its messages; in a
result, `prompts_sha256` of an arm is the digest over all its problems. Student and teacher get the same words.
This page is made by `python -m tools.prompts_page`, and a test holds it to the code.
"""


def page() -> str:
    """The page as Markdown."""
    task = SchedulingTask(SchedulingOptions(), 0)
    problem = task.problems("reflect", 1)[0]
    truth = SweepLine().truth(problem)
    attempt = Attempt(problem, "Peak: 3\nANSWER: NO", Answered("NO"), truth)
    learned = "(the learned strategy)"
    sections = [
        _section("Solve, without a strategy", task.prompt(problem, None)),
        _section("Solve, with a strategy", task.prompt(problem, learned)),
        _section("Demonstrate", task.demonstration(problem, learned)),
        _section("Reflect", prompts.reflect(task, [attempt], task.seed_strategy, 2000)),
        _section("Distil", prompts.distil(task, problem, ["(a journal entry)"], task.seed_strategy, 4000)),
        f"## The strategy that learning starts from\n\n{fenced(task.seed_strategy)}",
        _rules(task),
    ]
    return "\n\n".join([HEAD.rstrip(), *sections]) + "\n"


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
