from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from harness.api import UsageError
from harness.output.comparison import compatibility
from harness.output.comparison.compare import Side, compare
from harness.results.result import SCHEMA
from tests.sides import Answers, side

ARMS: dict[tuple[str, str, int | None], Answers] = {
    ("student-base", "test", None): [True, False, None, False],
    ("student-base", "harder", None): [True, False],
    ("teacher-base", "test", None): [True, True, True, False],
}
Change = Callable[[Any], None]


def _pair() -> tuple[Side, Side]:
    return side(ARMS), copy.deepcopy(side(ARMS))


def _refusal(change: Change, *only: str, of_a: bool = False) -> str:
    a, b = _pair()
    change((a if of_a else b).result)
    with pytest.raises(UsageError) as caught:
        compare(a, b, only)
    told = str(caught.value)
    assert told.startswith("not comparable: ")
    assert "\n" not in told
    return told.removeprefix("not comparable: ")


def _set(*path: str | int, value: Any) -> Change:
    def change(result: Any) -> None:
        for part in path[:-1]:
            result = result[part]
        result[path[-1]] = value

    return change


TASK, VERIFIER = ("plan", "plugins", "task"), ("plan", "plugins", "verifier")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("harness", value="0.2.0"), "harness: 0.1 in A, 0.2 in B; run both with the same minor version"),
        (_set("schema", value="urn:x:9"), f"schema: {SCHEMA} in A, urn:x:9 in B;"),
        (_set(*TASK, "name", value="x"), "plan.plugins.task.name: toy in A, x in B; run both with the same task"),
        (_set(*TASK, "version", value="1.1"), "plan.plugins.task.version: 1.0 in A, 1.1 in B;"),
        (_set(*TASK, "target", value="t"), "plan.plugins.task.target: toys in A, t in B;"),
        (_set(*TASK, "distribution", value="d"), "plan.plugins.task.distribution: harness-toys in A, d in B;"),
        (_set(*VERIFIER, "name", value="x"), "plan.plugins.verifier.name: toy in A, x in B;"),
        (_set(*VERIFIER, "version", value="2"), "plan.plugins.verifier.version: 1.0 in A, 2 in B;"),
        (_set(*VERIFIER, "options", value={"lax": True}), 'plan.plugins.verifier.options: {} in A, {"lax":true} in B;'),
        (_set("labels", value=["NO", "YES"]), 'labels: ["EVEN","ODD"] in A, ["NO","YES"] in B; compare runs of one'),
        (_set("labels", value=None), 'labels: ["EVEN","ODD"] in A, free-form in B;'),
        (
            _set("problems", 1, "sha256", value="0" * 64),
            "in A, 000000000000 in B; give both runs the same task options",
        ),
        (
            _set("arms", 0, "wording_sha256", value="0" * 64),
            "in A, 000000000000 in B; have both asked in the same words",
        ),
        (_set("arms", 0, "n", value=3), "arms[student-base/test].n: 4 in A, 3 in B;"),
        (_set("identities", "student", "max_tokens", value=8), "identities.student.max_tokens: 9 in A, 8 in B; decode"),
        (
            _set("identities", "teacher", "temperature", value=0.5),
            "identities.teacher.temperature: null in A, 0.5 in B;",
        ),
        (_set("identities", "teacher", "top_p", value=None), "identities.teacher.top_p: nothing in A, null in B;"),
    ],
)
def test_what_must_agree_is_named_with_both_values_and_what_to_do(change: Change, told: str) -> None:
    assert told in _refusal(change)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (_set(*TASK[:2], "task", value=None), "plan.plugins.task.name"),
        (_set("problems", value=[]), "problems[test].sha256"),
        (_set("arms", 0, "wording_sha256", value=None), "arms[student-base/test].wording_sha256"),
        (_set("identities", "student", value=None), "identities.student"),
        (_set("identities", "student", value={}), "identities.student"),
    ],
)
def test_what_is_not_known_does_not_agree(change: Change, key: str) -> None:
    assert _refusal(change).startswith(f"{key} is not known in B; ")
    assert _refusal(change, of_a=True).startswith(f"{key} is not known in A; ")


@pytest.mark.parametrize("name", sorted(compatibility.ANSWERER | compatibility.DELIVERY))
def test_who_answers_and_how_it_is_delivered_may_differ_and_is_told(name: str) -> None:
    a, b = _pair()
    _set("identities", "student", name, value="another")(b.result)
    made = compare(a, b)
    assert [(entry["key"], entry["b"]) for entry in made["differs"]] == [(f"identities.student.{name}", "another")]


def test_a_patch_of_the_harness_may_differ() -> None:
    a, b = _pair()
    _set("harness", value="0.1.9")(b.result)
    assert compare(a, b)["arms"]


def test_what_is_known_of_a_simulated_part_is_who_it_is() -> None:
    a, b = _pair()
    for one in (a, b):
        _set("plan", "plugins", "teacher", "simulated", value=True)(one.result)
    _set("identities", "teacher", "slip", value=0.5)(b.result)
    assert [entry["key"] for entry in compare(a, b)["differs"]] == ["identities.teacher.slip"]


