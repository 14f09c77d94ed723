"""One call to the Messages API, or to its batches: a request goes out, a reply or a fault comes back.

No exception of the SDK leaves this module, because it holds the headers of the request, and the key in them. Whether
to try again is for ``calls`` and ``batches`` to say.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any
from urllib.parse import urljoin, urlsplit

import anthropic

from harness.api import Completion, UsageError
from harness_claude.options import Options, host_of
from harness_claude.replies import MalformedError, parse, read
from harness_claude.transport import ElsewhereError, cleaned, open_client, without

KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
CONNECT_SECONDS = 10.0
NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "LocalProtocolError")
"""Causes of a connection error that come before the request has left."""
LOST_BY_GATEWAY = (502, 504, 520, 522, 523, 524)
"""Statuses of a gateway that may have lost a reply which was billed."""
FATAL = (401, 402, 403, 404)
"""Statuses that speak of the key, the account or the model: every other request would meet them too."""
TOLD = (400, 402, 404, 413, 422)
"""Statuses whose message tells what to change."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An attempt that gave no reply."""

    error: str
    """Class, status, for one of TOLD the server's words, and request id. Never a header of the request, nor the key."""
    kind: str
    """The same without the request id: equal for a fault that repeats."""
    status: int | None = None
    billed: bool = False
    """Whether it may have been billed, or done."""
    retry: bool = False
    after: float | None = None
    """Seconds that the server asks to wait."""
    elsewhere: bool = False
    """Whether the server sends the request on to an address that was not named. It went no further."""

    @property
    def fatal(self) -> bool:
        """Whether it speaks of the key, the account, the model or the server rather than of this request."""
        return self.status in FATAL or self.elsewhere

    @property
    def refused(self) -> bool:
        """Whether the server understood the request and will not have it."""
        return self.status is not None and 400 <= self.status < 500 and not self.retry


def connect(options: Options) -> anthropic.AsyncAnthropic:
    """The client. Its own retries are off: every attempt is written down. Raises UsageError without a usable key."""
    name, secret = credential()
    key, token = (secret, None) if name == KEYS[0] else (None, secret)
    return anthropic.AsyncAnthropic(
        api_key=key,
        auth_token=token,
        base_url=options.url,
        max_retries=0,
        timeout=options.deadline,
        http_client=open_client(options.url, secret),
    )


def credential() -> tuple[str, str]:
    """Name and value of the variable with the key. Raises UsageError if there is none, or if it cannot be one."""
    for name in KEYS:
        value = os.environ.get(name, "")
        if value:
            if not (value.isascii() and value.isprintable() and " " not in value):
                raise UsageError(
                    f"{name}: holds a space, a line break or another character that no key has; set it again"
                )
            return name, value
    raise UsageError(f"{KEYS[0]} is not set: the key comes from the environment only; set it (or {KEYS[1]})")


def check_host(options: Options) -> None:
    """Raises UsageError if the environment names another server than the options do."""
    named = os.environ.get("ANTHROPIC_BASE_URL", "")
    if named and host_of(named) != options.host:
        raise UsageError(
            f"ANTHROPIC_BASE_URL points to {host_of(named)!r}, but requests go to {options.host!r}; unset it, "
            f"or name the server with -o teacher.base_url=URL"
        )


async def ask(
    client: anthropic.AsyncAnthropic, params: Mapping[str, Any], key: str, seconds: float
) -> Completion | Fault:
    """One attempt at one message, for at most so many seconds."""
    timeout = anthropic.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
    answer = await _guarded(
        client, lambda: client.messages.with_raw_response.create(**params, timeout=timeout), seconds
    )
    if isinstance(answer, Fault):
        return answer
    try:
        return read(_parsed(client, answer.http_response.content), key)
    except MalformedError as error:
        return malformed(error, _request_id(client, answer))


async def model(client: anthropic.AsyncAnthropic, name: str, seconds: float) -> Any | Fault:
    """What the server says of a model."""
    return await _json(client, lambda: client.models.with_raw_response.retrieve(name, timeout=seconds), seconds)


async def submit(client: anthropic.AsyncAnthropic, requests: Sequence[Any], seconds: float) -> str | Fault:
    """Hands in a batch; returns its id."""
    create = client.messages.batches.with_raw_response.create
    body = await _json(client, lambda: create(requests=requests, timeout=seconds), seconds)
    if isinstance(body, dict) and isinstance(body.get("id"), str):
        return str(body["id"])
    return body if isinstance(body, Fault) else malformed(MalformedError("a batch without id"), None)


async def ended(client: anthropic.AsyncAnthropic, batch: str, seconds: float) -> bool | Fault | None:
    """Whether a batch is through; None if the server does not have it, or not any more."""
    retrieve = client.messages.batches.with_raw_response.retrieve
    body = await _json(client, lambda: retrieve(batch, timeout=seconds), seconds)
    if isinstance(body, Fault):
        return None if body.status == 404 else body
    return isinstance(body, dict) and body.get("processing_status") == "ended"


