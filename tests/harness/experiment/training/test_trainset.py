from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.api import Answered, Example, Problem, Train, Truncated
from harness.experiment.training.examples import Demonstration
from harness.experiment.training.trainset import FEWEST, Wanted, gathered, settled, usable
from tests.toys import Parity

TASK = Parity(0)
PROBLEMS = TASK.problems("train", 30)
TRAIN = Train("after", "after", ("learned",))
ANSWERED = st.lists(st.booleans(), min_size=1, max_size=12)


def _made(
    answered: Sequence[bool], name: str = "learned", problems: Sequence[Problem] = PROBLEMS
) -> list[Demonstration]:
    """Worked solutions of as many problems, by whether each states an answer."""
    return [
        Demonstration(problem, f"so {name}", Answered("EVEN") if states else Truncated())
        for problem, states in zip(problems, answered, strict=False)
    ]


def _ids(made: Sequence[Demonstration]) -> list[str]:
    return [each.problem.id for each in made]


def _rows(wanted: Wanted, made: Sequence[Demonstration]) -> list[Example]:
    return [Example(each.problem.id, (), each.reply, "EVEN", "teacher") for each in made if wanted]


def _nothing_unfit(_: Sequence[Sequence[Example]]) -> dict[str, str]:
    return {}


@given(ANSWERED, ANSWERED)
def test_trainings_of_the_same_problems_get_those_of_which_every_solution_states_an_answer(
    one: list[bool], other: list[bool]
) -> None:
    n = min(len(one), len(other))
    made = {"learned": _made(one[:n]), "naive": _made(other[:n], "naive")}
    trainings = [
        Wanted("after", TRAIN, 0, {"learned": made["learned"]}),
        Wanted("naive", replace(TRAIN, solutions=("naive",)), 0, {"naive": made["naive"]}),
    ]
    kept, left_out = settled(trainings, made.values(), (), _rows, _nothing_unfit)
    both = [problem.id for problem, *states in zip(PROBLEMS, one[:n], other[:n], strict=False) if all(states)]
    assert (_ids(kept["after"]), _ids(kept["naive"])) == (both, both)
    assert left_out == {}


def test_solutions_of_other_problems_take_nothing_away() -> None:
    here, there = _made([True, True, True]), _made([False, True, True], "naive", PROBLEMS[10:])
    assert usable([here, there])[tuple(_ids(here))] == {*_ids(here)}


def test_solutions_of_no_training_yet_take_away_what_states_no_answer_among_them() -> None:
    taught, naive = _made([True] * 4), _made([True, False, True, False], "naive")
    kept, _ = settled([Wanted("a", TRAIN, 0, {"learned": taught})], [taught, naive], (), _rows, _nothing_unfit)
    assert _ids(kept["a"]) == [PROBLEMS[0].id, PROBLEMS[2].id]


def test_rows_of_a_training_of_which_some_solutions_are_made_are_looked_at_and_it_is_not_settled() -> None:
    made = _made([True] * 4)
    whole, part = Wanted("a", TRAIN, 0, {"learned": made}), replace(TRAIN, solutions=("learned", "later"))
    looked: list[int] = []

    def look(rows: Sequence[Sequence[Example]]) -> dict[str, str]:
        looked.append(len(rows))
        return {rows[1][0].problem_id: "too long"} if len(rows[1]) == len(made) else {}

    kept, left_out = settled([whole, Wanted("b", part, 0, {"learned": made})], [made], (), _rows, look)
    assert (looked, list(kept), left_out) == ([2, 2], ["a"], {PROBLEMS[0].id: "too long"})
    assert _ids(kept["a"]) == [problem.id for problem in PROBLEMS[1:4]]


def test_what_was_left_out_before_stays_left_out() -> None:
    made = _made([True] * 3)
    kept, _ = settled([Wanted("a", TRAIN, 0, {"learned": made})], [made], [PROBLEMS[1].id], _rows, _nothing_unfit)
    assert _ids(kept["a"]) == [PROBLEMS[0].id, PROBLEMS[2].id]


def test_rows_that_cannot_be_trained_on_are_left_out_of_every_training_until_none_is_left() -> None:
    made = _made([True] * 6)
    trainings = [Wanted("a", TRAIN, 0, {"learned": made}), Wanted("b", TRAIN, 1, {"learned": made})]
    seen: list[int] = []

    def look(rows: Sequence[Sequence[Example]]) -> dict[str, str]:
        """The last row is too long, as long as there are more than four: what is shuffled has changed."""
        seen.append(len(rows[0]))
        return {rows[0][-1].problem_id: "too long"} if len(rows[0]) > 4 else {}

    kept, left_out = settled(trainings, [made], (), _rows, look)
    assert seen == [6, 5, 4]
    assert left_out == {problem.id: "too long" for problem in PROBLEMS[4:6]}
    assert _ids(kept["a"]) == _ids(kept["b"]) == [problem.id for problem in PROBLEMS[:4]]


def test_rows_of_a_training_that_has_too_few_are_not_looked_at() -> None:
    few, enough = _made([True] * (FEWEST - 1)), _made([True] * FEWEST, "naive", PROBLEMS[10:])
    looked: list[int] = []

    def look(rows: Sequence[Sequence[Example]]) -> dict[str, str]:
        looked.extend(len(each) for each in rows)
        return {}

    trainings = [Wanted("a", TRAIN, 0, {"learned": few}), Wanted("b", TRAIN, 0, {"learned": enough})]
    settled(trainings, [few, enough], (), _rows, look)
    assert looked == [FEWEST]


def test_all_solutions_that_a_training_names_are_gathered_in_its_order() -> None:
    first, second = _made([True] * 3), _made([True] * 2, "more", PROBLEMS[10:])
    step = replace(TRAIN, solutions=("more", "learned"))
    assert gathered(step, {"learned": first, "more": second}, 0) == [*second, *first]


@given(st.integers(1, 4), st.integers(1, 20))
def test_in_turn_each_problem_has_one_solution_and_none_has_two_more_than_another(names: int, n: int) -> None:
    made = {f"s{place}": _made([True] * n, f"s{place}") for place in range(names)}
    found = gathered(replace(TRAIN, solutions=tuple(made), in_turn=True), made, 0)
    assert _ids(found) == _ids(made["s0"])
    counts = Counter(each.reply for each in found)
    assert max(counts.values()) - min(counts[f"so {name}"] for name in made) <= 1


@given(st.integers(1, 8), st.integers(0, 20), st.integers(0, 5))
def test_of_what_is_replayed_there_are_as_many_as_new_ones_or_all(new: int, old: int, seed: int) -> None:
    made = {"learned": _made([True] * new), "before": _made([True] * old, "before", PROBLEMS[10:])}
    step = replace(TRAIN, replay=("before",))
    found = gathered(step, made, seed)
    again = _ids(found[new:])
    assert found[:new] == made["learned"]
    assert len(again) == len(set(again)) == min(new, old)
    assert set(again) <= set(_ids(made["before"]))
    assert gathered(step, made, seed) == found


def test_what_is_replayed_is_drawn_by_the_seed() -> None:
    made = {"learned": _made([True] * 5), "before": _made([True] * 20, "before", PROBLEMS[10:])}
    drawn = {tuple(_ids(gathered(replace(TRAIN, replay=("before",)), made, seed))) for seed in range(5)}
    assert len(drawn) > 1


def test_what_is_offered_counts_solutions_without_an_answer_too() -> None:
    assert Wanted("after", TRAIN, 0, {"learned": _made([True, False, True])}).offered == 3
