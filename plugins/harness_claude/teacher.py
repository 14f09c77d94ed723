"""The teacher itself: what it is, what it costs, whether it can work, and by which way requests go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count
from time import sleep
from typing import Any

from anthropic.resources.messages.messages import DEPRECATED_MODELS

from harness.api import Completion, Json, Ledger, Request, Usage, UsageError
from harness_claude import client, prices, retirement, wire
from harness_claude.batches import Batches, open_batches
from harness_claude.calls import Call, Calls, Policy
from harness_claude.client import Fault
from harness_claude.options import Options
from harness_claude.worker import Worker

PREFLIGHT_SECONDS = 30.0
PREFLIGHT_ATTEMPTS = 3


def create(options: Options) -> ClaudeTeacher:
    """The teacher that options describe. Needs no key; raises UsageError for a model that is retired."""
    client.check_host(options)
    if options.anthropic:
        today = datetime.now(UTC).date()
        retirement.refuse_retired(options.model, DEPRECATED_MODELS, prices.table()["models"], today)
    policy = Policy(options.concurrency, options.deadline, options.attempts)
    return ClaudeTeacher(options, policy)


class ClaudeTeacher:
    """A model behind the Messages API."""

    def __init__(self, options: Options, policy: Policy) -> None:
        self._options = options
        self._policy = policy
        if options.price_input is not None and options.price_output is not None:
            self._prices: prices.Prices | None = prices.by_hand(options.price_input, options.price_output)
        else:
            self._prices = prices.of_model(options.model)

    @property
    def identity(self) -> Mapping[str, Json]:
        """Provider, host, model and all that may change a reply or its price. Never the key."""
        options = self._options
        return {
            "provider": "anthropic" if options.anthropic else options.host,
            "host": options.host,
            "model": options.model,
            "max_tokens": options.max_tokens,
            "thinking": options.thinking,
            "effort": options.effort,
            "temperature": options.temperature,
            "mode": options.mode,
            "cache": options.cache,
        }

    def cost(self, usage: Usage) -> float | None:
        """What a completion costs by the table of prices, or by those in the options; None without either."""
        return None if self._prices is None else self._prices.cost(usage, usage.batched)

    def worst_cost(self, request: Request) -> float | None:
        """The most that one attempt can be billed: every byte of the prompt a token, and a reply of full length."""
        if self._prices is None:
            return None
        return self._prices.worst(request.messages, self._options.max_tokens, self._options.cache, batched=False)

    def preflight(self) -> None:
        """Raises UsageError without a usable key, or if the server does not know the model or has retired it."""
        client.check_host(self._options)
        client.credential()
        with Worker[Call](partial(client.connect, self._options)) as worker:
            self._check_model(self._told(worker))

    def complete(self, requests: Sequence[Request], ledger: Ledger) -> Iterator[Completion]:
        """One completion per request, as they come; see ``calls`` and ``batches`` for what is promised."""
        if not requests:
            return
        with Worker[Call](partial(client.connect, self._options)) as worker:
            if self._batched and (len(requests) > 1 or open_batches(ledger, requests)):
                yield from Batches(worker, ledger, self._options, self._policy, self._prices).complete(requests)
            else:
                calls = [self._call(request) for request in requests]
                yield from Calls(worker, ledger, self._policy, self._options.model).complete(calls)

    @property
    def _batched(self) -> bool:
        return self._options.mode == "batch"

    def _call(self, request: Request) -> Call:
        return Call(request, wire.call(self._options, request.messages), self.worst_cost(request))

    def _told(self, worker: Worker[Call]) -> Any:
        """What the server says of the model, asked again while another attempt may help and is not too long to wait."""
        for attempt in count(1):
            told = worker.call(partial(client.model, name=self._options.model, seconds=PREFLIGHT_SECONDS))
            if not (isinstance(told, Fault) and told.retry and attempt < PREFLIGHT_ATTEMPTS):
                break
            pause = self._policy.pause(attempt, told.after)
            if pause > PREFLIGHT_SECONDS:
                break
            sleep(pause)
        return told

    def _check_model(self, told: Any) -> None:
        """Judges what the server says of the model. A server other than Anthropic's need not know this question."""
        options = self._options
        if isinstance(told, Fault):
            if told.elsewhere:
                raise UsageError(f"{options.url}: {told.error}")
            if told.status == 402:
                raise UsageError(f"{told.error} from {options.host}: the account cannot pay; see to its billing")
            if told.fatal and told.status != 404:
                raise UsageError(f"{told.error} from {options.host}: the key is not accepted; set another one")
            if told.status == 404 and options.anthropic:
                raise UsageError(f"model {options.model!r}: {options.host} knows no such model; see its list of models")
            if told.status is None and told.retry:
                raise UsageError(f"{told.error}: cannot reach {options.url}; see to the network or to base_url")
            return
        if isinstance(told, dict) and told.get("lifecycle") == "retired":
            when = told.get("retires_at")
            other = retirement.successor(options.model, DEPRECATED_MODELS, prices.table()["models"])
            raise UsageError(retirement.said(options.model, when[:10] if isinstance(when, str) else None, other))
