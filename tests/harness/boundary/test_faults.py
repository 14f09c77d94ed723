from __future__ import annotations

import pytest

from harness.api import HarnessError, UsageError
from harness.boundary.faults import suspected


@pytest.mark.parametrize("error", [ValueError("no"), ConnectionResetError(104, "reset")])
def test_what_nobody_foresaw_is_told_with_what_was_being_done(error: Exception) -> None:
    told = f"reading failed, in the code of a plugin or of the harness: {type(error).__name__}: "
    with pytest.raises(HarnessError, match=told), suspected("reading"):
        raise error


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left"), UsageError("got 0"), SystemExit(0), KeyboardInterrupt()]
)
def test_the_disk_what_is_fit_to_show_and_the_end_of_the_program_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, suspected("reading"):
        raise error
    assert caught.value is error
