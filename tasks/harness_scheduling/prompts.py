"""The words of the task: how a problem is put to a student and to a teacher, and the shortest reply.

Reading a reply is in ``parsing``.
"""

from __future__ import annotations

from harness.api import Message, Problem
from harness_scheduling.domain import read, shown

INSTRUCTIONS = (
    "Meetings need rooms. A room holds one meeting at a time. A meeting that ends at an hour leaves its room free for "
    "a meeting that starts at that hour. Decide whether all meetings fit into the rooms. Write your steps, then end "
    "with one line, ANSWER: YES or ANSWER: NO"
)
DEMONSTRATION = (
    "Meetings need rooms. A room holds one meeting at a time. A meeting that ends at an hour leaves its room free for "
    "a meeting that starts at that hour. Write a worked solution from which a student can learn to decide whether all "
    "meetings fit into the rooms. Follow the strategy if there is one. Put each step on a short line of its own, show "
    "the values that the step gives, and write nothing else. End with one line, ANSWER: YES or ANSWER: NO"
)
BY_STAGE = {
    "student-base": "Can all meetings be held in the rooms? End with one line, ANSWER: YES or ANSWER: NO",
    "teacher-base": (
        "You plan meetings. Decide whether the rooms are enough for all of them. Think it through, then end with one "
        "line, ANSWER: YES or ANSWER: NO"
    ),
    "bootstrap": (
        "You are learning to plan meetings. Use the strategy so far, explain what you do, then end with one line, "
        "ANSWER: YES or ANSWER: NO"
    ),
    "teacher-strategy": (
        "You have learned a strategy for planning meetings. Apply it, then end with one line, ANSWER: YES or ANSWER: NO"
    ),
}
"""A wording for each stage that stands for the published ones, which are not known word for word."""
OTHER_STAGE = "Solve the problem with what you have learned. End with one line, ANSWER: YES or ANSWER: NO"
SEED_STRATEGY = "Look at the meetings and the rooms, and decide with care."


def prompt(problem: Problem, strategy: str | None) -> tuple[Message, ...]:
    """The messages that ask for an answer."""
    return _messages(INSTRUCTIONS, problem, strategy)


def stage_prompt(stage: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
    """The messages that ask for an answer in the words of a stage."""
    return _messages(BY_STAGE.get(stage, OTHER_STAGE), problem, strategy)


def demonstration(problem: Problem, strategy: str | None) -> tuple[Message, ...]:
    """The messages that ask a teacher for a worked solution."""
    return _messages(DEMONSTRATION, problem, strategy)


def reply(label: str) -> str:
    """The shortest reply that states a label."""
    return f"ANSWER: {label}"


def _messages(instructions: str, problem: Problem, strategy: str | None) -> tuple[Message, ...]:
    starts, ends, rooms = read(problem.data)
    system = instructions if strategy is None else f"{instructions}\n\nStrategy:\n{strategy}"
    listed = " ".join(shown(zip(starts, ends, strict=True)))
    return Message("system", system), Message("user", f"Meetings: {listed}\nRooms: {rooms}")
