"""The pages of ``docs/`` that are written by hand: where they lead, and whether those of the designs are whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import DesignSpec
from harness.registry import plugins

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
DESIGNS = ("transfer", "cycles", "ensemble", "stream")


def _anchor(heading: str) -> str:
    """What GitHub calls a heading in a link."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _broken(page: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        found = map(_anchor, re.findall(r"^#+ (.+)$", other.read_text(), re.MULTILINE)) if other.is_file() else ()
        if not other.exists() or (anchor and anchor not in found):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert list(_broken(page)) == []


def _design(name: str) -> tuple[DesignSpec[Any], str]:
    page = (REPOSITORY / "docs" / "designs" / f"{name}.md").read_text()
    return plugins.load(plugins.KINDS["design"], name).spec, " ".join(page.split())


@pytest.mark.parametrize("name", DESIGNS)
def test_the_page_of_a_design_names_each_of_its_arms(name: str) -> None:
    spec, page = _design(name)
    arms = spec.create(spec.options()).names
    assert [arm for arm in arms if f"`{re.sub(r'(?<=-)[0-9]+$', '', arm)}" not in page] == []


@pytest.mark.parametrize("name", DESIGNS)
def test_the_page_of_a_design_says_what_each_control_rules_out(name: str) -> None:
    spec, page = _design(name)
    design = spec.create(spec.options())
    ruled_out = {design.explained(arm.rules_out) for arm in design.arms if arm.rules_out}
    assert [words for words in ruled_out if words not in page] == []


@pytest.mark.parametrize("name", DESIGNS)
def test_the_page_of_a_design_names_its_claims_and_options(name: str) -> None:
    spec, page = _design(name)
    told = [*(f"*{claim.text}*" for claim in spec.create(spec.options()).claims)]
    told += [f"`design.{option}`" for option in spec.options.model_fields]
    assert [each for each in told if each not in page] == []
