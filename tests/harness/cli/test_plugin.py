from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.api import EXPLANATIONS
from harness.boundary import files
from harness.cli import main
from harness.design.transfer import TRANSFER
from harness.registry.plugins import KINDS, PluginRef, installed

FakeDistribution = Callable[..., Path]


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, prog_name="harness")


def lines(result: Result, containing: str) -> Sequence[str]:
    return [line for line in result.stdout.splitlines() if containing in line]


OURS = tuple(ref for ref in installed() if ref.distribution == "transfer-harness")


def test_a_table_lists_every_plugin_that_ships_within_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.cli.plugin.installed", lambda _: OURS)
    result = run("plugin", "list")
    assert result.exit_code == 0
    heading, *rows = result.stdout.splitlines()
    assert heading.split() == ["KIND", "NAME", "DISTRIBUTION", "VERSION", "MODULE"]
    assert [row.split()[1] for row in rows] == [ref.name for ref in OURS]
    assert max(map(len, rows)) <= 80


def test_one_kind_can_be_listed(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", {"harness.teachers": {"one": "m"}, "harness.observers": {"two": "m"}})
    result = run("plugin", "list", "--kind", "observer")
    assert lines(result, "two")
    assert not lines(result, "one ")
    assert not lines(result, "teacher")


def test_the_list_as_json_holds_the_same(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", {"harness.observers": {"mine": "m:hooks"}})
    rows = json.loads(run("plugin", "list", "--kind", "observer", "--json").stdout)
    assert {
        "kind": "observer",
        "name": "mine",
        "target": "m:hooks",
        "distribution": "harness-mine",
        "version": "1.0",
        "conflict": False,
    } in rows


def test_a_name_of_two_distributions_is_marked(fake_distribution: FakeDistribution) -> None:
    for name in ("harness-mine", "harness-theirs"):
        fake_distribution(name, {"harness.teachers": {"twin": "m"}})
    fake_distribution("harness-single", {"harness.tasks": {"twin": "m"}})
    result = run("plugin", "list")
    assert ["!" in line for line in lines(result, "twin")] == [False, True, True]
    assert lines(result, "provided more than once")
    marked = [row for row in json.loads(run("plugin", "list", "--json").stdout) if row["conflict"]]
    assert [row["distribution"] for row in marked] == ["harness-mine", "harness-theirs"]


def test_listing_imports_no_plugin_and_shows_a_broken_one(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", {"harness.teachers": {"bad": "bad_module"}}, {"bad_module": "raise SystemExit"})
    assert lines(run("plugin", "list"), "bad_module")
    assert "bad_module" not in sys.modules


def test_a_kind_without_plugins_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.registry.plugins._declared", list)
    assert run("plugin", "list", "--kind", "observer").stdout == "no observer is installed\n"
    assert run("plugin", "list", "--json").stdout == "[]\n"


@pytest.fixture
def echo(fake_distribution: FakeDistribution, echo_source: str) -> None:
    fake_distribution("harness-mine", {"harness.teachers": {"echo": "echo_module"}}, {"echo_module": echo_source})


@pytest.mark.usefixtures("echo")
def test_a_plugin_is_shown_with_summary_origin_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    result = run("plugin", "show", "teacher", "echo")
    assert result.exit_code == 0
    for text in (
        "teacher echo (simulated)",
        "Says it again.",
        "from harness-mine 1.0, module echo_module, plugin API 1",
        "max_tokens: int >= 1; default 256",
        "tone: 'plain' | 'warm'; default 'plain'",
        "model: str; required",
        "How it speaks.",
    ):
        assert lines(result, text)
    assert max(map(len, result.stdout.splitlines())) <= 60


@pytest.mark.usefixtures("echo")
def test_a_plugin_as_json_holds_the_same() -> None:
    record = json.loads(run("plugin", "show", "teacher", "echo", "--json").stdout)
    assert record["simulated"] is True
    assert record["api"] == 1
    assert (record["distribution"], record["version"], record["target"]) == ("harness-mine", "1.0", "echo_module")
    assert [(option["name"], option["default"], option["required"]) for option in record["options"]] == [
        ("max_tokens", 256, False),
        ("tone", "plain", False),
        ("model", None, True),
    ]


@pytest.mark.parametrize("ref", OURS, ids=lambda ref: f"{ref.kind} {ref.name}")
def test_every_plugin_that_ships_can_be_shown(ref: PluginRef) -> None:
    result = run("plugin", "show", ref.kind, ref.name)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("show", "teacher", "eco"), "no teacher named 'eco'; did you mean 'echo'? installed: "),
        (
            ("show", "techer", "echo"),
            "no plugin kind 'techer'; did you mean 'teacher'? kinds: design, task, verifier, ",
        ),
        (("list", "--kind", "teachers"), "no plugin kind 'teachers'; did you mean 'teacher'? kinds: "),
    ],
)
@pytest.mark.usefixtures("echo")
def test_a_wrong_name_ends_in_one_line_and_exit_2(args: tuple[str, ...], says: str) -> None:
    result = run("plugin", *args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"harness: {says}")
    assert len(result.stderr.splitlines()) == 1


