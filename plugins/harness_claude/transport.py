"""The HTTP client that the SDK sends through: it goes to the named server alone, and the key comes back in nothing.

What the server gives back is cleaned here: headers and log lines as they come, bodies and messages by ``cleaned`` and
``without``, which ``client`` calls before it reads, cuts or passes on anything.
"""

from __future__ import annotations

import base64
import json
import logging
import ssl
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import anthropic
import httpx2

MASK = "***"
SHORTEST = 8
"""Characters of the shortest key that is taken out of headers and bodies: ``local``, say, is a word like any other."""
LOGGERS = ("anthropic._base_client", "httpx2", *(f"httpcore2.{name}" for name in ("connection", "http11", "http2")))
"""Those that write down what a server says, where somebody listens."""


class ElsewhereError(Exception):
    """A request was about to go to a server that nobody has named, with the key."""


def open_client(url: str, secret: str) -> Any:
    """A client that follows no redirect, goes to the origin of ``url`` alone, and hides a key in all headers."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_hider(secret))
    hooks = {"request": [_only_to(url)], "response": [_hiding(secret)]}
    return anthropic.DefaultAsyncHttpxClient(verify=trust(), follow_redirects=False, event_hooks=hooks)


@cache
def trust() -> ssl.SSLContext:
    """Whom the clients of this process trust, read once: the certificates take longer to read than a call to send."""
    return httpx2.create_ssl_context()


def without(text: str, secret: str) -> str:
    """A text without a key, as it is or as it is written in an address or in base64."""
    for form in _forms(secret):
        text = text.replace(form, MASK)
    return text


def cleaned(value: Any, secret: str) -> Any:
    """A JSON value without a key in any text of it. Raises RecursionError for one that is nested too deeply."""
    if len(secret) < SHORTEST:
        return value
    text = json.dumps(value, ensure_ascii=False)
    clean = without(text, json.dumps(secret)[1:-1])
    return value if clean == text else json.loads(clean)


@lru_cache(maxsize=4)
def _forms(secret: str) -> tuple[str, ...]:
    data = secret.encode()
    encoded = {method(data).decode().rstrip("=") for method in (base64.b64encode, base64.urlsafe_b64encode)}
    forms = {secret, quote(secret), quote(secret, ""), *encoded} if secret else set()
    return tuple(sorted(forms, key=len, reverse=True))


@lru_cache(maxsize=4)
def _hider(secret: str) -> Callable[[logging.LogRecord], bool]:
    """A filter of log lines that takes a key out of them."""

    def hide(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if len(secret) >= SHORTEST and (clean := without(message, secret)) != message:
            record.msg, record.args = clean, ()
        return True

    return hide


def _only_to(url: str) -> Any:
    named = _origin(url)

    async def check(request: Any) -> None:
        if _origin(str(request.url)) != named:
            raise ElsewhereError(str(request.url))

    return check


def _hiding(secret: str) -> Any:
    async def hide(response: Any) -> None:
        if len(secret) >= SHORTEST:
            pairs = response.headers.multi_items()
            response.headers = type(response.headers)([(name, without(value, secret)) for name, value in pairs])

    return hide


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
