from __future__ import annotations

import configparser
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.api import PluginError, hookspecs
from harness.registry.plugins import (
    KINDS,
    OBSERVER,
    TASK,
    TEACHER,
    PluginRef,
    find,
    installed,
    kind_of,
    load,
    misplaced,
)

FakeDistribution = Callable[..., Path]
ROOT = Path(__file__).parents[3]


def teachers(**points: str) -> dict[str, dict[str, str]]:
    return {"harness.teachers": points}


def offering(expression: str) -> str:
    """A module whose teacher hook returns an expression; ``spec(...)`` is at hand in it."""
    return f"""
from pydantic import BaseModel
from harness.api import hookimpl
from harness.api import StudentSpec, TeacherSpec

def spec(name="echo", options=BaseModel, create=print, summary="Says it again.", **more):
    return TeacherSpec(name=name, summary=summary, options=options, create=create, **more)

@hookimpl
def harness_teachers():
    return {expression}
"""


def error_of(name: str) -> str:
    with pytest.raises(PluginError) as caught:
        load(TEACHER, name)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_every_kind_has_its_hook() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("harness_") and name.endswith("s")}
    assert {kind.hook for kind in KINDS.values()} == hooks


def test_every_entry_point_of_this_distribution_is_listed_once() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = sorted(
        (group, *(part.strip() for part in line.split("=")))
        for group, lines in setup["options.entry_points"].items()
        for line in lines.strip().splitlines()
        if group != "console_scripts"
    )
    ours = [ref for ref in installed() if ref.distribution == "transfer-harness"]
    assert sorted((KINDS[ref.kind].group, ref.name, ref.target) for ref in ours) == declared


