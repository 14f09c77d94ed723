from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from harness.api import Config, UsageError, hookimpl
from harness.boundary import files
from harness.design import plan
from harness.design.plan import Plan, UserSettings
from harness.design.transfer import TRANSFER
from tests import toys
from tests.toys import CHOSEN

pytestmark = pytest.mark.usefixtures("toy_site")
BAD_PRESETS: dict[str, Config] = {"chooser": {"run": {"student": "toy"}}, "stranger": {"size": {"test": 3}}}


def _make(*assignments: str, config: Path | None = None, **run: Any) -> Plan:
    return plan.make(UserSettings({**CHOSEN, **run}, config, assignments))[0]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text('[run]\nseed = 3\nstages = ["teacher-base"]\n[sizes]\ntest = 20\n[teacher]\nlevel = 2\n')
    return path


def test_without_stages_all_stages_and_the_standard_controls_are_planned() -> None:
    assert _make().stages == (*TRANSFER.standard, *TRANSFER.controls("standard"))
    assert _make(controls="all").stages == TRANSFER.names
    assert _make(controls="none").stages == TRANSFER.standard
    assert _make(stages=("student-base",)).stages == ("student-base",)
    assert _make(stages=("bootstrap",), controls="standard").stages == ("bootstrap", *TRANSFER.controls("standard"))


def test_later_sources_win(config: Path) -> None:
    assert _make().sizes["test"] == 12
    assert _make(config=config).sizes == {"test": 20, "reflect": 6, "train": 9, "harder": 8, "skills": 4}
    assert _make("sizes.test=30", config=config).sizes["test"] == 30
    assert _make(config=config).seed == 3
    assert _make(config=config, seed="4").seed == 4
    assert _make(config=config).plugins["teacher"].options["level"] == 2
    assert _make("teacher.level=5", config=config).plugins["teacher"].options["level"] == 5


def test_a_preset_can_set_what_the_run_is_and_later_sources_win(tmp_path: Path) -> None:
    made = _make(preset="solver")
    assert (made.labels, made.prompts, made.sizes["test"]) == ("verifier", "separate", 12)
    made = _make("run.labels=teacher", preset="solver")
    assert (made.labels, made.prompts) == ("teacher", "separate")
    path = tmp_path / "run.toml"
    path.write_text('[run]\nprompts = "same"\nmargin = 0.1\ntraining_seeds = 2\n')
    made = _make(preset="solver", config=path)
    assert (made.labels, made.prompts, made.margin, made.training_seeds) == ("verifier", "same", 0.1, 2)
    assert _make(preset="solver", config=path, training_seeds="4").training_seeds == 4


def test_without_a_word_the_teacher_labels_all_arms_are_asked_alike_and_trained_once() -> None:
    made = _make()
    assert (made.labels, made.prompts, made.training_seeds, made.margin, made.checks) == (
        "teacher",
        "same",
        1,
        0.05,
        (),
    )


def test_training_seeds_begin_at_the_published_one_and_no_neighbouring_run_shares_any() -> None:
    assert _make(training_seeds=3).seeds == (999, 101_002, 201_005)
    runs = [set(_make(training_seeds=20, seed=seed).seeds) for seed in range(50)]
    assert sum(map(len, runs)) == len(set.union(*runs))


def test_a_preset_that_cannot_be_used_is_refused_for_a_new_run_and_for_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _make()
    (task, *_) = toys.harness_tasks()
    monkeypatch.setattr(toys, "harness_tasks", hookimpl(lambda: [replace(task, presets=BAD_PRESETS)]))
    for name, message in (
        (
            "chooser",
            r"preset 'chooser' of task 'parity' \(harness-toys .*\): sets run\.student, which is chosen before",
        ),
        (
            "stranger",
            r"preset 'stranger' of task 'parity' \(harness-toys .*\): no section 'size'; did you mean 'sizes'\?",
        ),
    ):
        with pytest.raises(UsageError, match=message):
            _make(preset=name)
        with pytest.raises(UsageError, match=message):
            plan.fork(made, UserSettings({"preset": name}))


def test_a_fork_to_another_task_leaves_the_preset_and_the_verifier_of_the_first_behind() -> None:
    made = _make("run.labels=verifier")
    other = plan.fork(made, UserSettings({"task": "staged-parity"}))[0]
    assert (other.preset, other.labels, other.sizes) == (None, "verifier", made.sizes)
    assert plan.fork(made, UserSettings({"task": "parity"}))[0] == made


