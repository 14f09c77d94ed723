"""Here figures are drawn, since they are what the tests are about."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def drawn_once() -> None:
    """Nothing is remembered."""
