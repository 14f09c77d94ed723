"""That a run can have another design, and that what it leaves can be read without the plugin of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import run
from harness.api import PluginError
from harness.audit import audit, runs
from harness.boundary import files
from harness.design import designs, planned
from harness.design.plan import UserSettings, fork, make, read
from harness.design.transfer import TRANSFER
from harness.output import report
from harness.output.comparison import compare
from harness.registry import plugins
from harness.results.checking.recorded import Unread
from harness.results.checking.validation import held
from tests import toys

Finished = Callable[..., Path]


@pytest.fixture
def brief(finished_run: Finished) -> Path:
    """A finished run of the toy design."""
    return finished_run(design="brief")


def _ladder(result: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {rung["rung"]: rung for rung in audit(result, [])["claims"]["rungs"]}


def test_a_design_is_the_same_when_it_is_read_again() -> None:
    for design in (TRANSFER, toys.BRIEF):
        assert designs.restored(files.parse(files.canonical(design))) == design


def test_a_plan_of_the_default_design_does_not_name_it_and_one_of_another_holds_all_of_it(
    finished_run: Finished, brief: Path
) -> None:
    assert "design" not in files.read(finished_run(out="default") / "plan.json")["plugins"]
    assert files.read(brief / "plan.json")["plugins"]["design"]["design"] == files.plain(toys.BRIEF)
    assert read(brief / "plan.json").design == toys.BRIEF


def test_a_run_measures_and_compares_the_arms_of_its_design(brief: Path) -> None:
    result = files.read(brief / "result.json")
    assert {arm["arm"] for arm in result["arms"]} == set(toys.BRIEF.names)
    compared = {(each["first"], each["second"], each["split"]) for each in result["contrasts"]}
    assert compared == {(each.first, each.second, each.split) for each in toys.BRIEF.contrasts}
    assert [each["arm"] for each in result["training"]] == ["after"]
    assert result["learning"]["learned"]


def test_a_claim_whose_control_is_missing_is_withheld_with_the_reason(brief: Path, finished_run: Finished) -> None:
    rungs = _ladder(files.read(brief / "result.json"))
    assert (rungs[3]["status"], rungs[4]["status"]) == ("unknown", "unknown")
    assert rungs[3]["reasons"] == [
        "the design has no control that rules out that the right answers do it, without the work"
    ]
    assert rungs[3]["needs"].startswith("a lead over a control that rules out that the right answers do it")
    default = files.read(finished_run(out="default") / "result.json")
    assert _ladder(default)[3]["needs"] == "a lead over lora-labels and lora-shuffled"


def test_a_result_is_held_to_its_rows_and_audited_without_the_plugin_of_its_design(
    brief: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert held(brief) == []
    assert runs.problems_of(brief) == []
    monkeypatch.setattr(plugins, "installed", lambda *_: ())
    result, mismatches = runs.read(brief)
    assert [type(what) for what in mismatches or ()] == [Unread]
    assert "<html" in report.html(result, audit(result, mismatches))


def test_a_design_that_was_changed_in_a_result_is_found(brief: Path) -> None:
    result = files.read(brief / "result.json")
    result["plan"]["plugins"]["design"]["design"]["contrasts"][0]["varies"] = ["answerer"]
    files.write(brief / "result.json", files.pretty(result))
    (wrong,) = held(brief)
    assert wrong.startswith("plan.plugins.design: contrast after - before/test: declares that answerer varies")


def test_a_run_of_another_design_is_replayed_and_gone_on_with(brief: Path) -> None:
    replayed = run.replay(brief)
    assert replayed.differing == ()
    assert replayed.rebuilt > 0


@pytest.mark.usefixtures("toy_site")
def test_a_fork_keeps_its_design_and_another_one_brings_its_own_arms(brief: Path) -> None:
    plan = read(brief / "plan.json")
    assert fork(plan, UserSettings({"seed": 1}))[0].design == toys.BRIEF
    changed, _ = fork(plan, UserSettings({"design": "transfer"}))
    assert changed.design == TRANSFER
    assert set(changed.stages) == {*TRANSFER.standard, *TRANSFER.controls("standard")}


def test_arms_of_one_name_that_mean_different_things_are_not_compared(brief: Path) -> None:
    first, second = compare.read(brief), compare.read(brief)
    arm = second.result["plan"]["plugins"]["design"]["design"]["arms"][0]
    arm["summary"] = "another one"
    with pytest.raises(Exception, match="not comparable: arm before of the design"):
        compare.compare(first, second)


@pytest.mark.usefixtures("toy_site")
def test_a_plugin_whose_design_is_none_is_told_of() -> None:
    with pytest.raises(PluginError, match=r"design 'brief' .*no arm is the treatment"):
        make(UserSettings({**toys.CHOSEN, "design": "brief"}, assignments=("design.level=9",)))


def test_what_a_design_plugin_gives_must_be_a_design(toy_site: Path) -> None:  # noqa: ARG001 - must be installed
    loaded = plugins.load(plugins.DESIGN, "brief")
    broken = plugins.Loaded(loaded.ref, type(loaded.spec)(**{**vars(loaded.spec), "create": lambda _: "none"}))
    with pytest.raises(PluginError, match="gave a str; expected a Design"):
        planned.design(broken, {})