def test_a_simulated_answerer_is_not_comparable_with_a_real_one() -> None:
    told = _refusal(_set("plan", "plugins", "teacher", "simulated", value=True))
    assert told.startswith("identities.teacher.max_tokens: 9 in A, nothing in B; ")


def test_an_arm_that_is_left_out_need_not_agree() -> None:
    change = _set("identities", "teacher", "max_tokens", value=8)
    assert "name the others with --only" in _refusal(change)
    a, b = _pair()
    change(b.result)
    made = compare(a, b, ["student-base"])
    assert [(arm["arm"], arm["split"]) for arm in made["arms"]] == [
        ("student-base", "test"),
        ("student-base", "harder"),
    ]
    assert made["unmatched"] == {"a": [], "b": []}
    (arm,) = compare(a, b, ["student-base/harder"])["arms"]
    assert (arm["arm"], arm["split"]) == ("student-base", "harder")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, "student-base, teacher-base") for name in ("student-bas", "", "/", "lora-labels")),
        ("student-base/tests", "student-base/test, student-base/harder"),
    ],
)
def test_an_arm_that_is_not_shared_cannot_be_chosen(name: str, told: str) -> None:
    a, b = _pair()
    with pytest.raises(UsageError, match=rf"--only: no .* they share: {told}$"):
        compare(a, b, [name])


def test_two_results_without_a_shared_arm_are_refused() -> None:
    with pytest.raises(UsageError, match="no arm is in both results"):
        compare(
            side({("student-base", "test", None): [True, True]}), side({("teacher-base", "test", None): [True, True]})
        )


def test_the_same_reply_read_differently_is_refused() -> None:
    a, b = _pair()
    assert b.items is not None
    rows: Any = b.items["student-base", "test", None]
    rows[2]["outcome"].update(kind="answered", label="EVEN")
    with pytest.raises(
        UsageError, match=r"problem test/0002: the same reply is read as no answer in A, EVEN in B; run"
    ):
        compare(a, b)


def test_another_reply_may_be_read_differently_and_a_cut_one_is_not_read() -> None:
    a, b = _pair()
    assert b.items is not None
    rows: Any = b.items["student-base", "test", None]
    rows[0].update(text_sha256="f" * 64, outcome={"kind": "answered", "label": "ODD"}, correct=False)
    rows[1].update(outcome={"kind": "truncated"})
    compare(a, b)


def test_another_truth_for_the_same_problem_is_refused() -> None:
    a, b = _pair()
    assert b.items is not None
    rows: Any = b.items["student-base", "test", None]
    rows[1]["truth"] = "EVEN"
    with pytest.raises(UsageError, match="problem test/0001: truth 'ODD' in A, 'EVEN' in B; the verifier changed"):
        compare(a, b)


def test_rows_of_other_problems_are_refused() -> None:
    a, b = _pair()
    assert b.items is not None
    rows: Any = b.items["student-base", "test", None]
    rows[1]["problem"] = "test/0009"
    with pytest.raises(UsageError, match="student-base/test: the rows of A and B are of different problems"):
        compare(a, b)


def test_every_setting_that_differs_is_told_once() -> None:
    a, b = _pair()
    _set("plan", "plugins", "trainer", "options", value={"epochs": 2})(b.result)
    _set("identities", "trainer", "epochs", value=2)(b.result)
    _set("learning", "learned", value="Think.")(b.result)
    told = [entry["key"] for entry in compare(a, b)["differs"]]
    assert told == ["plan.plugins.trainer.options.epochs", "identities.trainer.epochs", "learning.learned"]


def test_an_option_that_is_in_the_identity_too_is_told_once_and_nothing_else_is_left_out() -> None:
    a, b = _pair()
    for one, value in ((a, 2), (b, 3)):
        _set("plan", "plugins", "trainer", "options", value={"epochs": value})(one.result)
        _set("identities", "trainer", "epochs", value=value)(one.result)
        for kind in ("reflection", "trainer"):
            _set("plan", "plugins", kind, "version", value=f"{value}.0")(one.result)
    told = [entry["key"] for entry in compare(a, b)["differs"]]
    assert told == [
        "plan.plugins.reflection.version",
        "plan.plugins.trainer.options.epochs",
        "plan.plugins.trainer.version",
    ]


def test_a_setting_that_one_side_lacks_has_no_value_there() -> None:
    a, b = _pair()
    _set("identities", "student", "device", value=None)(b.result)
    assert compare(a, b)["differs"] == [{"key": "identities.student.device", "b": None}]


def test_what_is_shown_is_short_and_on_one_line() -> None:
    assert compatibility.short("a\nb\x1b[2J") == "a b [2J"
    assert compatibility.short("ab" * 32) == "abababababab"
    assert len(compatibility.short({"text": "x" * 500})) == compatibility.SHORT
