"""What tokens cost: the dated table in ``prices.json``, and the most that one request can cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.api import Message, Usage

MILLION = 1_000_000
OVERHEAD_TOKENS = 512
"""Tokens that a server may add to a prompt of its own, generously."""
CACHE_WRITE, CACHE_READ = 1.25, 0.1
"""Usual price of cached input tokens as multiples of the input price, for prices given by hand."""


@dataclass(frozen=True, slots=True)
class Rate:
    """USD per million tokens."""

    input: float
    output: float
    cache_write: float
    cache_read: float


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of one model."""

    rate: Rate
    batch: float = 0.5
    """Share of the price that a request in a batch costs."""
    long: Rate | None = None
    """The rate of prompts longer than ``above`` tokens, where they have one of their own."""
    above: int = 0

    def cost(self, usage: Usage, batched: bool) -> float:
        """USD for one request."""
        rate = self.long if self.long and usage.input_tokens > self.above else self.rate
        fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
        total = (
            fresh * rate.input
            + usage.cache_write_tokens * rate.cache_write
            + usage.cache_read_tokens * rate.cache_read
            + usage.output_tokens * rate.output
        )
        return total / MILLION * (self.batch if batched else 1.0)

    def worst(self, messages: tuple[Message, ...], max_tokens: int, cached: bool, batched: bool) -> float:
        """The most that one request can cost, in USD. A token is a byte at least, so bytes bound the tokens."""
        bound = OVERHEAD_TOKENS + sum(len(message.text.encode("utf-8", "replace")) for message in messages)
        return self.cost(Usage(bound, max_tokens, cache_write_tokens=bound if cached else 0), batched)


def of_model(model: str) -> Prices | None:
    """The prices of a model in the table, or None."""
    entry = table()["models"].get(model)
    if entry is None:
        return None
    long = entry.get("long")
    return Prices(_rate(entry), table()["batch"], _rate(long) if long else None, long["above"] if long else 0)


def by_hand(price_input: float, price_output: float) -> Prices:
    """Prices from those of input and output."""
    return Prices(Rate(price_input, price_output, price_input * CACHE_WRITE, price_input * CACHE_READ))


@cache
def table() -> Any:
    """The table as it is shipped: ``date``, ``source``, ``batch`` and ``models``."""
    return json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))


def _rate(entry: dict[str, float]) -> Rate:
    return Rate(entry["input"], entry["output"], entry["cache_write"], entry["cache_read"])
