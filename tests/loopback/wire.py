"""HTTP of the loopback server: routes, and replies that are cut, garbled, dripped or reset as their fault says.

What is bought, and which fault a call meets, is in ``server``.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.loopback.faults import HANG, STATUS

if TYPE_CHECKING:
    from tests.loopback.server import Batch, Body, Loopback


class Server(ThreadingHTTPServer):
    """A server each of whose connections has a thread."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what tests are about."""


def handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    """What speaks HTTP for a loopback server."""

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
                listed = [_described(batch, loopback) for batch in reversed(loopback.batches.values())]
                self._send(200, {"data": listed, "has_more": False, "first_id": None, "last_id": None})
            else:
                self._batch(*rest.split("/")[1:])

        def _welcome(self) -> bool:
            if loopback.moved:
                status, address = loopback.moved
                self._send(status, {}, {"location": address})
                return False
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
                self._send(200, _described(batch, loopback))
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
                self._send(200, _described(batch, loopback))
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
            message = f"NO - error: {kind} for {self._key()}"
            self._send(status, {"type": "error", "error": {"type": kind, "message": message}}, extra)

        def _send(self, status: int, body: Body, extra: Mapping[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            self._begin(status, len(data), data, extra)

        def _key(self) -> str:
            return self.headers.get("x-api-key") or self.headers.get("authorization") or ""

        def _begin(self, status: int, length: int, data: bytes, extra: Mapping[str, str] | None = None) -> None:
            """Headers and the first bytes in one packet."""
            headers = {"content-type": "application/json", "content-length": str(length), "request-id": "req_1"}
            if loopback.reflecting:
                headers |= {"request-id": f"req_{self._key()}", "x-key": quote(self._key(), ""), "x-you": self._key()}
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


def _described(batch: Batch, loopback: Loopback) -> Body:
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
        "results_url": f"{loopback.results_at}/v1/messages/batches/{batch.id}/results" if ended else None,
    }
