from __future__ import annotations

from pathlib import Path

from tools.prompts_page import page


def test_the_page_of_prompts_shows_what_the_code_sends() -> None:
    assert (Path(__file__).parents[2] / "docs" / "prompts.md").read_text() == page(), (
        "docs/prompts.md is out of date: python -m tools.prompts_page > docs/prompts.md"
    )
