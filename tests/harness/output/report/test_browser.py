"""The page in a real browser, where there is one: whether anything in it is executed, fetched or refused."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.output import report
from tests.harness.output.report.hostile import PAYLOADS, poisoned
from tests.harness.output.report.pages import audited, complete

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed on this machine")


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and every path that it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def _opened(page: str, folder: Path) -> tuple[str, str]:
    """The document after the browser has read the page and run what there is to run, and what it logged."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    command = [
        str(BROWSER),
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=2000"),
        *("--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", "--dump-dom"),
        (folder / "page.html").as_uri(),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8", timeout=120)
    return done.stdout, done.stderr


def test_nothing_of_a_hostile_result_is_executed_or_fetched(tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    address, paths = asked
    payload = " ".join(PAYLOADS).replace("//attacker.invalid", address)
    result, made = audited(complete())
    document, log = _opened(report.html(poisoned(result, payload), poisoned(made, payload)), tmp_path)
    assert "<title>executed</title>" not in document
    assert "title" in document
    assert "Content Security Policy" not in log  # it refused nothing, so its own style and figure are shown
    assert paths == []


def test_the_same_payloads_are_executed_and_fetched_where_nothing_is_escaped(
    tmp_path: Path, asked: tuple[str, list[str]]
) -> None:
    address, paths = asked
    payload = f"<img src={address}/image>{PAYLOADS[0]}"
    document, _ = _opened(f"<!DOCTYPE html><title>quiet</title><body>{payload}</body>", tmp_path)
    assert "<title>executed</title>" in document
    assert paths == ["/image"]


def test_the_policy_alone_would_stop_what_escapes(tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    address, paths = asked
    page = report.html(*audited(complete())).replace("<main>", f"<main><img src={address}/image>{PAYLOADS[0]}")
    document, log = _opened(page, tmp_path)
    assert "<title>executed</title>" not in document
    assert "Content Security Policy" in log
    assert paths == []
