"""Of mutation testing, what needs no mutants: which tests are run against one, and what counts as a fault."""

from __future__ import annotations

from benchmarks.mutants import Mutant, Suite, meaning

MUTANT = Mutant("harness/journal/store.py", 7, "AddNot", 0, "", "")
OWN, NEAR, FAR, SLOW = (
    "tests/harness/journal/test_store.py::test_own",
    "tests/harness/journal/test_ledger.py::test_near",
    "tests/security/test_files.py::test_far",
    "tests/harness/journal/test_store.py::test_slow",
)
SUITE = Suite({FAR: 0.1, NEAR: 0.2, OWN: 2.0, SLOW: 3.0}, {("harness/journal/store.py", 7): {FAR, OWN}})


def test_tests_of_the_module_that_execute_the_line_are_first_and_quick_ones_before_others() -> None:
    assert SUITE.chosen(MUTANT, 60) == [OWN, FAR, SLOW, NEAR]


def test_no_more_tests_are_chosen_than_there_is_time_for_but_one_at_least() -> None:
    assert SUITE.chosen(MUTANT, 3) == [OWN, FAR]
    assert SUITE.chosen(MUTANT, 1) == [OWN]


def test_an_annotation_is_no_part_of_what_a_source_does() -> None:
    source = "def f(a: int | None = 1) -> int:\n    b: int = a + 1\n    return b"
    assert meaning(source.replace("|", "+").replace("-> int", "-> str").replace("b: int", "b: bool")) == meaning(source)
    assert meaning(source.replace("a + 1", "a - 1")) != meaning(source)
