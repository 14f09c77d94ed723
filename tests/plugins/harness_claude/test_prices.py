from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Message, Usage
from harness_claude import prices

HAIKU = "claude-haiku-5-5"


def _haiku() -> prices.Prices:
    found = prices.of_model(HAIKU)
    assert found is not None
    return found


def test_cost_counts_fresh_and_cached_input_and_output_each_at_its_price() -> None:
    usage = Usage(1000, 100, thinking_tokens=60, cache_read_tokens=600, cache_write_tokens=300)
    assert _haiku().cost(usage, batched=False) == pytest.approx(
        (100 * 0.1 + 300 * 0.125 + 600 * 0.01 + 100 * 0.5) / 1e6
    )


def test_a_batch_costs_half() -> None:
    usage = Usage(1000, 100)
    assert _haiku().cost(usage, batched=True) == pytest.approx(_haiku().cost(usage, batched=False) / 2)


def test_a_long_prompt_has_its_own_price() -> None:
    assert _haiku().cost(Usage(100_000, 10), batched=False) == pytest.approx((100_000 * 0.1 + 10 * 0.5) / 1e6)
    assert _haiku().cost(Usage(100_001, 10), batched=False) == pytest.approx((100_001 * 0.5 + 10 * 2.5) / 1e6)


def test_prices_given_by_hand_replace_the_table() -> None:
    made = prices.by_hand(3, 15)
    assert made.cost(Usage(1000, 100), batched=False) == pytest.approx((1000 * 3 + 100 * 15) / 1e6)
    assert prices.of_model("my-model") is None


def test_the_table_is_dated_and_every_rate_makes_sense() -> None:
    table = prices.table()
    assert table["date"] >= "2026-01-01"
    assert table["source"]
    for model in table["models"]:
        found = prices.of_model(model)
        assert found is not None
        for rate in (found.rate, found.long or found.rate):
            assert 0 < rate.cache_read < rate.input < rate.cache_write < rate.output


@given(
    st.lists(st.text(max_size=300), min_size=1, max_size=4),
    st.integers(1, 20_000),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_no_request_costs_more_than_its_worst_case(
    texts: list[str], most: int, cached: bool, batched: bool, data: st.DataObject
) -> None:
    messages = tuple(Message("user", text) for text in texts)
    tokens = data.draw(st.integers(0, sum(len(text.encode("utf-8", "replace")) for text in texts) + 20))
    read_again = data.draw(st.integers(0, tokens)) if cached else 0
    written = data.draw(st.integers(0, tokens - read_again)) if cached else 0
    usage = Usage(tokens, data.draw(st.integers(0, most)), 0, read_again, written)
    assert _haiku().cost(usage, batched) <= _haiku().worst(messages, most, cached, batched)
