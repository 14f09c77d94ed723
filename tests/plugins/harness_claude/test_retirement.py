from __future__ import annotations

from datetime import date

import pytest
from anthropic.resources.messages.messages import DEPRECATED_MODELS

from harness.api import UsageError
from harness_claude import prices
from harness_claude.options import Options
from harness_claude.retirement import parse_date, refuse_retired, successor
from harness_claude.teacher import create

OFFERED = prices.table()["models"]


def test_a_retired_model_is_refused_with_its_date_and_a_living_one() -> None:
    with pytest.raises(UsageError) as caught:
        create(Options(model="claude-3-5-haiku-20241022"))
    assert str(caught.value) == (
        "model 'claude-3-5-haiku-20241022': retired on 2026-02-19; use a living one, such as claude-haiku-5-5"
    )


def test_a_model_that_is_to_be_retired_works_until_its_day() -> None:
    refuse_retired("claude-sonnet-4-5", DEPRECATED_MODELS, OFFERED, date(2026, 11, 29))
    with pytest.raises(UsageError, match="claude-sonnet-5-5"):
        refuse_retired("claude-sonnet-4-5", DEPRECATED_MODELS, OFFERED, date(2026, 11, 30))


def test_another_server_may_call_its_models_what_it_likes() -> None:
    create(Options(model="claude-2.1", base_url="http://localhost:1"))


def test_every_model_of_the_sdk_has_a_date_and_a_living_successor_with_a_price() -> None:
    for model, text in DEPRECATED_MODELS.items():
        assert parse_date(text) is not None
        other = successor(model, DEPRECATED_MODELS, OFFERED)
        assert other not in DEPRECATED_MODELS
        assert prices.of_model(other) is not None


def test_what_is_no_date_is_none() -> None:
    assert parse_date("some day") is None
    assert parse_date("") is None
