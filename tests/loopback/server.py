"""A server on the loopback interface that speaks the Messages and Batches API, counts purchases, and misbehaves.

It is driven through the real SDK over real sockets. What it replies is up to a callable; what goes wrong is scripted,
or drawn at random from a seed. Which outcome is right for a client is for the tests to say.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from tests.loopback.faults import HANG, LOST, STATUS, STOPS
from tests.loopback.wire import Server, handler

Body = dict[str, Any]

INPUT, OUTPUT = 0.10, 0.50
"""USD per million tokens: the price of claude-haiku-5-5."""


@dataclass(frozen=True)
class Purchase:
    """One billed reply."""

    prompt: str
    usage: Mapping[str, int]
    cost: float
    delivered: bool
    """Whether a whole and readable message was sent."""


@dataclass
class Batch:
    """One message batch."""

    id: str
    requests: list[Body]
    looks: int
    """How often it will still be found in progress."""
    created: str
    results: list[Body] = field(default_factory=list)


def prompt_of(body: Body) -> str:
    """All that a request says, system first, as one text."""
    system = body.get("system") or ""
    if isinstance(system, list):
        system = "".join(block["text"] for block in system)
    return "\n".join([system, *(message["content"] for message in body["messages"])])


class Loopback:
    """A context manager; ``url`` is its address while it is open.

    ``script`` gives the fault of each message call in order, ``""`` for none; after it, each call meets one of
    ``faults`` with probability ``chance``, drawn from seed, prompt and how often it came, so that a prompt meets the
    same whichever call is first on the wire. ``gate`` holds calls back until so many are under way at once.
    """

    def __init__(
        self,
        answer: Callable[[str], str],
        script: Iterable[str] = (),
        faults: Sequence[str] = (),
        chance: float = 0.0,
        seed: int = 0,
        key: str | None = None,
        models: Mapping[str, Body] | None = None,
        gate: int = 0,
        delay: float = 0.0,
    ) -> None:
        self.answer = answer
        self.script = deque(script)
        self.faults, self.chance = faults, chance
        self.key = key
        self.models = models
        self.gate, self.delay = gate, delay
        self.purchases: list[Purchase] = []
        self.calls: list[Body] = []
        self.met: Counter[str] = Counter()
        """How often each fault was dealt out."""
        self.under_way = self.most_under_way = 0
        self.batches: dict[str, Batch] = {}
        self.batch_script: deque[str] = deque()
        """For each batch handed in: a fault of STATUS, ``lost`` (taken, but the reply is lost), ``""`` for none."""
        self.entry_faults: dict[str, deque[str]] = {}
        """By prompt, for each time it is in a batch: expired, errored, invalid, canceled, missing, or a fault above."""
        self.duplicates = False
        """Whether batches list every entry twice."""
        self.looks = 1
        self.retry_after = "0"
        self.reflecting = False
        """Whether it repeats the key in headers of every reply."""
        self.moved: tuple[int, str] | None = None
        """Status and address of a redirect that meets every request."""
        self.results_at = ""
        """Another server that batches say their results are at."""
        self.address = ""
        """Another address to give out than its own."""
        self.result_script: deque[str] = deque()
        """For each time that results are fetched: ``reset-body``, or ``""`` for none."""
        self._seed = seed
        self._drawn: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.RLock()
        self._many = threading.Condition(self._lock)
        self._server = Server(("127.0.0.1", 0), handler(self))
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.005), name="loopback", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self.close()
        self._thread.join()

    def close(self) -> None:
        """Frees its port, for a server that was never opened."""
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return self.address or f"http://127.0.0.1:{self._server.server_port}"

    @property
    def cost(self) -> float:
        """USD of everything billed."""
        return sum(purchase.cost for purchase in self.purchases)

    @property
    def undelivered(self) -> int:
        """Purchases whose reply never arrived whole."""
        return sum(not purchase.delivered for purchase in self.purchases)

    def bought(self) -> Counter[str]:
        """How often each prompt was bought and delivered."""
        return Counter(purchase.prompt for purchase in self.purchases if purchase.delivered)

    def enter(self, body: Body) -> str:
        """Takes a message call; returns the fault that it meets."""
        with self._many:
            self.calls.append(body)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            self._many.notify_all()
            if self.gate:
                self._many.wait_for(lambda: self.most_under_way >= self.gate, timeout=5)
            fault = self._draw(prompt_of(body))
            self.met[fault] += 1
        if self.delay:
            time.sleep(self.delay)
        return fault

    def leave(self) -> None:
        """The call is over."""
        with self._lock:
            self.under_way -= 1

    def message(self, body: Body, fault: str, share: float = 1.0) -> Body:
        """The message that answers a request, with what is wrong with it; bills it at a share of the price."""
        prompt = prompt_of(body)
        text = self.answer(prompt)
        usage = {"input_tokens": len(prompt.split()) + 3, "output_tokens": len(text.split()) + 2}
        cost = (usage["input_tokens"] * INPUT + usage["output_tokens"] * OUTPUT) / 1e6 * share
        with self._lock:
            self.purchases.append(Purchase(prompt, usage, cost, fault not in LOST and fault != HANG))
            number = len(self.purchases)
        content: list[Any] = [{"type": "text", "text": text}]
        thought = {"type": "thinking", "thinking": "NO - error: overloaded", "signature": "c2ln"}
        if fault == "thinking-first":
            content.insert(0, thought)
        elif fault == "thinking-only":
            content = [thought]
        elif fault == "empty":
            content = []
        elif fault == "two-blocks":
            content = [{"type": "text", "text": part} for part in (text[:1], text[1:])]
        elif fault == "tool_use":
            content.append({"type": "tool_use", "id": "toolu_1", "name": "calculator", "input": {}})
        elif fault in ("refusal", "max_tokens", "context"):
            content = [{"type": "text", "text": text[: len(text) // 2]}]
        made: Body = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": STOPS.get(fault, "end_turn"),
            "stop_sequence": None,
            "usage": {**usage, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
        }
        if fault == "wrong-types":
            made["content"] = "NO - error: overloaded"
        elif fault == "no-content":
            del made["content"]
        elif fault == "error-200":
            made = {"type": "error", "error": {"type": "overloaded_error", "message": "NO - error: overloaded"}}
        return made

    def hand_in(self, requests: list[Body]) -> tuple[str, Batch | None]:
        """Takes a batch unless its fault says otherwise; returns the fault and the batch."""
        with self._lock:
            fault = self.batch_script.popleft() if self.batch_script else ""
            if fault in STATUS or fault == "reset-before":
                return fault, None
            batch = Batch(f"msgbatch_{len(self.batches)}", requests, self.looks, datetime.now(UTC).isoformat())
            self.batches[batch.id] = batch
        for request in requests:
            queue = self.entry_faults.get(prompt_of(request["params"]))
            wrong = queue.popleft() if queue else ""
            if wrong != "missing":
                batch.results.append({"custom_id": request["custom_id"], "result": self._result(request, wrong)})
        if self.duplicates:
            batch.results *= 2
        self._random.shuffle(batch.results)
        return fault, batch

    def _result(self, request: Body, fault: str) -> Body:
        if fault in ("expired", "canceled"):
            return {"type": fault}
        if fault in ("errored", "invalid"):
            kind = "api_error" if fault == "errored" else "invalid_request_error"
            error = {"type": "error", "error": {"type": kind, "message": "NO - error"}, "request_id": "req_b"}
            return {"type": "errored", "error": error}
        return {"type": "succeeded", "message": self.message(request["params"], fault, share=0.5)}

    def _draw(self, prompt: str) -> str:
        if self.script:
            return self.script.popleft()
        self._drawn[prompt] += 1
        chances = random.Random(f"{self._seed} {self._drawn[prompt]} {prompt}")
        return chances.choice(self.faults) if chances.random() < self.chance else ""
