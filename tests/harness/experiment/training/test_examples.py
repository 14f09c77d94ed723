from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from harness.api import Answered, Example, Recipe, Truncated
from harness.experiment.training.examples import Demonstration, derangement, of_recipe, solved, summary
from tests.toys import Parity

TASK = Parity(0)


def _examples(recipe: Recipe, made: list[Demonstration], seed: int) -> list[Example]:
    return of_recipe(TASK, recipe, made, seed, lambda problem: TASK.prompt(problem, None))


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
        rows = _examples(recipe, made, 0)
        assert [row.problem_id for row in rows] == [problems[0].id, problems[2].id]
        counts = summary(rows, len(made))
        assert (counts["rows"], counts["left_out"]) == (2, 1)
        assert counts["labelled_by_chance" if recipe == "random" else "labelled_by_teacher"] == 2


def test_random_answers_do_not_follow_the_teacher_and_depend_on_the_seed_alone() -> None:
    problems = TASK.problems("train", 90)
    made = [Demonstration(problem, "so EVEN", Answered("EVEN")) for problem in problems]
    labels = [row.label for row in _examples("random", made, 0)]
    assert 20 < labels.count("ODD") < 70
    assert labels == [row.label for row in _examples("random", made, 0)]
    assert labels != [row.label for row in _examples("random", made, 1)]


def test_a_solution_of_the_verifier_is_the_strategy_and_the_true_answer_and_says_whose_it_is() -> None:
    problems = TASK.problems("train", 3)
    made = [solved(TASK, problem, "ODD", "Look.") for problem in problems]
    rows = _examples("worked", made, 0)
    assert [row.target for row in rows] == ["Look.\n\nODD"] * 3
    assert TASK.parse(rows[0].target) == "ODD"
    counts = summary(rows, len(made))
    assert (counts["labelled_by_verifier"], counts["labelled_by_teacher"], counts["left_out"]) == (3, 0, 0)


def test_rows_ask_as_the_student_will_be_asked() -> None:
    problems = TASK.problems("train", 2)
    made = [Demonstration(problem, "so EVEN", Answered("EVEN")) for problem in problems]
    rows = of_recipe(TASK, "worked", made, 0, lambda problem: TASK.prompt(problem, problem.id))
    assert [row.prompt[0].text for row in rows] == [f"EVEN or ODD? {problem.id}" for problem in problems]