def test_listing_and_finding_import_nothing(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", teachers(loud="loud_module"), {"loud_module": "raise SystemExit('imported')"})
    ref = PluginRef("teacher", "loud", "loud_module", "harness-mine", "1.0")
    assert ref in installed()
    assert ref in installed(TEACHER)
    assert ref not in installed(TASK)
    assert find(TEACHER, "loud") == ref
    assert "loud_module" not in sys.modules


def test_a_sound_plugin_is_loaded_with_its_spec(fake_distribution: FakeDistribution, echo_source: str) -> None:
    fake_distribution("harness-mine", teachers(echo="echo_module"), {"echo_module": echo_source}, version="2.3")
    loaded = load(TEACHER, "echo")
    assert loaded.ref.origin == "harness-mine 2.3, echo_module"
    assert loaded.spec.summary == "Says it again."
    assert kind_of(loaded.spec) is TEACHER


def test_only_the_chosen_plugin_is_imported(fake_distribution: FakeDistribution, echo_source: str) -> None:
    modules = {"echo_module": echo_source, "other_module": echo_source}
    fake_distribution("harness-mine", teachers(echo="echo_module", other="other_module"), modules)
    load(TEACHER, "echo")
    assert "other_module" not in sys.modules


def test_two_names_may_share_a_module(fake_distribution: FakeDistribution) -> None:
    source = offering("[spec('one'), spec('two')]")
    fake_distribution("harness-mine", teachers(one="pair_module", two="pair_module"), {"pair_module": source})
    assert [load(TEACHER, name).spec.name for name in ("one", "two", "one")] == ["one", "two", "one"]


def test_an_object_of_a_module_may_hold_the_hooks(fake_distribution: FakeDistribution) -> None:
    source = """
from pydantic import BaseModel
from harness.api import hookimpl
from harness.api import TeacherSpec

class Holder:
    @hookimpl
    def harness_teachers(self):
        yield TeacherSpec(name="held", summary="", options=BaseModel, create=print)

holder = Holder()
"""
    fake_distribution("harness-mine", teachers(held="held_module:holder"), {"held_module": source})
    assert load(TEACHER, "held").spec.name == "held"


def test_an_unknown_name_gets_a_suggestion_and_what_is_installed(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", teachers(parrot="nowhere"))
    message = error_of("parot")
    assert message.startswith("no teacher named 'parot'; did you mean 'parrot'? installed: ")
    assert "parrot" in message.split("installed: ")[1].split(", ")


def test_an_unknown_name_of_a_kind_without_plugins_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.registry.plugins._declared", list)
    with pytest.raises(PluginError, match=r"^no observer named 'x'; no observer is installed$"):
        load(OBSERVER, "x")


def test_a_name_of_two_distributions_names_both(fake_distribution: FakeDistribution, echo_source: str) -> None:
    fake_distribution("harness-mine", teachers(echo="echo_module"), {"echo_module": echo_source}, version="2.3")
    fake_distribution("harness-theirs", teachers(echo="their_module"), {"their_module": echo_source})
    message = error_of("echo")
    assert "harness-mine 2.3, echo_module" in message
    assert "harness-theirs 1.0, their_module" in message
    assert not {"echo_module", "their_module"} & set(sys.modules)


def test_a_name_in_two_groups_is_two_plugins(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", {"harness.teachers": {"twin": "a"}, "harness.tasks": {"twin": "b"}})
    assert find(TEACHER, "twin").target == "a"
    assert find(TASK, "twin").target == "b"


def test_a_distribution_seen_twice_counts_once_and_the_first_wins(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", teachers(echo="old", gone="old"), version="1.0", folder="behind")
    fake_distribution("Harness.Mine", teachers(echo="new"), version="2.0", folder="in-front")
    assert find(TEACHER, "echo").version == "2.0"
    assert "gone" not in {ref.name for ref in installed(TEACHER)}


def test_a_distribution_that_offers_nothing_any_more_hides_its_old_self(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", teachers(gone="old"), version="1.0", folder="behind")
    fake_distribution("harness-mine", {"console_scripts": {"mine": "mine:main"}}, version="2.0", folder="in-front")
    assert "gone" not in {ref.name for ref in installed(TEACHER)}


@pytest.mark.parametrize(
    "damage",
    ["[harness.teachers]\nno target\n", "[harness.teachers]\nx = \n", "x = y\n[harness.teachers]\n"],
)
def test_damaged_metadata_does_not_harm_others(
    fake_distribution: FakeDistribution, echo_source: str, damage: str
) -> None:
    fake_distribution("harness-mine", teachers(echo="echo_module"), {"echo_module": echo_source})
    fake_distribution("harness-damaged", damage)
    assert load(TEACHER, "echo").spec.name == "echo"


def test_unreadable_metadata_does_not_harm_others(fake_distribution: FakeDistribution, echo_source: str) -> None:
    fake_distribution("harness-mine", teachers(echo="echo_module"), {"echo_module": echo_source})
    site = fake_distribution("harness-damaged", teachers(other="x"))
    (site / "harness_damaged-1.0.dist-info" / "METADATA").unlink()
    fake_distribution("harness-binary", teachers(other="x"), folder="binary")
    (site.parent / "binary" / "harness_binary-1.0.dist-info" / "entry_points.txt").write_bytes(b"harness.\xff\xfe")
    assert load(TEACHER, "echo").spec.name == "echo"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import nope_nope", "ModuleNotFoundError: No module named 'nope_nope'"),
        ("def broken(:", "SyntaxError: "),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ValueError('two\\nlines\\x1b[31m')", "ValueError: two lines [31m"),
        ("from harness.api import PluginError\nraise PluginError('mine')", "PluginError: mine"),
    ],
)
def test_a_plugin_that_fails_to_import_is_named_with_the_cause(
    fake_distribution: FakeDistribution, source: str, cause: str
) -> None:
    fake_distribution("harness-mine", teachers(broken="broken_module"), {"broken_module": source}, version="2.3")
    message = error_of("broken")
    assert message.startswith(f"cannot load teacher 'broken' (harness-mine 2.3, broken_module): {cause}")


def test_an_interrupt_during_an_import_is_no_plugin_error(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", teachers(slow="slow_module"), {"slow_module": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        load(TEACHER, "slow")


def test_a_target_that_is_no_module_path_is_named(fake_distribution: FakeDistribution) -> None:
    fake_distribution("harness-mine", teachers(odd="no module path"))
    assert "cannot load teacher 'odd' (harness-mine 1.0, no module path)" in error_of("odd")


def test_a_broken_plugin_does_not_harm_another_of_its_distribution(
    fake_distribution: FakeDistribution, echo_source: str
) -> None:
    modules = {"echo_module": echo_source, "broken_module": "raise RuntimeError"}
    fake_distribution("harness-mine", teachers(echo="echo_module", broken="broken_module"), modules)
    assert load(TEACHER, "echo").spec.name == "echo"
    assert "RuntimeError" in error_of("broken")


HEAD = "from harness.api import hookimpl\n"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            HEAD + "@hookimpl\ndef harness_teechers(): return []",
            "implements harness_teechers, which is no hook; did you mean 'harness_teachers'?",
        ),
        ("def harness_teachers(): return []", "defines harness_teachers without marking it"),
        ("x = 1", "implements no harness_teachers"),
        (HEAD + "@hookimpl\ndef harness_teachers(config): return []", "config"),
        (HEAD + "@hookimpl(wrapper=True)\ndef harness_teachers():\n    return (yield)", "cannot be wrapped"),
        (HEAD + "@hookimpl\ndef harness_teachers(): raise KeyError('k')", "KeyError: 'k'"),
        (HEAD + "@hookimpl\ndef harness_teachers():\n    yield 1 / 0", "ZeroDivisionError"),
        (HEAD + "@hookimpl\ndef harness_teachers(): pass", "returned no iterable from harness_teachers"),
        (offering("spec()"), "returned no iterable from harness_teachers, expected an iterable of TeacherSpec"),
        (offering("['echo']"), "returned str from harness_teachers, expected an iterable of TeacherSpec"),
        (
            offering("[StudentSpec(name='echo', summary='', options=BaseModel, create=print)]"),
            "returned StudentSpec from harness_teachers",
        ),
        (offering("[]"), "must offer 'echo' exactly once in harness_teachers, which returned nothing"),
        (offering("[spec('eco')]"), "must offer 'echo' exactly once in harness_teachers, which returned 'eco'"),
        (offering("[spec(), spec()]"), "returned 'echo', 'echo'"),
        (offering("[spec(api=2)]"), "targets plugin API 2; this harness speaks 1"),
        (offering("[spec(options=dict)]"), "needs a pydantic model as its options"),
        (offering("[spec(create=None)]"), "needs a function as its create"),
        (offering("[spec(summary=3)]"), "needs text as its summary"),
        (offering("[spec(simulated='no')]"), "needs True or False as its simulated"),
        (offering("[spec(replays='run')]"), "needs a function as its replays, or None"),
    ],
)
def test_a_breach_of_contract_is_named(fake_distribution: FakeDistribution, source: str, says: str) -> None:
    fake_distribution("harness-mine", teachers(echo="breach_module"), {"breach_module": source})
    message = error_of("echo")
    assert "teacher 'echo' (harness-mine 1.0, breach_module)" in message
    assert says in message


def test_a_hook_of_a_later_harness_may_be_optional(fake_distribution: FakeDistribution) -> None:
    source = offering("[spec()]") + "\n@hookimpl(optionalhook=True)\ndef harness_of_tomorrow(): pass\n"
    fake_distribution("harness-mine", teachers(echo="later_module"), {"later_module": source})
    assert load(TEACHER, "echo").spec.name == "echo"


@pytest.mark.parametrize("name", ["Echo", "-echo", "e" * 65, "e cho", "écho"])
def test_a_name_that_is_hard_to_type_is_refused(fake_distribution: FakeDistribution, name: str) -> None:
    fake_distribution("harness-mine", {"harness.teachers": {name: "named_module"}}, {"named_module": "raise OSError"})
    assert "needs a name of 1 to 64 of a-z" in error_of(name)


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("student", "defaults=3", "needs settings by section as its defaults"),
        ("student", "defaults={'trainer': 3}", "needs settings by section as its defaults"),
        ("student", "defaults={3: {}}", "needs settings by section as its defaults"),
        ("task", "verifier=None", "needs the name of a verifier as its verifier"),
        ("task", "verifier='v', presets=[]", "needs presets by name, each with settings by section"),
        ("task", "verifier='v', presets={'p': {'sizes': 3}}", "needs presets by name, each with settings by section"),
    ],
)
def test_settings_of_another_type_are_a_breach_of_contract(
    fake_distribution: FakeDistribution, kind: str, fields: str, says: str
) -> None:
    spec = f"{kind.title()}Spec"
    source = (
        f"from pydantic import BaseModel\nfrom harness.api import hookimpl, {spec}\n@hookimpl\n"
        f"def harness_{kind}s(): return [{spec}(name='echo', summary='', options=BaseModel, create=print, {fields})]"
    )
    fake_distribution("harness-mine", {f"harness.{kind}s": {"echo": "fields_module"}}, {"fields_module": source})
    with pytest.raises(PluginError) as caught:
        load(KINDS[kind], "echo")
    assert str(caught.value) == f"{kind} 'echo' (harness-mine 1.0, fields_module) {says}"


