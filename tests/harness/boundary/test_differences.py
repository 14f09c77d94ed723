from __future__ import annotations

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness import run
from harness.api import Message, UsageError
from harness.boundary import differences
from harness.cli import main
from harness.registry.observers import Observers
from tests import toys
from tests.conftest import ToyRun


@given(st.dictionaries(st.text(), st.text() | st.integers()), st.dictionaries(st.text(), st.text() | st.integers()))
def test_what_differs_is_one_line_with_all_of_it_in_the_notes(was: dict[str, object], now: dict[str, object]) -> None:
    if was == now:
        differences.refuse("it changed", was, now, "Do this")
        return
    with pytest.raises(UsageError) as caught:
        differences.refuse("it changed", was, now, "Do this")
    assert str(caught.value).startswith("it changed: ")
    assert str(caught.value).endswith(". Do this")
    assert "\n" not in str(caught.value)
    assert len(caught.value.__notes__) == len(differences.between(was, now))


def test_a_setting_that_came_to_be_is_told_even_if_it_is_null() -> None:
    with pytest.raises(UsageError, match=r"^it changed: teacher\.temperature: was nothing, is None\. Do this"):
        differences.refuse("it changed", {"teacher": {}}, {"teacher": {"temperature": None}}, "Do this")


def test_a_changed_text_shows_its_lines() -> None:
    was, now = "Solve it.\nBe quick.\nSay YES.", "Solve it.\nBe careful.\nSay YES."
    with pytest.raises(UsageError) as caught:
        differences.refuse("it changed", {"prompt": was * 3}, {"prompt": now * 3}, "Do this")
    assert "Be quick" in str(caught.value)
    assert "Be careful" in str(caught.value)
    assert "\n-Be quick.\n+Be careful." in caught.value.__notes__[0]


def test_another_prompt_of_the_task_is_refused_with_the_difference(
    finished_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = finished_run(stages=("teacher-base",))
    prompt = toys.Parity.prompt

    def other(self: toys.Parity, *given: object) -> object:
        first, *rest = prompt(self, *given)  # type: ignore[arg-type]
        return (Message("system", first.text + " Be brief."), *rest)

    monkeypatch.setattr(toys.Parity, "prompt", other)
    with pytest.raises(UsageError, match=r"prompts\.solve\[0\]\.text: was 'EVEN or ODD\? ', is 'EVEN or ODD\?  Be"):
        run.resume(run_dir, Observers([]))
    done = CliRunner().invoke(main, ["run", "--resume", str(run_dir)])
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    full = CliRunner().invoke(main, ["--traceback", "run", "--resume", str(run_dir)])
    assert "\nprompts.solve[0].text: was 'EVEN or ODD? '" in full.stderr


def test_another_model_behind_the_same_plan_is_refused_with_the_difference(
    finished_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = finished_run()
    monkeypatch.setattr(toys.ToyStudent, "identity", {"provider": "toy", "model": "another"})
    with pytest.raises(UsageError, match=r"student\.identity\.model: was 'toy-student', is 'another'"):
        run.resume(run_dir, Observers([]))
