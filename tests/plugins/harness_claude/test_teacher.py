from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest

import harness_claude
from harness.api import CallError, Task, Usage, UsageError
from harness.boundary import files
from harness_claude import client
from harness_claude.client import Fault, credential
from harness_claude.options import Options
from harness_claude.teacher import create
from tests import toys
from tests.loopback.faults import FINAL, LOST, REFUSED, UNBILLED
from tests.loopback.server import Loopback
from tests.plugins.harness_claude.conftest import CANARY, Notes, OpenSession, answer, requests, teacher

ACTIVE = {"lifecycle": "active", "retires_at": None, "display_name": "H", "created_at": "2026-10-07T00:00:00Z"}


def test_the_spec_makes_a_teacher_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    (spec,) = harness_claude.harness_teachers()
    task: Task = toys.Parity(0)
    made = spec.create(Options(), task, 0)
    assert made.cost(Usage(1_000, 1_000)) == pytest.approx(0.0006)
    assert not spec.simulated


def test_identity_holds_what_a_reply_depends_on() -> None:
    made = create(Options(base_url="http://localhost:8000/v", model="qwen3", temperature=0.0))
    assert made.identity == {
        "provider": "localhost:8000",
        "host": "localhost:8000",
        "model": "qwen3",
        "max_tokens": 8192,
        "thinking": "default",
        "effort": "default",
        "temperature": 0.0,
        "mode": "sync",
        "cache": False,
    }
    assert create(Options()).identity["provider"] == "anthropic"


def test_a_model_without_a_price_has_no_cost_unless_one_is_given() -> None:
    assert create(Options(model="qwen3", base_url="http://localhost:1")).cost(Usage(1, 1)) is None
    free = create(Options(model="qwen3", base_url="http://localhost:1", price_input=0, price_output=0))
    assert free.cost(Usage(1, 1)) == 0


def test_without_a_key_one_line_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(UsageError) as caught:
        create(Options()).preflight()
    assert "ANTHROPIC_API_KEY is not set" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("value", ["sk-ant SECRET", "sk-ant-SECRET\n", "sk-ant-SECRET\u00e9"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", value)
    with pytest.raises(UsageError, match="ANTHROPIC_API_KEY: holds a space") as caught:
        create(Options()).preflight()
    assert "SECRET" not in str(caught.value)


def test_a_token_serves_where_there_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-1")
    assert credential() == ("ANTHROPIC_AUTH_TOKEN", "token-1")
    with Loopback(answer, key="token-1") as server:
        assert len(list(teacher(server).complete(requests(1), Notes()))) == 1


def test_a_server_named_only_by_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(answer) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://user:secret@{server.url.removeprefix('http://')}/")
        with pytest.raises(UsageError, match=r"ANTHROPIC_BASE_URL points to '127.0.0.1:\d+'.*base_url") as caught:
            create(Options())
        assert "secret" not in str(caught.value)
        create(Options(base_url=server.url))
    assert server.calls == []


def test_a_living_model_passes_the_preflight_and_nothing_is_bought() -> None:
    with Loopback(answer, key=CANARY, models={"claude-haiku-5-5": ACTIVE}) as server:
        teacher(server).preflight()
    assert server.calls == []


def test_a_server_that_does_not_know_the_question_passes_too() -> None:
    with Loopback(answer) as server:
        teacher(server).preflight()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"models": {"claude-haiku-5-5": {**ACTIVE, "lifecycle": "retired", "retires_at": "2027-01-02T00:00:00Z"}}},
            "2027-01-02",
        ),
        ({"key": "another"}, "the key is not accepted"),
    ],
)
def test_a_preflight_refuses_what_cannot_work(options: dict[str, Any], said: str) -> None:
    with Loopback(answer, **options) as server, pytest.raises(UsageError, match=said) as caught:
        teacher(server).preflight()
    assert "\n" not in str(caught.value)
    assert CANARY not in str(caught.value)


def test_an_account_that_cannot_pay_is_not_called_a_wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    _says(monkeypatch, Fault("BillingError 402", "BillingError 402", 402))
    with (
        Loopback(answer) as server,
        pytest.raises(UsageError, match=r"BillingError 402 .*see to its billing") as caught,
    ):
        teacher(server).preflight()
    assert "key" not in str(caught.value)


@pytest.mark.parametrize(("after", "pauses"), [(None, 2), (7.0, 2), (300.0, 0)])
def test_a_preflight_never_asks_again_before_the_server_wants_it(
    monkeypatch: pytest.MonkeyPatch, after: float | None, pauses: int
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("harness_claude.teacher.sleep", waited.append)
    asked = _says(monkeypatch, Fault("RateLimitError 429", "RateLimitError 429", 429, retry=True, after=after))
    with Loopback(answer) as server:
        teacher(server).preflight()
    assert (len(waited), len(asked)) == (pauses, pauses + 1)
    assert all(pause >= (after or 0.0005) for pause in waited)


def _says(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> list[str]:
    """Has every question about the model meet a fault; gives the list of those that were asked."""
    asked: list[str] = []

    async def model(_: Any, name: str, seconds: float) -> Fault:
        asked.append(f"{name} {seconds}")
        return fault

    monkeypatch.setattr(client, "model", model)
    return asked


def test_a_server_that_is_not_there_is_found_out_before_anything_is_written() -> None:
    with Loopback(answer) as server:
        pass
    with pytest.raises(UsageError, match="cannot reach"):
        teacher(server).preflight()


@pytest.mark.parametrize("mode", ["sync", "batch"])
def test_the_key_reaches_no_exception_no_log_and_no_journal(
    mode: str, session: OpenSession, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for fault in ("", *UNBILLED, *LOST, *FINAL, *REFUSED):
        with Loopback(answer, script=[fault] * 2, key=CANARY) as server:
            server.batch_script.extend([fault] if fault in (*UNBILLED, *REFUSED) else [])
            made = teacher(server, mode=mode)
            run = session(made)
            try:
                said.append(repr(run.ask(requests(3))))
            except CallError as error:
                said.append("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
            said += [repr(made), repr(vars(made)), files.canonical(made.identity)]
        (tmp_path / "journal.jsonl").rename(tmp_path / f"{fault}.jsonl")
    said += [path.read_text() for path in tmp_path.iterdir()]
    assert any("HTTP Request" in record.getMessage() for record in caplog.records), "the log was not at DEBUG"
    written = "\n".join([*said, caplog.text])
    assert "***" in written, "the server repeats the key in its error messages"
    assert CANARY not in written
