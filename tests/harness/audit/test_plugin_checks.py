"""Checks of plugins: asked for on the command line or by the plan, and never trusted to be sound."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.api import UsageError
from harness.audit import EXIT_BLOCKED
from harness.boundary import filenames, files, schemas
from harness.cli import main
from tests.conftest import ToyRun
from tests.harness.audit.results import honest
from tests.harness.conftest import FakeDistribution

SOURCE = """
from pydantic import BaseModel, ConfigDict

from harness.api import hookimpl
from harness.api import Finding
from harness.api import CheckSpec


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    least: int = {least}


class Enough:
    rule = {rule}
    severity = "{severity}"
    advice = {advice}

    def __init__(self, name, least):
        self.id = name
        self.least = least

    def look(self, evidence):
        for arm in evidence["arms"]:
            if arm["split"] == "{broken}":
                raise RuntimeError("a secret\\nin two lines")
            yield Finding(arm["arm"], "pass" if arm["n"] >= self.least else "fail", {text})

    {more}


def spec(name, told):
    return CheckSpec(name=name, summary="Enough.", options=Options, create=lambda options: Enough(told, options.least))


@hookimpl
def harness_checks():
    return [spec("{name}", "{told}")]
"""


def _install(fake_distribution: FakeDistribution, **values: object) -> None:
    texts = {"rule": "'Enough problems.'", "advice": "'Ask for more problems.'", "text": "str(arm['n'])", "more": ""}
    given = {"least": 1, "severity": "block", "broken": "never", "told": "enough", "name": "enough", **texts} | values
    source = SOURCE
    for key, value in given.items():
        source = source.replace(f"{{{key}}}", str(value))
    fake_distribution("enough-checks", {"harness.checks": {given["name"]: "enough_checks"}}, {"enough_checks": source})


def _audit(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", str(folder), *arguments])


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which nothing is wrong, as small as may be: 20 problems in an arm at least."""
    sizes = {"test": 60, "harder": 60, "reflect": 20, "train": 4, "skills": 20}
    return honest(seeds=1, sizes=sizes).write(tmp_path_factory.mktemp("clean") / "run")


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clean, tmp_path / "run"))


@pytest.mark.parametrize(
    ("least", "severity", "verdict"), [(20, "block", "clean"), (21, "block", "blocked"), (21, "warn", "clean")]
)
def test_a_check_that_is_asked_for_counts_as_much_as_its_severity(
    fake_distribution: FakeDistribution, folder: Path, least: int, severity: str, verdict: str
) -> None:
    _install(fake_distribution, least=least, severity=severity)
    shown = _audit(folder, "--check", "enough", "--json")
    made = json.loads(shown.output)
    assert not list(schemas.violations("audit", made))
    assert made["checks"][-1]["id"] == "enough"
    assert made["checks"][-1]["status"] == ("pass" if least == 20 else "fail")
    assert (made["verdict"], shown.exit_code) == (verdict, EXIT_BLOCKED if verdict == "blocked" else 0)


def test_without_being_asked_for_it_does_not_run(fake_distribution: FakeDistribution, folder: Path) -> None:
    _install(fake_distribution, least=999)
    assert _audit(folder).exit_code == 0


def test_a_check_of_the_plan_runs_at_the_end_of_the_run_and_in_every_audit_of_it(
    fake_distribution: FakeDistribution, toy_run: ToyRun
) -> None:
    _install(fake_distribution, least=999)
    run_dir = toy_run(checks=("enough",))
    assert "enough" in files.read(run_dir / filenames.AUDIT)["blocking"]
    assert "enough" in json.loads(_audit(run_dir, "--json").output)["blocking"]


def test_asked_for_twice_it_runs_once(fake_distribution: FakeDistribution, toy_run: ToyRun) -> None:
    _install(fake_distribution)
    run_dir = toy_run(checks=("enough",))
    made = json.loads(_audit(run_dir, "--check", "enough", "--json").output)
    assert [check["id"] for check in made["checks"]].count("enough") == 1


