"""The corpus of the tiny student: replies are right, a seed fixes it, and it holds nothing of the task."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from random import Random

import pytest

from tools.tiny_student.corpus import SKILLS, conversation, examples

STEP_LABELS = ("Starts:", "Ends:", "Events:", "Running:", "Peak:", "ANSWER:")
PROMPT_LINES = (
    "Meetings:",
    "Rooms:",
    "Meetings need rooms",
    "A room holds one meeting",
    "ends at an hour",
    "leaves its room free",
    "starts at that hour",
    "Decide whether all",
    "fit into the rooms",
    "Write your steps",
    "end with one line",
    "Strategy:",
)


def texts(seed: int, n: int) -> list[str]:
    rng = Random(seed)
    return ["\n".join(turn["content"] for turn in conversation(rng, rng.randint(1, 5))) for _ in range(n)]


def data(prompt: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in prompt.split("\n")[:-1])


def tags(line: str) -> list[tuple[int, str]]:
    return [(int(item[:-1]), item[-1]) for item in line.split()]


def numbers(line: str) -> list[int]:
    return [int(item) for item in line.split()]


def column(lines: dict[str, str], label: str, side: int) -> list[int]:
    return [int(pair.split("-")[side]) for pair in lines[label].split()]


def written(values: list[int]) -> str:
    return " ".join(map(str, values))


def interleaved(plus: list[int], minus: list[int], first: str) -> str:
    """Merges two ascending lists by taking heads, which is not how the corpus does it."""
    plus, minus, merged = [*plus], [*minus], []
    while plus or minus:
        take_plus = not minus or (bool(plus) and (plus[0] < minus[0] or (plus[0] == minus[0] and first == "plus")))
        merged.append(f"{plus.pop(0)}+" if take_plus else f"{minus.pop(0)}-")
    return " ".join(merged)


def expected(prompt: str) -> str:
    """The answer line that the request at the end of ``prompt`` asks for, computed from its text alone."""
    lines, request = data(prompt), prompt.split("\n")[-1].removesuffix(", close").removesuffix(", show")
    words = request.replace(",", "").split()
    match words:
        case [("firsts" | "seconds") as side, "of", label]:
            return f"{side}: {written(column(lines, label, side == 'seconds'))}"
        case ["sorted", ("firsts" | "seconds") as side, "of", label]:
            return f"sorted {side}: {written(sorted(column(lines, label, side == 'seconds')))}"
        case ["sorted", label]:
            return f"sorted: {written(sorted(numbers(lines[label])))}"
        case ["tag", label, word]:
            return "tag: " + " ".join(f"{n}{'+' if word == 'plus' else '-'}" for n in numbers(lines[label]))
        case ["merge", left, "plus", right, "minus", first, "first"]:
            return "merge: " + interleaved(numbers(lines[left]), numbers(lines[right]), first)
        case ["order", label, first, "first"]:
            both = {sign: sorted(n for n, s in tags(lines[label]) if s == sign) for sign in "+-"}
            return "order: " + interleaved(both["+"], both["-"], first)
        case ["count", label]:
            return f"count: {written(list(accumulate(1 if s == '+' else -1 for _, s in tags(lines[label]))))}"
        case ["largest", "of", label]:
            return f"largest: {sorted(numbers(lines[label]))[-1]}"
        case ["smallest", "of", label]:
            return f"smallest: {sorted(numbers(lines[label]))[0]}"
        case ["last", "of", label]:
            return f"last: {lines[label].split()[-1]}"
        case ["size", "of", label]:
            return f"size: {lines[label].count(' ') + 1}"
        case ["compare", left, right]:
            difference = int(lines[left]) - int(lines[right])
            return f"{lines[left]} {'>' if difference > 0 else '<='} {lines[right]}"
        case ["is", ("plus" | "minus") as word, "in", label]:
            return f"ANSWER: {'YES' if {'plus': '+', 'minus': '-'}[word] in lines[label] else 'NO'}"
        case ["is", left, "same", right]:
            return f"ANSWER: {'YES' if lines[left] == lines[right] else 'NO'}"
        case ["is", asked, "in", label] | [label, "has", asked] | [asked, "of", label]:
            return f"ANSWER: {'YES' if asked in re.findall(r'[0-9]+', lines[label]) else 'NO'}"
        case ["copy", label]:
            return f"copy: {lines[label]}"
    raise AssertionError(request)


@pytest.mark.parametrize("skill", SKILLS)
def test_every_reply_ends_with_the_answer_that_the_request_asks_for(skill: str) -> None:
    for chat, reply in examples(skill, seed=5, n=150):
        prompt = chat[-1]["content"]
        *shown, answer = reply.removesuffix("\ndone").split("\n")
        assert answer == expected(prompt)
        assert bool(shown) == (", show" in prompt)
        assert reply.endswith("\ndone") == prompt.endswith(", close")
        assert set(shown) <= set(prompt.split("\n"))


@pytest.mark.parametrize("skill", SKILLS)
def test_examples_are_a_pure_function_of_skill_seed_and_number(skill: str) -> None:
    assert examples(skill, seed=3, n=6) == examples(skill, seed=3, n=6)
    assert examples(skill, seed=3, n=6)[:4] == examples(skill, seed=3, n=4)
    assert examples(skill, seed=3, n=6) != examples(skill, seed=4, n=6)


def test_a_conversation_is_a_pure_function_of_its_random_stream() -> None:
    assert texts(11, 20) == texts(11, 20)
    assert texts(11, 20) != texts(12, 20)


def test_no_conversation_holds_a_line_of_the_prompt_of_the_task() -> None:
    for text in texts(0, 3000):
        assert not [line for line in PROMPT_LINES if line in text]


def test_no_conversation_holds_two_steps_of_a_worked_solution_in_its_arrangement() -> None:
    for text in texts(1, 3000):
        heads = [line.split()[0] for line in text.split("\n") if line.split()]
        assert not set(heads) & set(STEP_LABELS[:-1])
        assert not [pair for pair in pairwise(heads) if pair in set(pairwise(STEP_LABELS))]
        assert not re.search(r"\d (<=|>) \d+\nANSWER", text)


def test_no_reply_computes_one_result_from_another() -> None:
    for skill in SKILLS:
        for chat, reply in examples(skill, seed=9, n=100):
            computed = [line for line in reply.split("\n") if line not in [*chat[-1]["content"].split("\n"), "done"]]
            assert len(computed) <= 1


def test_an_unknown_skill_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        examples("scheduling", seed=0, n=1)
