"""The tool that tries a checkpoint of every family, and the page that it made."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tools import checkpoint_families as tool

PAGE = Path(__file__).parents[2] / "docs" / "checkpoints.md"
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)


@pytest.mark.parametrize(
    ("family", "outcome", "reason"),
    [
        ("gpt2", tool.TRAINED, ""),
        ("mamba", tool.ANSWERS, "peft cannot put an adapter on all-linear"),
        ("reformer", tool.REFUSED, "draws the hashes of its attention at random"),
    ],
)
def test_family_comes_to_what_it_can(tmp_path: Path, family: str, outcome: str, reason: str) -> None:
    found = tool.look(family, tmp_path / family)
    assert (found.family, found.outcome) == (family, outcome)
    assert reason in found.reason


def test_family_that_ends_its_process_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "look", lambda *_: os._exit(9))
    assert tool.tried("gpt2") == tool.Finding("gpt2", tool.FAULT, "its process ended with code 9")


def test_page_has_a_row_for_each_family_and_counts_them() -> None:
    found = [tool.Finding("a", tool.TRAINED, attention="sdpa", batches="alike"), tool.Finding("b", tool.FAULT, "x | y")]
    page = tool.page(found)
    assert "| `a` | answers, is trained | sdpa | alike |  |" in page
    assert r"| `b` | fault |  |  | x \| y |" in page
    assert "| fault | 1 |" in page


def test_page_in_the_docs_names_every_family_and_no_fault() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(ROW.findall(page))
    assert tool.FAULT not in rows.values()
    if f"transformers {transformers.__version__} " in page:
        assert rows.keys() == set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
