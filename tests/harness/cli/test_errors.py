from __future__ import annotations

import errno

import click
import pytest
from click.testing import CliRunner

from harness.cli import main


def _echo_that_fails_once(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    errors, echo = [error], click.echo

    def fail(*given: object, **named: object) -> None:
        if errors:
            raise errors.pop()
        echo(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("harness.cli.click.echo", fail)


def test_a_reader_who_goes_away_is_no_file_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    _echo_that_fails_once(monkeypatch, BrokenPipeError(errno.EPIPE, "Broken pipe"))
    result = CliRunner().invoke(main, ["plugin", "list"])
    assert result.exit_code == 1
    assert result.stderr == ""


def test_only_what_can_be_gone_on_with_is_told_to_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    _echo_that_fails_once(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    result = CliRunner().invoke(main, ["plugin", "list"])
    assert result.exit_code == 1
    assert result.stderr == "harness: a file: No space left on device\n"
