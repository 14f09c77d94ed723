from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from harness.arms import Recipe
from harness.lessons import Demonstration, derangement, examples, summary, usable
from harness.records import Answered, Truncated
from tests.toys import Parity

TASK = Parity(0)


@given(st.integers(2, 60), st.integers())
def test_a_derangement_moves_every_place(n: int, seed: int) -> None:
    order = derangement(n, seed)
    assert sorted(order) == list(range(n))
    assert all(place != index for index, place in enumerate(order))
    assert order == derangement(n, seed)


def test_what_states_no_answer_is_left_out_of_every_recipe_and_counted() -> None:
    problems = TASK.problems("train", 3)
    made = [
        Demonstration(problems[0], "so EVEN", Answered("EVEN")),
        Demonstration(problems[1], "so E", Truncated()),
        Demonstration(problems[2], "so ODD", Answered("ODD")),
    ]
    for recipe in get_args(Recipe):
        rows = examples(TASK, recipe, made, usable(made), 0)
        assert [row.problem_id for row in rows] == [problems[0].id, problems[2].id]
        counts = summary(rows, len(made))
        assert (counts["rows"], counts["left_out"]) == (2, 1)
        assert counts["labelled_by_chance" if recipe == "random" else "labelled_by_teacher"] == 2


def test_random_answers_do_not_follow_the_teacher_and_depend_on_the_seed_alone() -> None:
    problems = TASK.problems("train", 90)
    made = [Demonstration(problem, "so EVEN", Answered("EVEN")) for problem in problems]
    labels = [row.label for row in examples(TASK, "random", made, usable(made), 0)]
    assert 20 < labels.count("ODD") < 70
    assert labels == [row.label for row in examples(TASK, "random", made, usable(made), 0)]
    assert labels != [row.label for row in examples(TASK, "random", made, usable(made), 1)]
