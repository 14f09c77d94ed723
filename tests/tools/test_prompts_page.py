from __future__ import annotations

from pathlib import Path

from harness_scheduling import prompts
from tools.prompts_page import page


def test_the_page_of_prompts_shows_what_the_code_sends() -> None:
    assert (Path(__file__).parents[2] / "docs" / "prompts.md").read_text() == page(), (
        "docs/prompts.md is out of date: python -m tools.prompts_page > docs/prompts.md"
    )


def test_no_wording_of_the_task_is_missing() -> None:
    wordings = [prompts.INSTRUCTIONS, prompts.DEMONSTRATION, *prompts.BY_STAGE.values(), prompts.OTHER_STAGE]
    assert [wording for wording in wordings if wording not in page()] == []