def test_a_check_that_breaks_is_unknown_and_blocks(fake_distribution: FakeDistribution, folder: Path) -> None:
    _install(fake_distribution, broken="harder")
    shown = _audit(folder, "--check", "enough")
    assert shown.exit_code == EXIT_BLOCKED
    assert "by what is not known: enough" in " ".join(shown.output.split())
    assert "the check broke: RuntimeError" in shown.output
    assert "secret" not in shown.output


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"told": "overlap"}, "calls itself 'overlap'"),
        ({"severity": "fatal"}, "has the severity 'fatal'; expected block, warn, note"),
        ({"rule": "7"}, "has 7 as its rule; expected text"),
        ({"advice": "None"}, "has None as its advice; expected text"),
        ({"advice": "'\\ud800'"}, "has '\\ud800' as its advice; expected text"),
        ({"rule": "property(lambda self: 1 / 0)"}, "cannot say its rule (ZeroDivisionError: division by zero)"),
        ({"advice": "property(lambda self: exit(0))"}, "cannot say its advice (SystemExit: 0)"),
        ({"more": "severity = property(lambda self: [][1])"}, "cannot say its severity (IndexError: "),
        ({"more": "severity = ['block']"}, "has ['block'] as its severity; expected text"),
        ({"more": "id = property(lambda self: {}['id'], lambda self, name: None)"}, "cannot say its id (KeyError: "),
        ({"more": "id = property(lambda self: 7, lambda self, name: None)"}, "has 7 as its id; expected text"),
        ({"more": "del rule"}, "has no rule ('Enough' object has no attribute 'rule')"),
        ({"more": "look = 'look'"}, "has 'look' as its look; expected a function"),
        ({"more": "rule = property(lambda self: 'a\\nb' + chr(27) + 7)"}, "cannot say its rule (TypeError: "),
    ],
)
def test_a_check_that_breaks_its_contract_is_refused_in_one_line(
    fake_distribution: FakeDistribution, finished_run: ToyRun, values: dict[str, str], wrong: str
) -> None:
    _install(fake_distribution, **values)
    shown = _audit(finished_run(), "--check", "enough")
    assert shown.exit_code == 2
    assert f"check 'enough' (enough-checks 1.0, enough_checks) {wrong}" in shown.output
    assert "its plugin is broken" in shown.output
    assert len(shown.output.strip().splitlines()) == 1


def test_what_a_check_says_of_itself_is_read_once(fake_distribution: FakeDistribution, folder: Path) -> None:
    _install(
        fake_distribution,
        more="asked = []; rule = property(lambda self: 'Once.' if not self.asked.append(1) and "
        "len(self.asked) < 2 else 1 / 0)",
    )
    made = json.loads(_audit(folder, "--check", "enough", "--json").output)
    assert made["checks"][-1]["rule"] == "Once."


def test_what_a_check_broke_with_is_told_by_traceback_alone(fake_distribution: FakeDistribution, folder: Path) -> None:
    _install(fake_distribution, broken="harder")
    shown = CliRunner().invoke(main, ["--traceback", "audit", str(folder), "--check", "enough", "--json"])
    assert shown.exit_code == EXIT_BLOCKED
    assert "RuntimeError: a secret\nin two lines" in shown.stderr
    assert "enough_checks.py" in shown.stderr
    (*_, found) = json.loads(shown.stdout)["checks"][-1]["findings"]
    assert found["text"] == "the check broke: RuntimeError"
    assert CliRunner().invoke(main, ["audit", str(folder), "--check", "enough"]).stderr == ""


def test_an_unknown_check_is_refused_with_what_there_is(
    fake_distribution: FakeDistribution, finished_run: ToyRun
) -> None:
    _install(fake_distribution)
    shown = _audit(finished_run(), "--check", "enouhg")
    assert shown.exit_code == 2
    assert "no check named 'enouhg'; did you mean 'enough'? installed: enough" in shown.output
    assert len(shown.output.strip().splitlines()) == 1


def test_a_check_of_the_name_of_one_of_the_harness_is_refused_before_anything_is_done(
    fake_distribution: FakeDistribution, toy_run: ToyRun, finished_run: ToyRun, tmp_path: Path
) -> None:
    _install(fake_distribution, name="overlap", told="overlap")
    shown = _audit(finished_run(), "--check", "overlap")
    assert shown.exit_code == 2
    assert "check 'overlap' (enough-checks 1.0, enough_checks) has the name of a check of the harness" in shown.output
    assert len(shown.output.strip().splitlines()) == 1
    with pytest.raises(UsageError, match="has the name of a check of the harness"):
        toy_run(checks=("overlap",), out="planned")
    assert not (tmp_path / "planned").exists()