@pytest.mark.parametrize(
    ("group", "right"),
    [
        ("harness.teacher", "harness.teachers"),
        ("harness_teachers", "harness.teachers"),
        ("harness-teachers", "harness.teachers"),
        ("Harness.Teachers", "harness.teachers"),
        ("transfer_harness.teachers", "harness.teachers"),
        ("harness.techers", "harness.teachers"),
        ("harness.plugins", "harness.designs or harness.tasks or harness.verifiers or harness.teachers or "),
        ("harness", "harness.designs or "),
    ],
)
def test_a_plugin_in_a_group_that_nothing_reads_is_told_with_the_right_one(
    fake_distribution: FakeDistribution, group: str, right: str
) -> None:
    fake_distribution("harness-mine", {group: {"lost": "lost_module"}}, {"lost_module": "raise SystemExit"})
    told = f"harness-mine declares 'lost' in the entry-point group {group!r}, which nothing reads; expected {right}"
    assert told in error_of("lost")
    assert [str(each).startswith(told) for each in misplaced()] == [True]


@pytest.mark.parametrize("group", ["console_scripts", "harness.teachers", "lm_harness.teachers", "harnessed.things"])
def test_a_group_of_somebody_else_is_none_of_the_harness_s_affairs(
    fake_distribution: FakeDistribution, group: str
) -> None:
    fake_distribution("harness-mine", {group: {"lost": "lost_module"}})
    assert misplaced() == ()


def test_a_plugin_of_another_kind_is_not_told_of_where_the_name_is_not_found(
    fake_distribution: FakeDistribution,
) -> None:
    fake_distribution("harness-mine", {"harness.student": {"lost": "lost_module"}})
    assert "harness-mine" not in error_of("lost")
