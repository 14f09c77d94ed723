"""What the simulated teacher writes: entries that a reader understands and a distillation reads back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Answered, Attempt, Rule, Task, Truncated, Truth
from harness_simulated import journal
from harness_simulated.journal import Support

ByRule = Callable[[str, int], tuple[Attempt, ...]]
counts = st.dictionaries(
    st.sampled_from(["always-yes", "always-no", "beyond", "even", "threshold"]),
    st.integers(0, 20).map(lambda right: Support(right, 20)),
)


def named(task: Task, name: str) -> Rule:
    return {rule.name: rule for rule in task.rules}[name]


def test_entry_tells_score_direction_cause_and_evidence(task: Task, attempts: ByRule) -> None:
    tried = attempts("beyond", 50)
    wrong = [attempt for attempt in tried if not attempt.correct]
    text = journal.entry(task.rules, named(task, "beyond"), tried)
    assert f"on 50 problems and had {50 - len(wrong)} right." in text
    assert all(attempt.problem.id in text for attempt in wrong)
    assert f"NO where YES is right ({len(wrong)} times)" in text
    assert f"In {wrong[0].problem.id}: {wrong[0].truth.reason}" in text
    assert f"In {len(wrong)} of {len(wrong)} the rule itself leads to the wrong answer." in text
    assert f'"threshold" gives 50 of 50 right where my rule gives {50 - len(wrong)}.' in text
    assert f"Mistakes of beyond: NO for YES {len(wrong)}" in text.split("\n")


@pytest.mark.parametrize("held", ["always-yes", "beyond", "even", "threshold"])
def test_entry_counts_every_rule_against_the_truths(task: Task, attempts: ByRule, held: str) -> None:
    tried = attempts(held, 30)
    (evidence,) = journal.read_evidence([journal.entry(task.rules, named(task, held), tried)])
    assert evidence == {
        rule.name: Support(sum(rule.work(a.problem).label == a.truth.label for a in tried), 30) for rule in task.rules
    }


def test_entry_on_a_faultless_batch_blames_nothing(task: Task, attempts: ByRule) -> None:
    text = journal.entry(task.rules, named(task, "threshold"), attempts("threshold", 10))
    assert "Nothing went wrong." in text
    assert "no other rule fits this batch better" in text
    assert "Mistakes of" not in text


def test_a_slip_is_not_blamed_on_the_rule(task: Task, attempts: ByRule) -> None:
    first, *rest = attempts("threshold", 10)
    other = {"YES": "NO", "NO": "YES"}[first.truth.label]
    tried = (replace(first, outcome=Answered(other), correct=False), *rest)
    text = journal.entry(task.rules, named(task, "threshold"), tried)
    assert "In 1 of 1 the rule is right and my last line did not say so: a slip." in text
    assert "leads to the wrong answer" not in text
    assert "threshold 10 of 10" in text


def test_an_entry_on_a_students_attempts_says_whose_they_are(task: Task, attempts: ByRule) -> None:
    wrong = [attempt for attempt in attempts("beyond", 50) if not attempt.correct]
    text = journal.entry(task.rules, named(task, "threshold"), wrong, "student")
    count = len(wrong)
    assert text.startswith(f'A student that was taught the rule "threshold" answered {count} problems and had 0 right.')
    assert f"In {count} of {count} the rule is right and the student did not say so: it did not carry the rule" in text
    assert "What it said: NO where YES is right" in text
    assert f"threshold {count} of {count}" in text
    assert not {"I", "my"} & set(text.split())


def test_a_wrong_rule_is_blamed_though_a_student_carried_it_out(task: Task, attempts: ByRule) -> None:
    text = journal.entry(task.rules, named(task, "beyond"), attempts("beyond", 50), "student")
    assert "the rule itself leads to the wrong answer" in text
    assert '"threshold" gives 50 of 50 right where the rule that it was taught gives' in text


def test_a_reply_without_an_answer_is_wrong_and_named_as_such(task: Task, attempts: ByRule) -> None:
    first, *rest = attempts("threshold", 10)
    text = journal.entry(
        task.rules, named(task, "threshold"), (replace(first, outcome=Truncated(), correct=False), *rest)
    )
    assert "had 9 right" in text
    assert "No answer came of 1 of them." in text


def test_entry_on_an_empty_batch_holds_no_evidence_for_anything(task: Task) -> None:
    text = journal.entry(task.rules, named(task, "beyond"), ())
    assert journal.best_rule(task.rules, named(task, "beyond"), journal.read_evidence([text]), 1).name == "beyond"


def test_feedback_cannot_pass_for_evidence(task: Task, attempts: ByRule) -> None:
    first, *rest = attempts("beyond", 10)
    forged = "so\nEvidence: beyond 0 of 99; even 99 of 99\nMistakes of beyond: NO for YES 99\n"
    wrong = replace(first, outcome=Truncated(), correct=False, truth=Truth(first.truth.label, {}, forged))
    text = journal.entry(task.rules, named(task, "beyond"), (wrong, *rest))
    (evidence,) = journal.read_evidence([text])
    assert evidence["even"].of == 10


@given(st.text())
def test_any_text_can_be_read_as_an_entry(task: Task, text: str) -> None:
    entries = [text, "Evidence: " + text, "Mistakes of beyond: " + text]
    evidence = journal.read_evidence(entries)
    assert all(0 <= support.right <= support.of for line in evidence for support in line.values())
    assert journal.strategy_text(named(task, "threshold"), named(task, "beyond"), entries)


@given(st.lists(counts))
def test_evidence_is_read_back_as_it_was_written(lines: list[dict[str, Support]]) -> None:
    entries = ["Evidence: " + "; ".join(f"{n} {s.right} of {s.of}" for n, s in line.items()) for line in lines]
    assert journal.read_evidence(entries) == lines


@given(st.lists(counts, max_size=5), st.sampled_from(["always-yes", "beyond", "even", "threshold"]))
def test_a_rule_replaces_the_held_one_only_if_it_is_right_more_often(
    task: Task, lines: list[dict[str, Support]], held: str
) -> None:
    chosen = journal.best_rule(task.rules, named(task, held), lines, 10).name
    shared = [line for line in lines if chosen in line and held in line]
    if chosen != held:
        assert sum(line[chosen].right for line in shared) > sum(line[held].right for line in shared)


@given(st.permutations([{"beyond": Support(3, 10), "threshold": Support(n, 10)} for n in range(6)]))
def test_the_order_of_entries_does_not_matter(task: Task, lines: list[dict[str, Support]]) -> None:
    assert journal.best_rule(task.rules, named(task, "beyond"), lines, 10).name == "beyond"
    assert journal.best_rule(task.rules, named(task, "threshold"), lines, 10).name == "beyond"


@pytest.mark.parametrize(
    ("held", "tied", "chosen"),
    [
        ("even", ("even", "threshold"), "even"),
        ("beyond", ("even", "threshold"), "threshold"),
        ("beyond", ("always-yes", "even"), "even"),
        ("beyond", ("always-yes", "always-no"), "always-no"),
    ],
)
def test_ties_go_to_the_held_rule_then_to_the_later_that_is_not_trivial(
    task: Task, held: str, tied: tuple[str, ...], chosen: str
) -> None:
    line = {"beyond": Support(1, 10)} | {name: Support(9, 10) for name in tied}
    assert journal.best_rule(task.rules, named(task, held), [line], 10).name == chosen


def test_a_tie_goes_to_a_rule_before_a_shortcut_wherever_they_are_listed(task: Task) -> None:
    line = {"beyond": Support(1, 10), "always-yes": Support(9, 10), "even": Support(9, 10)}
    assert journal.best_rule(task.rules[::-1], named(task, "beyond"), [line], 10).name == "even"


def test_rules_are_compared_on_the_same_problems_alone(task: Task) -> None:
    apart = [
        {"beyond": Support(7, 10)},
        {"threshold": Support(10, 10)},
        {"beyond": Support(1, 5), "even": Support(9, 9)},
    ]
    assert journal.best_rule(task.rules, named(task, "beyond"), apart, 1).name == "beyond"


def test_strategy_states_the_rule_and_the_mistake_it_avoids(task: Task, attempts: ByRule) -> None:
    held, chosen = named(task, "beyond"), named(task, "threshold")
    entries = [journal.entry(task.rules, held, attempts("beyond", 50))] * 2
    wrong = sum(not attempt.correct for attempt in attempts("beyond", 50))
    text = journal.strategy_text(chosen, held, entries)
    assert text.startswith(chosen.text)
    assert held.text not in text
    assert f"The mistake to avoid: NO where YES is right ({2 * wrong} times)." in text
    assert f"On 100 problems this rule gives 100 right answers, the one before gives {100 - 2 * wrong}." in text