def test_a_plan_read_back_uses_the_same_problem_sets_in_the_same_order(tmp_path: Path) -> None:
    made = _make(limit="5")
    (tmp_path / "plan.json").write_text(files.pretty(made))
    for one in (made, plan.read(tmp_path / "plan.json")):
        assert one.splits == ("test", "reflect", "train", "harder", "skills")
        assert [one.count(split) for split in one.splits] == [5, 5, 5, 5, 4]
    assert _make(stages=("bootstrap",)).splits == ("reflect",)
    assert _make("sizes.harder=0", stages=("student-base",)).splits == ("test", "skills")


@pytest.mark.parametrize(
    ("stages", "labels", "asked"),
    [
        (("teacher-base",), "teacher", (True, False, False)),
        (("bootstrap",), "verifier", (True, False, False)),
        (("student-base",), "teacher", (False, True, False)),
        (("lora-naive",), "teacher", (True, True, True)),
        (("lora-naive",), "verifier", (False, True, True)),
    ],
)
def test_a_plan_says_whom_it_asks_and_whether_it_trains(
    stages: tuple[str, ...], labels: str, asked: tuple[bool, ...]
) -> None:
    made = _make(f"run.labels={labels}", stages=stages)
    assert (made.asks_teacher, made.asks_student, made.trains) == asked


def test_the_plan_says_what_is_simulated_and_where_plugins_come_from() -> None:
    made = _make()
    assert made.simulated == ("teacher toy",)
    assert (made.plugins["student"].distribution, made.plugins["student"].version) == ("harness-toys", "1.0")