def test_the_help_names_every_kind() -> None:
    text = " ".join(run("plugin", "list", "--help").stdout.split())
    assert all(kind in text for kind in KINDS)


def test_what_a_student_brings_for_a_trainer_stands_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("plugin", "show", "student", "qwen-tiny").stdout
    assert "  with the trainer lora:\n    trainer.rank = 16\n" in shown
    assert "  with the trainer lora-all-linear:\n    trainer.rank = 16\n" in shown


def test_a_plugin_in_a_group_that_nothing_reads_is_told_beside_the_list(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", {"harness_teachers": {"lost": "lost_module"}})
    told = (
        "harness: warning: harness-mine declares 'lost' in the entry-point group 'harness_teachers', which nothing "
        "reads; expected harness.teachers\n"
    )
    result = run("plugin", "list", "--json")
    assert (result.exit_code, result.stderr) == (0, told)
    assert json.loads(result.stdout)
    assert run("plugin", "list", "--kind", "teacher").stderr == told
    assert run("plugin", "list", "--kind", "student").stderr == ""


def test_what_a_plugin_prints_is_no_part_of_what_is_said_of_it(
    fake_distribution: FakeDistribution, echo_source: str
) -> None:
    source = "import sys\nprint('at import')\nsys.stdout.write('written')\n" + echo_source
    fake_distribution("harness-mine", {"harness.teachers": {"echo": "echo_module"}}, {"echo_module": source})
    result = run("plugin", "show", "teacher", "echo", "--json")
    assert json.loads(result.stdout)["name"] == "echo"
    assert result.stderr == "at import\nwritten"


@pytest.mark.parametrize(
    "default", ["Field(default_factory=lambda: 1 / 0)", "object()", "Field(default_factory=lambda: exit(0))"]
)
def test_options_that_cannot_be_described_name_their_plugin(
    fake_distribution: FakeDistribution, echo_source: str, default: str
) -> None:
    source = echo_source.replace('model: str = Field(description="Which model.")', f"model: object = {default}")
    fake_distribution("harness-mine", {"harness.teachers": {"echo": "echo_module"}}, {"echo_module": source})
    result = run("plugin", "show", "teacher", "echo", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("harness: teacher 'echo' (harness-mine 1.0, echo_module) failed in being described")
    assert len(result.stderr.splitlines()) == 1


def test_a_design_is_shown_with_its_arms_contrasts_and_what_each_control_rules_out() -> None:
    shown = run("plugin", "show", "design", "transfer").stdout
    assert max(map(len, shown.splitlines())) <= 80
    told = " ".join(shown.split())
    for arm in TRANSFER.arms:
        assert f"{arm.name} {arm.answers} {'control, ' if arm.control else ''}{arm.control or arm.role}" in told
    for contrast in TRANSFER.contrasts:
        assert f"{contrast.first} - {contrast.second}/{contrast.split}: {contrast.factor} (varies" in told
    for name in TRANSFER.controls("all"):
        assert f"{name} rules out {EXPLANATIONS[TRANSFER.arm(name).rules_out or 'form']}" in told
    assert f"{sum(arm.recipe is not None for arm in TRANSFER.arms)} trainings" in told


def test_a_design_as_json_holds_all_of_it() -> None:
    assert json.loads(run("plugin", "show", "design", "transfer", "--json").stdout)["contrasts"] == files.plain(
        TRANSFER.contrasts
    )


def test_a_design_is_shown_with_the_sizes_that_it_brings() -> None:
    shown = run("plugin", "show", "design", "cycles").stdout
    assert "  sizes.train = 60\n" in shown
    assert "  problems: 300 test, 100 reflect, 60 train, 150 harder, 150 skills\n" in shown


@pytest.mark.usefixtures("toy_site")
def test_a_design_without_controls_is_shown_with_the_claims_that_it_withholds() -> None:
    told = " ".join(run("plugin", "show", "design", "brief").stdout.split())
    assert "4 what the teacher had learned matters: a lead over a control that rules out that" in told
    assert "withheld, since no control of the design rules out that what the teacher could do before it learned" in told


@pytest.mark.usefixtures("toy_site")
def test_a_design_is_held_to_what_it_declares() -> None:
    assert run("plugin", "check", "design", "brief").exit_code == 0
    broken = run("plugin", "check", "design", "brief", "-o", "design.level=9")
    assert broken.exit_code == 2
    assert "no arm is the treatment" in broken.stderr
