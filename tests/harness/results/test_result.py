from __future__ import annotations

from dataclasses import replace

from harness.api import Problem
from harness.design.skills import Skills
from harness.results.result import problem_rows
from tests.toys import Options, Parity, ParityVerifier, ToyStudent

TASK, VERIFIER = Parity(0), ParityVerifier()


class FreeForm(Parity):
    labels = None  # type: ignore[assignment]


def _rows(task: Parity, **splits: list[Problem]) -> list[dict[str, object]]:
    known = Skills(ToyStudent(Options()).skills(2))
    truths = {
        problem.id: (known if split == "skills" else VERIFIER).truth(problem)
        for split, problems in splits.items()
        for problem in problems
    }
    return list(problem_rows(task, VERIFIER, splits, truths))


def test_every_constant_answer_is_among_the_trivial_rules_of_a_closed_task() -> None:
    (row, _) = _rows(TASK, test=list(TASK.problems("test", 2)))
    assert row["trivial"] == {  # of these the task offers the first alone
        "always-even": {"label": "EVEN", "correct": False},
        "always-odd": {"label": "ODD", "correct": True},
    }


def test_a_free_form_task_has_the_trivial_rules_that_it_offers() -> None:
    (row,) = _rows(FreeForm(0), test=list(TASK.problems("test", 1)))
    assert row["trivial"] == {"always-even": {"label": "EVEN", "correct": False}}


def test_a_problem_is_told_in_the_words_of_the_task_without_the_instructions() -> None:
    (problem,) = TASK.problems("test", 1)
    (row,) = _rows(TASK, test=[replace(problem, canonical="c")])
    assert (row["text"], row["canonical"]) == (str(problem.data["number"]), "c")


def test_a_students_own_skills_have_their_prompt_as_text_and_no_trivial_rule() -> None:
    (first, _) = _rows(TASK, skills=Skills(ToyStudent(Options()).skills(2)).problems)
    assert (first["text"], first["truth"], first["trivial"]) == ("1", "EVEN", {})