async def results(client: anthropic.AsyncAnthropic, batch: str, seconds: float) -> list[Any] | Fault:
    """The entries of a batch that is through, in the server's order; none if it does not have them any more.

    A line that is no JSON is left out.
    """

    async def fetch() -> list[Any]:
        found = []
        async with client.messages.batches.with_streaming_response.results(batch, timeout=seconds) as response:
            async for line in _lines(response.iter_bytes()):
                try:
                    found.append(_parsed(client, line))
                except MalformedError:
                    continue
        return found

    came = await _guarded(client, fetch, None)
    return [] if isinstance(came, Fault) and came.status == 404 else came


async def listing(client: anthropic.AsyncAnthropic, limit: int, seconds: float) -> list[Any] | Fault:
    """The latest batches of the account, newest first."""

    async def fetch() -> list[Any]:
        page = await client.messages.batches.list(limit=limit, timeout=seconds)
        return [cleaned(batch.to_dict(mode="json"), _secret(client)) for batch in page.data]

    return await _guarded(client, fetch, seconds)


def malformed(error: MalformedError, request_id: str | None) -> Fault:
    """The fault of a reply that came, was billed, and cannot be read. The id of its request is without the key."""
    kind = f"malformed reply: {error}"
    return Fault(kind + _named(request_id), kind, 200, billed=True, retry=True)


def _parsed(client: anthropic.AsyncAnthropic, content: bytes) -> Any:
    """The JSON of a body without the key. Raises MalformedError."""
    try:
        return cleaned(parse(content), _secret(client))
    except RecursionError:
        raise MalformedError("no JSON") from None


def _secret(client: anthropic.AsyncAnthropic) -> str:
    return client.api_key or client.auth_token or ""


def _request_id(client: anthropic.AsyncAnthropic, answer: Any) -> str:
    return _said(answer.http_response.headers.get("request-id") or "", _secret(client))


async def _json(client: anthropic.AsyncAnthropic, send: Callable[[], Awaitable[Any]], seconds: float) -> Any | Fault:
    answer = await _guarded(client, send, seconds)
    if isinstance(answer, Fault):
        return answer
    try:
        return _parsed(client, answer.http_response.content)
    except MalformedError as error:
        return malformed(error, _request_id(client, answer))


async def _guarded(
    client: anthropic.AsyncAnthropic, send: Callable[[], Awaitable[Any]], seconds: float | None
) -> Any | Fault:
    """What a call gives, or its fault. The SDK's timeout is one per read: a slow drip is only stopped by this one."""
    try:
        async with asyncio.timeout(seconds):
            return await send()
    except TimeoutError:
        return Fault("timeout", "timeout", billed=True, retry=True)
    except anthropic.APIStatusError as error:
        return _of_status(error, _secret(client))
    except anthropic.APIConnectionError as error:
        if isinstance(error.__cause__, ElsewhereError):
            return _elsewhere("the server refers", str(error.__cause__), _secret(client))
        cause = type(error.__cause__).__name__
        kind = f"{type(error).__name__} ({cause})" if error.__cause__ else type(error).__name__
        return Fault(kind, kind, billed=cause not in NEVER_SENT, retry=True)
    except anthropic.AnthropicError as error:
        return Fault(type(error).__name__, type(error).__name__, billed=True)
    except Exception as error:  # a stream that breaks off raises what the HTTP library raises
        if type(error).__module__.partition(".")[0] not in ("httpx2", "httpcore2"):
            raise
        return Fault(type(error).__name__, type(error).__name__, billed=True, retry=True)


def _of_status(error: anthropic.APIStatusError, secret: str) -> Fault:
    status, headers = error.status_code, error.response.headers
    if 300 <= status < 400:
        return _elsewhere(f"redirect {status}", urljoin(str(error.response.url), headers.get("location", "")), secret)
    kind = f"{type(error).__name__} {status}"
    if status in TOLD and error.api_message:
        kind += f" ({_said(error.api_message, secret)})"
    retry = status in (408, 409, 429) or status >= 500
    return Fault(
        error=kind + _named(_said(error.request_id or "", secret)),
        kind=kind,
        status=status,
        billed=status in LOST_BY_GATEWAY,
        retry=retry and headers.get("x-should-retry") != "false",
        after=_after(headers),
    )


def _elsewhere(what: str, url: str, secret: str) -> Fault:
    server = _said(f"{urlsplit(url).scheme}://{host_of(url)}", secret)
    error = f"{what} to {server}, which is not followed: if that is your server, name it with -o teacher.base_url=URL"
    return Fault(error, error, elsewhere=True)


def _said(message: object, secret: str) -> str:
    """A message of the server, on one line, without the key if it should repeat it."""
    text = "".join(character if character.isprintable() else " " for character in str(message))
    return without(text, secret)[:200]


def _named(request_id: str | None) -> str:
    return f" request {request_id[:60]}" if request_id else ""


def _after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as ``retry-after-ms`` or ``retry-after`` say, as a number or as a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except KeyError:
            continue
        except ValueError:
            try:
                seconds = parsedate_to_datetime(headers[name]).timestamp() - time()
            except ValueError:
                continue
        return max(0.0, seconds) if seconds == seconds else None
    return None


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines of a JSONL body. Only a newline ends one: other separators may stand inside a string."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest
