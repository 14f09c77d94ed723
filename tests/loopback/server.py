"""A server on the loopback interface that speaks the Messages and Batches API, counts purchases, and misbehaves.

It is driven through the real SDK over real sockets. What it replies is up to a callable; what goes wrong is scripted,
or drawn at random from a seed. Which outcome is right for a client is for the tests to say.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Body = dict[str, Any]

UNBILLED = ("429", "429-after", "529", "500", "reset-before")
"""A call that was not taken: the same call may succeed next time."""
LOST = ("reset-body", "malformed", "cut-json", "wrong-types", "no-content", "error-200", "html")
"""A call that was billed and whose reply cannot be read."""
FINAL = ("refusal", "max_tokens", "context", "pause", "tool_use", "unknown-stop", "empty", "thinking-only")
"""A whole reply that is no answer."""
GOOD = ("thinking-first", "two-blocks", "drip", "stop-sequence")
"""An odd way to send a good reply."""
REFUSED = ("400", "401", "403", "404", "413")
"""A call that will not be taken, however often it is made."""
HANG = "hang"
"""A call that is billed, begins to answer, and never ends."""

STATUS = {
    "400": (400, "invalid_request_error"),
    "401": (401, "authentication_error"),
    "403": (403, "permission_error"),
    "404": (404, "not_found_error"),
    "413": (413, "request_too_large"),
    "429": (429, "rate_limit_error"),
    "429-after": (429, "rate_limit_error"),
    "500": (500, "api_error"),
    "529": (529, "overloaded_error"),
}
STOPS = {
    "refusal": "refusal",
    "max_tokens": "max_tokens",
    "context": "model_context_window_exceeded",
    "pause": "pause_turn",
    "tool_use": "tool_use",
    "unknown-stop": "some_new_reason",
    "stop-sequence": "stop_sequence",
}
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
    ``faults`` with probability ``chance``. ``gate`` holds calls back until so many are under way at once.
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
        self.address = ""
        """Another address to give out than its own."""
        self.result_script: deque[str] = deque()
        """For each time that results are fetched: ``reset-body``, or ``""`` for none."""
        self._random = random.Random(seed)
        self._lock = threading.RLock()
        self._many = threading.Condition(self._lock)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
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
            fault = self._draw()
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

    def _draw(self) -> str:
        if self.script:
            return self.script.popleft()
        return self._random.choice(self.faults) if self._random.random() < self.chance else ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what tests are about."""


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not self._welcome():
                return
            if self.path.startswith("/v1/messages/batches"):
                self._hand_in(body)
            elif self.path.startswith("/v1/messages"):
                fault = loopback.enter(body)
                try:
                    self._message(body, fault)
                finally:
                    loopback.leave()

        def do_GET(self) -> None:
            if not self._welcome():
                return
            kind, _, rest = self.path.partition("?")[0].removeprefix("/v1/").partition("/")
            if kind == "models":
                self._model(rest)
            elif rest == "batches":
                listed = [_described(batch) for batch in reversed(loopback.batches.values())]
                self._send(200, {"data": listed, "has_more": False, "first_id": None, "last_id": None})
            else:
                self._batch(*rest.split("/")[1:])

        def _welcome(self) -> bool:
            if loopback.key in (None, self.headers.get("authorization", "").removeprefix("Bearer ")):
                return True
            self._refuse("401")
            return False

        def _message(self, body: Body, fault: str) -> None:
            if fault in STATUS:
                self._refuse(fault)
            elif fault == "reset-before":
                self._reset()
            else:
                self._reply(json.dumps(loopback.message(body, fault)).encode(), fault)

        def _reply(self, data: bytes, fault: str) -> None:
            if fault == "malformed":
                data = b'{"type": "message", "content": [NO - error: overloaded'
            elif fault == "cut-json":
                data = data[:-9]
            elif fault == "html":
                data = b"<html>NO - error: overloaded</html>"
            if fault in ("reset-body", HANG):
                self._begin(200, len(data), data[: len(data) // 2])
                if fault == HANG:
                    self.connection.settimeout(10)
                    self.connection.recv(1)
                self._reset()
            elif fault == "drip":
                self._begin(200, len(data), b"")
                for start in range(0, len(data), 64):
                    self.wfile.write(data[start : start + 64])
                    time.sleep(0.0005)
            else:
                self._begin(200, len(data), data)

        def _hand_in(self, body: Body) -> None:
            fault, batch = loopback.hand_in(body["requests"])
            if batch is not None and fault != "lost":
                self._send(200, _described(batch))
            elif fault in STATUS:
                self._refuse(fault)
            else:
                self._reset()

        def _batch(self, name: str, part: str = "") -> None:
            batch = loopback.batches.get(name)
            if batch is None:
                self._refuse("404")
            elif not part:
                batch.looks -= 1
                self._send(200, _described(batch))
            else:
                data = b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in batch.results)
                fault = loopback.result_script.popleft() if loopback.result_script else ""
                self._reply(data, fault)

        def _model(self, name: str) -> None:
            if loopback.models is None or name not in loopback.models:
                self._refuse("404")
            else:
                self._send(200, {"id": name, "type": "model", **loopback.models[name]})

        def _refuse(self, fault: str) -> None:
            status, kind = STATUS[fault]
            extra = {"retry-after": loopback.retry_after} if fault == "429-after" else {}
            message = f"NO - error: {kind} for {self.headers.get('authorization', '')}"
            self._send(status, {"type": "error", "error": {"type": kind, "message": message}}, extra)

        def _send(self, status: int, body: Body, extra: Mapping[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            self._begin(status, len(data), data, extra)

        def _begin(self, status: int, length: int, data: bytes, extra: Mapping[str, str] | None = None) -> None:
            """Headers and the first bytes in one packet."""
            headers = {"content-type": "application/json", "content-length": str(length), "request-id": "req_1"}
            lines = [
                f"HTTP/1.1 {status} X",
                *(f"{name}: {value}" for name, value in (headers | dict(extra or {})).items()),
            ]
            self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

        def _reset(self) -> None:
            """Hangs up with a reset instead of an orderly end."""
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    return Handler


def _described(batch: Batch) -> Body:
    ended = batch.looks <= 0
    counts = dict.fromkeys(("canceled", "errored", "expired", "processing", "succeeded"), 0)
    counts["succeeded" if ended else "processing"] = len(batch.requests)
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if ended else "in_progress",
        "request_counts": counts,
        "created_at": batch.created,
        "expires_at": batch.created,
        "results_url": f"/v1/messages/batches/{batch.id}/results" if ended else None,
    }
