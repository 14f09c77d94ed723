from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.notes import fenced


@given(st.text(alphabet="`~ab\n", max_size=60))
def test_text_cannot_close_its_own_fence(text: str) -> None:
    opening, *_, closing = fenced(text).split("\n")
    fence = opening.removesuffix("text")
    assert closing == fence
    assert fence not in text