@pytest.mark.parametrize("run", [{}, {"preset": "solver", "training_seeds": "3"}])
def test_a_plan_read_back_is_the_same_plan(tmp_path: Path, run: dict[str, Any]) -> None:
    made = _make(**run)
    (tmp_path / "plan.json").write_text(files.pretty(made))
    assert plan.read(tmp_path / "plan.json") == made
    assert plan.read(tmp_path / "plan.json").sha256 == made.sha256
    plan.reload(made)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"stages": ("teacher-bass",)}, "no stage named 'teacher-bass'; did you mean 'teacher-base'?"),
        ({"stages": ()}, "--stages: none given"),
        ({"stages": ("student-lora",)}, "student-lora needs a learned strategy; add the stage bootstrap"),
        ({"stages": ("teacher-strategy", "student-prompted")}, "teacher-strategy, student-prompted need a learned"),
        ({"preset": "smal"}, "no preset 'smal'; did you mean 'small'?"),
        ({"seed": "-1"}, "option run.seed: got '-1', expected a value greater than or equal to 0"),
        ({"limit": "0"}, "option run.limit: got '0'"),
        ({"controls": "some"}, "option run.controls: got 'some', expected 'none', 'standard' or 'all'"),
        ({"strategy_file": "/nowhere/s.md"}, "--strategy-file /nowhere/s.md: No such file or directory"),
        ({"teacher": "tow"}, "no teacher named 'tow'"),
        ({"training_seeds": "0"}, "option run.training_seeds: got '0'"),
        ({"training_seeds": "21"}, "option run.training_seeds: got '21'"),
        ({"checks": ("nosuch",)}, "no check named 'nosuch'"),
    ],
)
def test_what_cannot_be_planned_is_one_line(run: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _make(**run)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("teacher.nope=1", "option teacher.nope: no such option"),
        ("teacher.level=10", "option teacher.level: got '10', expected a value less than or equal to 9"),
        ("teachers.level=1", "-o: no section 'teachers'; did you mean 'teacher'?"),
        ("sizes.test=none", "option sizes.test: got 'none', expected a valid integer"),
        ("level=1", "expected SECTION.NAME=VALUE"),
        ("run.labels=nobody", "option run.labels: got 'nobody', expected 'teacher' or 'verifier'"),
        ("run.prompts=other", "option run.prompts: got 'other', expected 'same' or 'separate'"),
        ("run.margin=0", "option run.margin: got '0', expected a value greater than 0"),
        ("observer.log=1", "-o observer.log: expected -o observer.NAME.OPTION=VALUE"),
        ("check.log=1", "-o check.log: expected -o check.NAME.OPTION=VALUE"),
        ("check.log.most=1", "options for check 'log', which is not chosen; add --check log"),
        ("run.margin=nan", "option run.margin: got 'nan'"),
    ],
)
def test_an_assignment_that_does_not_fit_is_one_line(assignment: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        _make(assignment)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "empty; expected tables"),
        (b"[run", "not a TOML file"),
        (b"\xff\xfe", "not a TOML file"),
        (b"seed = 1", "'seed' stands outside a table"),
        (b"[teachr]\nlevel = 1", "no section 'teachr'; did you mean 'teacher'?"),
        (b"[run]\nsed = 1", "option run.sed: no such option; did you mean 'seed'?"),
        (b"[observer]\nlog = 1", "observer.log: expected a table such as [observer.log]"),
        (b"[check]\nlog = 1", "check.log: expected a table such as [check.log]"),
        (b"[check.log]\nmost = 1", "options for check 'log', which is not chosen; add --check log"),
        (b"[run]\nstages = 3", "option run.stages: got 3"),
    ],
)
def test_a_config_file_that_is_wrong_is_one_line(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        _make(config=path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_strategy_file_and_the_bootstrap_stage_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "strategy.md"
    path.write_text("Think.")
    assert "bootstrap" not in _make(strategy_file=str(path)).stages
    with pytest.raises(UsageError, match="takes the place of the stage bootstrap"):
        _make(strategy_file=str(path), stages=("bootstrap",))
    path.write_text(" \n")
    with pytest.raises(UsageError, match="empty"):
        _make(strategy_file=str(path))


@pytest.mark.parametrize("text", ["{}", "[]", "nonsense", '{"plugins": 3}'])
def test_a_damaged_plan_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(UsageError, match="not a plan of this harness"):
        plan.read(tmp_path / "plan.json")


# What a student brings along


def _brings(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    (student, *_) = toys.harness_students()
    monkeypatch.setattr(toys, "harness_students", hookimpl(lambda: [replace(student, **changes)]))


def _other_trainer(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    """A second trainer, ``plain``, that has an option of another kind."""

    class Options(BaseModel):
        steps: int = 3

    (trainer, *_) = toys.harness_trainers()
    other: Any = replace(trainer, name="plain", options=Options)  # type: ignore[arg-type]  # another plugin's
    monkeypatch.setattr(toys, "harness_trainers", hookimpl(lambda: [trainer, other]))
    points = site / "harness_toys-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text() + "plain = tests.toys\n")


def test_settings_for_one_trainer_are_used_with_that_one_alone(monkeypatch: pytest.MonkeyPatch, toy_site: Path) -> None:
    _other_trainer(monkeypatch, toy_site)
    _brings(
        monkeypatch, defaults={"trainer.toy": {"level": 7}, "trainer.plain": {"steps": 5}, "reflection.x": {"y": 1}}
    )
    assert _make().plugins["trainer"].options["level"] == 7
    assert _make(trainer="plain").plugins["trainer"].options == {"steps": 5}
    assert _make("trainer.level=2").plugins["trainer"].options["level"] == 2


def test_a_preset_s_settings_for_one_plugin_lie_over_the_student_s(monkeypatch: pytest.MonkeyPatch) -> None:
    _brings(monkeypatch, defaults={"trainer.toy": {"level": 7, "marker": "x"}})
    (task, *_) = toys.harness_tasks()
    preset: dict[str, Config] = {"mine": {"trainer.toy": {"level": 3}, "trainer.other": {"nope": 1}}}
    monkeypatch.setattr(toys, "harness_tasks", hookimpl(lambda: [replace(task, presets=preset)]))
    made = _make(preset="mine").plugins["trainer"].options
    assert (made["level"], made["marker"]) == (3, "x")


def test_settings_for_any_trainer_that_the_chosen_one_does_not_have_name_the_student_that_brings_them(
    monkeypatch: pytest.MonkeyPatch, toy_site: Path
) -> None:
    _other_trainer(monkeypatch, toy_site)
    _brings(monkeypatch, defaults={"trainer": {"level": 7}})
    assert _make().plugins["trainer"].options["level"] == 7
    with pytest.raises(
        UsageError, match=r"^the defaults of student 'toy' \(harness-toys 1.0, tests.toys\): sets trainer"
    ):
        _make(trainer="plain")


def test_a_fork_gives_a_trainer_that_is_new_to_it_what_its_student_brings(
    monkeypatch: pytest.MonkeyPatch, toy_site: Path
) -> None:
    _other_trainer(monkeypatch, toy_site)
    _brings(monkeypatch, defaults={"trainer.toy": {"level": 7}, "trainer.plain": {"steps": 5}})
    made = _make("trainer.level=2")
    assert plan.fork(made, UserSettings({"trainer": "plain"}))[0].plugins["trainer"].options == {"steps": 5}
    assert plan.fork(made, UserSettings({"trainer": "toy"}))[0] == made