def test_a_finding_that_no_file_can_hold_is_no_finding(fake_distribution: FakeDistribution, folder: Path) -> None:
    _install(fake_distribution, text="'\\ud800'")
    shown = _audit(folder, "--check", "enough", "--json")
    found = json.loads(shown.output)["checks"][-1]
    assert [row["text"] for row in found["findings"]] == ["the check broke: TypeError"]
    assert (found["status"], shown.exit_code) == ("unknown", EXIT_BLOCKED)


def test_an_option_of_a_check_can_be_set_for_an_audit(fake_distribution: FakeDistribution, folder: Path) -> None:
    _install(fake_distribution)
    assert _audit(folder, "--check", "enough").exit_code == 0
    assert _audit(folder, "--check", "enough", "-o", "check.enough.least=999").exit_code == EXIT_BLOCKED


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "check.enough.least=9"), "options for check 'enough', which is not chosen; add --check enough"),
        (("--check", "enough", "-o", "check.enough.most=9"), "option check.enough.most: no such option; see: harness"),
        (("--check", "enough", "-o", "check.enough.least=x"), "option check.enough.least: got 'x', expected a valid"),
        (("--check", "enough", "-o", "check.enough=9"), "-o check.enough: expected -o check.NAME.OPTION=VALUE"),
        (("--check", "enough", "-o", "task.x=9"), "-o belong to --table, but for -o check.NAME.OPTION=VALUE"),
    ],
)
def test_an_option_of_a_check_that_does_not_fit_is_one_line(
    fake_distribution: FakeDistribution, finished_run: ToyRun, arguments: tuple[str, ...], told: str
) -> None:
    _install(fake_distribution)
    shown = _audit(finished_run(), *arguments)
    assert (shown.exit_code, len(shown.output.strip().splitlines())) == (2, 1)
    assert told in shown.output


def test_the_options_of_a_check_are_part_of_the_plan_and_hold_whenever_it_is_audited(
    fake_distribution: FakeDistribution, toy_run: ToyRun, tmp_path: Path
) -> None:
    _install(fake_distribution)
    run_dir = toy_run("check.enough.least=999", checks=("enough",))
    planned = files.read(run_dir / filenames.PLAN)
    assert planned["checks"] == [{"name": "enough", "options": {"least": 999}}]
    assert not list(schemas.violations("plan", planned))
    assert "enough" in files.read(run_dir / filenames.AUDIT)["blocking"]
    assert CliRunner().invoke(main, ["validate", str(run_dir)]).exit_code == 0
    assert CliRunner().invoke(main, ["replay", str(run_dir)]).exit_code == 0
    assert "enough" in json.loads(_audit(run_dir, "--json").output)["blocking"]
    looser = ("--check", "enough", "-o", "check.enough.least=1")
    assert "enough" not in json.loads(_audit(run_dir, *looser, "--json").output)["blocking"]
    shown = CliRunner().invoke(main, ["run", "--fork", str(run_dir), "--out", str(tmp_path / "fork")])
    assert shown.exit_code == EXIT_BLOCKED, shown.output
    assert files.read(tmp_path / "fork" / filenames.PLAN) == planned


def test_a_check_without_an_option_of_its_own_stands_in_the_plan_by_its_name(
    fake_distribution: FakeDistribution, toy_run: ToyRun
) -> None:
    _install(fake_distribution)
    assert files.read(toy_run(checks=("enough",)) / filenames.PLAN)["checks"] == ["enough"]
    assert files.read(toy_run(out="other") / filenames.PLAN)["checks"] == []


@pytest.mark.parametrize("name", ["rule", "advice", "severity", "id"])
def test_a_check_that_cannot_say_what_it_is_is_refused_in_one_line(
    fake_distribution: FakeDistribution, finished_run: ToyRun, name: str
) -> None:
    broken = f"'x'\n\n    @property\n    def {name}(self):\n        raise SystemExit(0)\n\n    other = 0"
    _install(fake_distribution, advice=broken)
    shown = _audit(finished_run(), "--check", "enough")
    assert (shown.exit_code, len(shown.output.strip().splitlines())) == (2, 1)
    assert "check 'enough' (enough-checks 1.0, enough_checks)" in shown.output
