"""Where requests go, and what comes back: the named server alone, and the key in nothing."""

from __future__ import annotations

import json
import logging
import ssl
import urllib.parse
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import CallError, UsageError
from harness_claude import transport
from tests.loopback.faults import FINAL, LOST, REFUSED, UNBILLED
from tests.loopback.server import Loopback
from tests.plugins.harness_claude.conftest import CANARY, Notes, answer, request, requests, teacher

REDIRECTS = (301, 302, 303, 307, 308)


@pytest.fixture
def elsewhere() -> Iterator[Loopback]:
    """A server that nobody has named."""
    with Loopback(answer) as server:
        yield server


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_one_line_and_the_key_goes_nowhere(status: int, elsewhere: Loopback) -> None:
    with Loopback(answer) as server:
        server.moved = status, f"{elsewhere.url}/v1/messages"
        ledger = Notes()
        with pytest.raises(CallError) as caught:
            list(teacher(server).complete(requests(3), ledger))
        with pytest.raises(UsageError, match="base_url") as early:
            teacher(server).preflight()
    for error in (str(caught.value), str(early.value)):
        assert f"redirect {status} to {elsewhere.url}, which is not followed" in error
        assert "\n" not in error
    assert elsewhere.calls == []
    assert not any(billed for *_, billed in ledger.faults)


@pytest.mark.parametrize("address", ["/v1/other", "", "https://{host}/v1/messages", "//{host}/x"])
def test_a_redirect_to_the_same_host_is_refused_too(address: str) -> None:
    with Loopback(answer) as server:
        server.moved = 307, address.format(host=server.url.removeprefix("http://"))
        with pytest.raises(CallError, match="redirect 307 to http"):
            list(teacher(server).complete(requests(1), Notes()))
        assert server.calls == []


def test_the_certificates_are_read_once_for_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []
    real = ssl.SSLContext.load_verify_locations

    def spy(context: ssl.SSLContext, cafile: str | None = None, *rest: str | None) -> None:
        read.append(cafile)
        real(context, cafile, *rest)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", spy)
    transport.trust.cache_clear()
    with Loopback(answer) as server:
        made = teacher(server)
        made.preflight()
        for number in range(3):
            list(made.complete([request(number)], Notes()))
    assert len(read) == 1


def test_results_that_are_said_to_be_at_another_server_are_not_asked_for_there(elsewhere: Loopback) -> None:
    with Loopback(answer) as server:
        server.results_at = elsewhere.url
        with pytest.raises(CallError, match=f"the server refers to {elsewhere.url}, which is not followed"):
            list(teacher(server, mode="batch").complete(requests(2), Notes()))
    assert elsewhere.batches == {}
    assert elsewhere.met == {}


@pytest.mark.parametrize("url", ["{url}", "{upper}", "{url}/"])
def test_results_at_the_named_server_are_fetched(url: str) -> None:
    with Loopback(answer) as server:
        server.results_at = url.format(url=server.url, upper=server.url.upper().replace("HTTP", "http")).rstrip("/")
        done = list(teacher(server, mode="batch").complete(requests(2), Notes()))
    assert [each.stop for each in done] == ["end", "end"]


@pytest.mark.parametrize("fault", ["", *UNBILLED, *LOST, *REFUSED, *FINAL])
def test_a_key_that_a_server_repeats_is_in_no_completion_no_fault_no_error_and_no_log(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Loopback(lambda _: f"{CANARY}: ANSWER: {CANARY}", script=[fault] * 9) as server:
        server.reflecting = True
        ledger, told = Notes(), ""
        try:
            told += repr(list(teacher(server, attempts=2).complete(requests(2), ledger)))
        except CallError as error:
            told += str(error)
    assert server.calls
    assert CANARY[:12] not in told + repr(ledger)
    assert CANARY not in caplog.text
    assert urllib.parse.quote(CANARY, "") not in caplog.text


def test_a_key_that_a_server_repeats_in_a_batch_is_in_nothing() -> None:
    with Loopback(lambda _: f"ANSWER: {CANARY}") as server:
        server.reflecting = True
        ledger = Notes()
        done = list(teacher(server, mode="batch").complete(requests(2), ledger))
    assert [each.text for each in done] == ["ANSWER: ***"] * 2
    assert CANARY not in repr(done) + repr(ledger)


def test_a_key_that_comes_back_in_two_blocks_is_taken_out_of_the_reply() -> None:
    with Loopback(lambda _: CANARY, script=["two-blocks"]) as server:
        (done,) = teacher(server).complete(requests(1), Notes())
    assert done.text == "***"


@pytest.mark.parametrize("key", ["local", "1", "EMPTY"])
def test_a_key_that_is_a_word_changes_no_reply(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with Loopback(lambda _: f"ANSWER: {key}") as server:
        (done,) = teacher(server).complete(requests(1), Notes())
    assert done.text == f"ANSWER: {key}"


keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=transport.SHORTEST, max_size=40)


@given(keys, st.text(), st.text())
def test_a_key_is_taken_out_of_any_json_and_the_rest_stays(key: str, before: str, after: str) -> None:
    value = {"text": [before + key + after, {key: None}], "other": before}
    cleaned = transport.cleaned(value, key)
    assert json.dumps(key)[1:-1] not in json.dumps(cleaned, ensure_ascii=False)
    assert transport.cleaned({"other": 1}, key) == {"other": 1}
