from __future__ import annotations

from harness.output.terminal import comparison

STAGES = ["student-base", "teacher-base", "bootstrap", "teacher-strategy", "student-lora"]


def test_of_two_long_lists_what_either_has_alone_is_told() -> None:
    (told,) = list(comparison._differing([{"key": "plan.stages", "a": [*STAGES, "lora-naive"], "b": STAGES}]))[1:]
    assert told == "  plan.stages: only in A: lora-naive"
    (told,) = list(comparison._differing([{"key": "plan.stages", "a": STAGES, "b": [*STAGES[:-1], "x"]}]))[1:]
    assert told == "  plan.stages: only in A: student-lora; only in B: x"


def test_other_values_are_told_as_they_are() -> None:
    assert list(comparison._differing([{"key": "k", "a": 1}]))[1:] == ["  k: 1 -> nothing"]
    assert list(comparison._differing([{"key": "k", "a": [1], "b": [2]}]))[1:] == ["  k: [1] -> [2]"]
