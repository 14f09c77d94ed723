"""The simulated teacher: which rule it holds, when it slips, what it learns from a journal."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.api import (
    Attempt,
    Completion,
    Distil,
    Message,
    Problem,
    Reflect,
    Request,
    Rule,
    Solve,
    Task,
    Teacher,
    Usage,
    UsageError,
    Worked,
)
from harness_simulated import Options, harness_teachers
from tests.toys import NoLedger

EVIDENCE = "Evidence: always-yes 5 of 10; beyond 7 of 10; threshold 10 of 10"
seeds = st.integers(min_value=0, max_value=2**32)


def make(task: Task, seed: int = 0, **options: Any) -> Teacher:
    (spec,) = harness_teachers()
    return spec.create(Options(**options), task, seed)


def solve(problem: Problem, strategy: str | None = None, purpose: Literal["solve", "demonstrate"] = "solve") -> Request:
    key = f"{purpose}/{problem.id}"
    return Request(key, (Message("user", "whatever"),), Solve(problem, strategy, purpose))


def replies(teacher: Teacher, requests: Sequence[Request]) -> dict[str, str]:
    return {completion.key: completion.text for completion in teacher.complete(requests, NoLedger())}


def distil(teacher: Teacher, entries: Sequence[str], strategy: str) -> str:
    request = Request("distil/s1", (), Distil(tuple(entries), strategy))
    return next(iter(teacher.complete([request], NoLedger()))).text


def named(task: Task, name: str) -> Rule:
    return {rule.name: rule for rule in task.rules}[name]


def test_spec_says_that_it_is_simulated() -> None:
    (spec,) = harness_teachers()
    assert spec.name == "simulated"
    assert spec.simulated


def test_identity_says_simulated_and_holds_every_option(task: Task) -> None:
    identity = make(task, seed=7, final_rule="even").identity
    assert identity["provider"] == "simulated"
    assert identity["model"] == "simulated-teacher-1"
    assert identity["final_rule"] == "even"
    assert identity["seed"] == 7
    assert set(Options.model_fields) < set(identity)


def test_it_costs_nothing(task: Task) -> None:
    assert make(task).cost(Usage(1_000_000, 1_000_000)) == 0


@pytest.mark.parametrize("options", [{"slip": 1.1}, {"slip": -0.1}, {"min_evidence": 0}, {"nope": 1}])
def test_options_out_of_range_or_unknown_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options(**options)


@pytest.mark.parametrize("option", ["naive_rule", "final_rule"])
def test_unknown_rule_is_a_usage_error_that_lists_the_rules(task: Task, option: str) -> None:
    with pytest.raises(UsageError, match=rf"{option} is 'nosuch'.*always-yes, always-no, beyond, even, threshold"):
        make(task, 0, **{option: "nosuch"}).preflight()


def test_task_without_rules_is_a_usage_error(toy: Callable[..., Task]) -> None:
    with pytest.raises(UsageError, match="offers no rules"):
        make(toy(rules=())).preflight()


def test_task_with_trivial_rules_alone_needs_a_named_beginners_rule(task: Task, toy: Callable[..., Task]) -> None:
    trivial = toy(rules=tuple(rule for rule in task.rules if rule.trivial))
    with pytest.raises(UsageError, match=r"name one by -o teacher\.naive_rule=NAME: always-yes, always-no"):
        make(trivial).preflight()
    make(trivial, naive_rule="always-no").preflight()


def test_preflight_accepts_the_defaults(task: Task) -> None:
    make(task).preflight()


@pytest.mark.parametrize("strategy", [None, "", "Look at the number with care."])
def test_without_a_stated_rule_it_holds_the_first_that_is_not_trivial(task: Task, strategy: str | None) -> None:
    problem = task.problems("test", 1)[0]
    assert replies(make(task, slip=0), [solve(problem, strategy)]) == {
        f"solve/{problem.id}": named(task, "beyond").work(problem).text
    }


def test_naive_rule_is_held_where_the_strategy_states_none(task: Task) -> None:
    problem = task.problems("test", 1)[0]
    (text,) = replies(make(task, slip=0, naive_rule="even"), [solve(problem)]).values()
    assert text == named(task, "even").work(problem).text


@pytest.mark.parametrize("name", ["always-yes", "beyond", "even", "threshold"])
@pytest.mark.parametrize("frame", ["{}", "First of all:\n\n{}\n\nNothing else.", "- {} "])
def test_rule_stated_in_the_strategy_is_carried_out(task: Task, name: str, frame: str) -> None:
    rule = named(task, name)
    problems = task.problems("test", 20)
    done = replies(make(task, slip=0), [solve(problem, frame.format(rule.text)) for problem in problems])
    assert list(done.values()) == [rule.work(problem).text for problem in problems]


def test_rule_is_found_in_a_strategy_that_was_wrapped(task: Task) -> None:
    problem = task.problems("test", 1)[0]
    wrapped = named(task, "threshold").text.replace(" ", "\n  ")
    (text,) = replies(make(task, slip=0), [solve(problem, wrapped)]).values()
    assert text == named(task, "threshold").work(problem).text


@given(st.permutations(["always-yes", "even", "threshold"]))
def test_of_several_stated_rules_the_last_is_held(task: Task, order: list[str]) -> None:
    problem = task.problems("test", 1)[0]
    strategy = "Before: " + " Now: ".join(named(task, name).text for name in order)
    (text,) = replies(make(task, slip=0), [solve(problem, strategy)]).values()
    assert text == named(task, order[-1]).work(problem).text


@given(seeds, st.randoms(use_true_random=False))
def test_answers_depend_on_seed_and_request_and_not_on_order(task: Task, seed: int, shuffler: random.Random) -> None:
    requests = [solve(problem) for problem in task.problems("test", 60)]
    shuffled = shuffler.sample(requests, len(requests))
    whole = replies(make(task, seed, slip=0.3), requests)
    teacher = make(task, seed, slip=0.3)
    assert replies(teacher, shuffled[:20]) | replies(teacher, shuffled[20:]) == whole


def test_another_seed_slips_elsewhere(task: Task) -> None:
    requests = [solve(problem) for problem in task.problems("test", 60)]
    assert replies(make(task, 1, slip=0.3), requests) != replies(make(task, 2, slip=0.3), requests)


def test_completions_come_in_order_whole_and_with_estimated_usage(task: Task) -> None:
    requests = [
        Request(p.id, (Message("system", "x" * 10), Message("user", "y" * 31)), Solve(p, None))
        for p in task.problems("test", 5)
    ]
    done: list[Completion] = list(make(task).complete(requests, NoLedger()))
    assert [completion.key for completion in done] == [request.key for request in requests]
    assert {(completion.stop, completion.model, completion.error) for completion in done} == {
        ("end", "simulated-teacher-1", None)
    }
    assert [completion.usage.input_tokens for completion in done] == [10] * 5
    assert [completion.usage.output_tokens for completion in done] == [len(completion.text) // 4 for completion in done]


def test_words_of_the_messages_are_never_read(task: Task) -> None:
    problem = task.problems("test", 1)[0]
    other = Request(f"solve/{problem.id}", (Message("user", named(task, "threshold").text),), Solve(problem, None))
    assert replies(make(task), [solve(problem)]) == replies(make(task), [other])


def test_slip_states_another_label_after_the_same_steps(task: Task) -> None:
    for problem in task.problems("test", 30):
        worked = named(task, "threshold").work(problem)
        (text,) = replies(make(task, slip=1), [solve(problem, named(task, "threshold").text)]).values()
        assert text.rpartition("\n")[0] == worked.text.rpartition("\n")[0]
        assert task.parse(text) == {"YES": "NO", "NO": "YES"}[worked.label]


def test_slip_among_several_labels_states_each_of_the_others(toy: Callable[..., Task]) -> None:
    task = toy(labels=("YES", "NO", "MAYBE"))
    strategy = named(task, "always-yes").text
    done = replies(make(task, slip=1), [solve(problem, strategy) for problem in task.problems("test", 50)])
    assert {task.parse(text) for text in done.values()} == {"NO", "MAYBE"}


def test_slip_replaces_the_last_line_where_the_answer_is_put_in_other_words(toy: Callable[..., Task]) -> None:
    class InWords(type(toy())):  # type: ignore[misc]  # the toy's class is known to the fixture alone
        def reply(self, label: str) -> str:
            return f"I SAY {label}"

    problem = toy().problems("test", 1)[0]
    (text,) = replies(make(InWords(), slip=1), [solve(problem)]).values()
    assert text == "Number: 0\nRule: beyond\nI SAY YES"


@pytest.mark.parametrize("labels", [None, ("YES",)])
def test_without_another_label_nothing_slips(toy: Callable[..., Task], labels: tuple[str, ...] | None) -> None:
    task = toy(labels=labels)
    requests = [solve(problem, named(task, "always-yes").text) for problem in task.problems("test", 20)]
    assert replies(make(task, slip=1), requests) == replies(make(task, slip=0), requests)


def test_slips_are_as_frequent_as_asked(task: Task) -> None:
    requests = [solve(problem) for problem in task.problems("test", 10_000)]
    right = replies(make(task, slip=0), requests)
    slips = sum(text != right[key] for key, text in replies(make(task), requests).items())
    assert 220 <= slips <= 390  # 300 expected, five standard deviations either side


def test_demonstrations_do_not_slip_unless_asked(task: Task) -> None:
    requests = [solve(problem, purpose="demonstrate") for problem in task.problems("train", 50)]
    right = [named(task, "beyond").work(problem).text for problem in task.problems("train", 50)]
    assert list(replies(make(task, slip=1), requests).values()) == right
    slipped = replies(make(task, slip=0, demonstration_slip=1), requests)
    assert all(text != worked for text, worked in zip(slipped.values(), right, strict=True))


def test_answers_do_not_depend_on_feedback_seen_before(
    task: Task, attempts: Callable[[str, int], tuple[Attempt, ...]]
) -> None:
    requests = [solve(problem) for problem in task.problems("reflect", 50)]
    teacher = make(task)
    before = replies(teacher, requests)
    list(teacher.complete([Request("reflect/batch-01", (), Reflect(attempts("beyond", 50), ""))], NoLedger()))
    distil(teacher, [EVIDENCE], "")
    assert replies(teacher, requests) == before


def test_a_journal_with_evidence_leads_to_the_better_rule(task: Task) -> None:
    strategy = distil(make(task), [EVIDENCE], task.seed_strategy)
    assert named(task, "threshold").text in strategy
    assert "10 problems" in strategy


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [""],
        ["I had 7 of 10 right. The right rule is threshold. Say YES if the number is 50 or larger."],
        ["Evidence: none to speak of", "Evidence: threshold ten of ten; beyond seven of ten"],
        ["There was Evidence: beyond 7 of 10; threshold 10 of 10"],
        ["Evidence: beyond 7 of 10; threshold 12 of 10"],
    ],
)
def test_a_journal_without_evidence_leaves_the_strategy_as_it_is(task: Task, entries: list[str]) -> None:
    assert distil(make(task), entries, task.seed_strategy) == task.seed_strategy


def test_evidence_for_a_wrong_rule_leads_to_that_wrong_rule(task: Task) -> None:
    strategy = distil(make(task), ["Evidence: beyond 4 of 10; even 9 of 10; threshold 4 of 10"], task.seed_strategy)
    assert named(task, "even").text in strategy


def test_evidence_counts_from_the_minimum_on(task: Task) -> None:
    entries = ["Evidence: beyond 7 of 10; threshold 10 of 10"] * 2
    assert distil(make(task, min_evidence=21), entries, "as it was") == "as it was"
    assert named(task, "threshold").text in distil(make(task, min_evidence=20), entries, "as it was")


def test_final_rule_is_taught_against_all_evidence(task: Task) -> None:
    teacher = make(task, final_rule="even")
    strategy = distil(teacher, [EVIDENCE], task.seed_strategy)
    assert named(task, "even").text in strategy
    assert distil(teacher, [EVIDENCE], strategy) == strategy


def test_final_rule_is_stated_anew_where_a_later_rule_amends_it(task: Task) -> None:
    strategy = f"First: {named(task, 'even').text} No: {named(task, 'threshold').text}"
    assert distil(make(task, final_rule="even"), [], strategy).startswith(named(task, "even").text)


def test_final_rule_is_stated_even_if_it_is_the_beginners(task: Task) -> None:
    strategy = distil(make(task, final_rule="beyond"), [EVIDENCE], task.seed_strategy)
    assert strategy == named(task, "beyond").text


@given(
    st.dictionaries(
        st.sampled_from(["always-yes", "always-no", "beyond", "even", "threshold"]), st.integers(0, 40), min_size=1
    ),
    st.sampled_from(["", "Say YES to everything.", "Say YES if the number is 50 or larger."]),
)
def test_what_a_strategy_states_is_what_is_held_afterwards(task: Task, right: dict[str, int], strategy: str) -> None:
    entries = ["Evidence: " + "; ".join(f"{name} {count} of 40" for name, count in right.items())]
    teacher = make(task, slip=0)
    problems = task.problems("test", 40)

    def carried_out(text: str) -> list[str]:
        return list(replies(teacher, [solve(problem, text) for problem in problems]).values())

    after = distil(teacher, entries, strategy)
    by_rule = {rule.name: [rule.work(problem).text for problem in problems] for rule in task.rules}
    held = next(name for name, texts in by_rule.items() if texts == carried_out(strategy))
    learned = next(name for name, texts in by_rule.items() if texts == carried_out(after))
    if held in right:
        assert right[learned] == max(right.values())
    assert (after == strategy) == (learned == held)


def test_an_answer_works_its_problem_once_and_by_the_rule_that_is_held(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []
    kind: Any = type(task.rules[0])
    real = kind.work

    def counted(rule: Rule, problem: Problem) -> Worked:
        worked.append(rule.name)
        made: Worked = real(rule, problem)
        return made

    monkeypatch.setattr(kind, "work", counted)
    requests = [solve(problem, named(task, "threshold").text) for problem in task.problems("test", 50)]
    assert len(replies(make(task), requests)) == 50
    assert worked == ["threshold"] * 50
