"""That what an earlier version left stays readable: runs whose results are of schema 1, frozen under tests/data.

One is of the design ``transfer``, with two trainings of an arm; one of another design, as plans held it then.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness import __version__, run
from harness.audit import audit, runs
from harness.boundary import files, schemas
from harness.design import plan as plans
from harness.journal.store import ReadOnlyJournal
from harness.output import report
from harness.output.comparison import compare
from harness.output.terminal import summary
from harness.preflight import identity
from harness.results.checking import rereading
from harness.results.checking.validation import held
from harness.results.result import SCHEMA
from tests.conftest import ToyRun
from tests.harness.output.report.pages import Page

FROZEN = Path(__file__).parents[2] / "data" / "result-1"
NAMES = ("transfer", "brief")
SIZES = ("sizes.test=2", "sizes.reflect=1", "sizes.train=2", "sizes.harder=0", "sizes.skills=0")
"""Sizes of both; below is what was asked for besides."""
ASKED: dict[str, dict[str, Any]] = {
    "transfer": {"stages": ("student-base", "bootstrap", "student-lora"), "training_seeds": 2},
    "brief": {"design": "brief", "stages": ("before", "study", "after")},
}


@pytest.fixture(params=NAMES)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a frozen run, to be read or spoiled."""
    return Path(shutil.copytree(FROZEN / request.param, tmp_path / request.param))


@pytest.fixture
def as_then(toy_site: Path, older: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness in the version of the frozen run, and the toys as if their source had not changed since."""
    assert toy_site.is_dir()
    monkeypatch.setattr(plans, "__version__", files.read(older / "result.json")["harness"])
    monkeypatch.setattr(identity, "changed", lambda *_: [])


def test_it_is_of_the_first_schema(older: Path) -> None:
    assert files.read(older / "result.json")["schema"] == schemas.FIRST_RESULT


def test_its_plan_is_still_the_same_plan(older: Path) -> None:
    assert plans.read(older / "plan.json").sha256 == files.read(older / "result.json")["plan_sha256"]


@pytest.mark.usefixtures("as_then")
def test_it_is_valid_and_its_replies_are_read_again(older: Path) -> None:
    assert held(older) == []


@pytest.mark.usefixtures("as_then")
@pytest.mark.parametrize("place", [("learning", "strategies", 0, "text"), ("training", 0, "steps")])
def test_what_it_says_is_still_held_against_its_journal(older: Path, place: tuple[str | int, ...]) -> None:
    result = files.read(older / "result.json")
    inner: Any = result
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = "another"
    with closing(ReadOnlyJournal(older / "journal.jsonl")) as journal:
        (wrong,) = rereading.differing(older, journal, result)
    assert wrong.startswith(f"{schemas.path_text(place)}: says 'another'")


@pytest.mark.usefixtures("as_then")
def test_all_that_a_replay_makes_of_it_beside_the_result_is_the_same_to_the_byte(older: Path) -> None:
    replayed = run.replay(older)
    assert {text.partition(":")[0] for text in replayed.differing} == {"result.json", "audit.json", "report.html"}
    assert replayed.rebuilt > len(replayed.differing)


def test_its_audit_misses_nothing_that_a_later_result_says(older: Path) -> None:
    result, mismatches = runs.read(older)
    made = audit(result, mismatches)
    assert list(schemas.violations("audit", made)) == []
    findings = {check["id"]: check["findings"] for check in made["checks"]}
    assert [what for name in ("errors-present", "coverage", "adapter") for what in findings[name]]
    missing = [each["text"] for inner in findings.values() for each in inner if "missing" in each["text"]]
    assert missing == []


def test_its_page_and_its_summary_are_made(older: Path) -> None:
    result, mismatches = runs.read(older)
    page = Page(report.html(result, audit(result, mismatches)))
    assert page.faults == []
    treatment = result["training"][0]["arm"]
    assert page.row(f"{treatment}, seed {result['training'][0]['training_seed']}", "test")
    assert treatment in summary.text(result)


@pytest.fixture
def later(older: Path, finished_run: ToyRun) -> Path:
    """What this version makes of the same experiment."""
    return finished_run(*SIZES, out="later", **ASKED[older.name])


def _now(side: compare.Side) -> compare.Side:
    """A side as if this version had written it: no two versions are compared whose numbers can differ."""
    return compare.Side({**side.result, "harness": __version__}, side.audit, side.items)


@pytest.mark.parametrize("turned", [False, True])
def test_it_is_compared_with_a_result_of_this_version(older: Path, later: Path, turned: bool) -> None:
    first, second = (_now(compare.read(path)) for path in ((later, older) if turned else (older, later)))
    assert {first.result["schema"], second.result["schema"]} == {schemas.FIRST_RESULT, SCHEMA}
    made = compare.compare(first, second)
    assert {arm["arm"] for arm in made["arms"]} == {arm["arm"] for arm in first.result["arms"]}
