"""The words of the task, which students are trained on and must not change unnoticed."""

from __future__ import annotations

from harness_scheduling.domain import Scheduling, problem
from harness_scheduling.parsing import parse
from harness_scheduling.prompts import SEED_STRATEGY, demonstration, prompt

PROBLEM = problem("test", 0, "EASY", Scheduling([9, 10, 13], [11, 12, 14], 2))
SYSTEM = (
    "Meetings need rooms. A room holds one meeting at a time. A meeting that ends at an hour leaves its room free for "
    "a meeting that starts at that hour. Decide whether all meetings fit into the rooms. Write your steps, then end "
    "with one line, ANSWER: YES or ANSWER: NO"
)
USER = "Meetings: 9-11 10-12 13-14\nRooms: 2"


def test_prompt_without_strategy_is_the_agreed_text() -> None:
    system, user = prompt(PROBLEM, None)
    assert (system.role, system.text) == ("system", SYSTEM)
    assert (user.role, user.text) == ("user", USER)


def test_a_strategy_continues_the_system_message() -> None:
    for ask in (prompt, demonstration):
        without, _ = ask(PROBLEM, None)
        system, user = ask(PROBLEM, "Count.")
        assert system.text == without.text + "\n\nStrategy:\nCount."
        assert user.text == USER


def test_a_demonstration_asks_for_more_than_an_answer() -> None:
    system, _ = demonstration(PROBLEM, None)
    assert system.text != SYSTEM
    assert "worked solution" in system.text
    assert system.text.endswith("ANSWER: YES or ANSWER: NO")


def test_instructions_and_seed_strategy_state_no_answer() -> None:
    for text in (SYSTEM, demonstration(PROBLEM, None)[0].text, SEED_STRATEGY):
        assert parse(text) is None
    for word in ("peak", "sort", "count", "overlap", "touch", "start", "end"):
        assert word not in SEED_STRATEGY.casefold()
