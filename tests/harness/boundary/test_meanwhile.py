from __future__ import annotations

import os
import signal
import time

import pytest

from harness.api import HarnessError, UsageError
from harness.boundary import meanwhile


def test_the_work_is_done_in_another_process() -> None:
    with meanwhile.doing(os.getpid) as outcome:
        assert outcome() != os.getpid()


def test_what_the_work_raises_is_raised_where_its_outcome_is_waited_for() -> None:
    def refuse() -> None:
        raise UsageError("give a directory")

    with meanwhile.doing(refuse) as outcome, pytest.raises(UsageError, match="give a directory"):
        outcome()


def test_work_that_nobody_waits_for_any_more_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(UsageError), meanwhile.doing(lambda: time.sleep(60)):
        raise UsageError("the other half is wrong")
    assert time.monotonic() - started < 30


def test_a_process_that_is_ended_from_outside_is_told_of() -> None:
    killed = pytest.raises(HarnessError, match="ended from outside")
    with meanwhile.doing(lambda: os.kill(os.getpid(), signal.SIGKILL)) as outcome, killed:
        outcome()
