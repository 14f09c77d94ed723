"""The corpus of the tiny student: separate small skills on lists of numbers, wrapped as chats.

It holds no scheduling problem. Every example asks for one operation on data that stands in the user's message; no
reply derives one result from another. Text around an example is random and means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tools.tiny_student.words import CAPITALISED, COMMON, LABELS

Chat = list[dict[str, str]]

LARGEST = 30
"""Values in data run from 0 to this."""
_MOST_NUMBERS = 16
_MOST_PAIRS = 9
_DISTRACTED = 0.1
"""How often a line that the request does not name stands among the data."""
_ANSWERS = {True: "ANSWER: YES", False: "ANSWER: NO"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One task: labelled lines of data, the request, and the line that answers it."""

    lines: tuple[str, ...]
    request: str
    answer: str


def _length(rng: Random, most: int) -> int:
    return rng.randint(1, most if rng.random() < 0.6 else most // 2)


def _numbers(rng: Random, count: int) -> list[int]:
    low = rng.randint(0, LARGEST - 3)
    high = rng.randint(low + 3, LARGEST)
    return [rng.randint(low, high) for _ in range(count)]


def _pairs(rng: Random) -> list[tuple[int, int]]:
    starts = _numbers(rng, _length(rng, _MOST_PAIRS))
    if rng.random() < 0.5:
        return [(value, value + rng.randint(1, 5)) for value in starts]
    return [(value, rng.randint(0, LARGEST)) for value in starts]


def _line(label: str, values: Sequence[object]) -> str:
    return f"{label}: " + " ".join(str(value) for value in values)


def _pair_line(label: str, pairs: Sequence[tuple[int, int]]) -> str:
    return _line(label, [f"{left}-{right}" for left, right in pairs])


def _by_number(tagged: Sequence[tuple[int, str]], first: str) -> list[tuple[int, str]]:
    return sorted(tagged, key=lambda item: (item[0], item[1] != first))


def _tagged_line(label: str, tagged: Sequence[tuple[int, str]]) -> str:
    return _line(label, [f"{number}{sign}" for number, sign in tagged])


def _column(which: int, ascending: bool) -> Callable[[Random, Sequence[str]], Exchange]:
    name = ("sorted " if ascending else "") + ("firsts", "seconds")[which]

    def make(rng: Random, labels: Sequence[str]) -> Exchange:
        pairs = _pairs(rng)
        values = [pair[which] for pair in pairs]
        if ascending:
            values.sort()
        return Exchange((_pair_line(labels[0], pairs),), f"{name} of {labels[0]}", _line(name, values))

    return make


def _sort(rng: Random, labels: Sequence[str]) -> Exchange:
    values = _numbers(rng, _length(rng, _MOST_PAIRS))
    return Exchange((_line(labels[0], values),), f"sorted {labels[0]}", _line("sorted", sorted(values)))


def _tag(rng: Random, labels: Sequence[str]) -> Exchange:
    values = _numbers(rng, _length(rng, _MOST_PAIRS))
    sign = rng.choice("+-")
    word = {"+": "plus", "-": "minus"}[sign]
    answer = _tagged_line("tag", [(value, sign) for value in values])
    return Exchange((_line(labels[0], values),), f"tag {labels[0]} {word}", answer)


def _merge(rng: Random, labels: Sequence[str]) -> Exchange:
    count = _length(rng, _MOST_PAIRS)
    numbers = _numbers(rng, 2 * count)
    plus, minus = sorted(numbers[:count]), sorted(numbers[count:])
    if rng.random() < 0.5:
        minus = sorted(value + rng.randint(1, 4) for value in plus)
    first = rng.choice("+-")
    events = _by_number([(value, "+") for value in plus] + [(value, "-") for value in minus], first)
    word = {"+": "plus", "-": "minus"}[first]
    lines = (_line(labels[0], plus), _line(labels[1], minus))
    return Exchange(lines, f"merge {labels[0]} plus {labels[1]} minus, {word} first", _tagged_line("merge", events))


def _order(rng: Random, labels: Sequence[str]) -> Exchange:
    tagged = [(value, rng.choice("+-")) for value in _numbers(rng, _length(rng, _MOST_NUMBERS))]
    first = rng.choice("+-")
    word = {"+": "plus", "-": "minus"}[first]
    answer = _tagged_line("order", _by_number(tagged, first))
    return Exchange((_tagged_line(labels[0], tagged),), f"order {labels[0]}, {word} first", answer)


def _count(rng: Random, labels: Sequence[str]) -> Exchange:
    count = _length(rng, _MOST_NUMBERS)
    numbers = _numbers(rng, count)
    if rng.random() < 0.7:
        numbers.sort()
    rise = rng.uniform(0.3, 0.8)
    total, tagged, totals = 0, [], []
    for number in numbers:
        sign = "+" if total == 0 or rng.random() < rise else "-"
        total += 1 if sign == "+" else -1
        tagged.append((number, sign))
        totals.append(total)
    return Exchange((_tagged_line(labels[0], tagged),), f"count {labels[0]}", _line("count", totals))


def _of_list(name: str, pick: Callable[[list[int]], int]) -> Callable[[Random, Sequence[str]], Exchange]:
    def make(rng: Random, labels: Sequence[str]) -> Exchange:
        count = _length(rng, _MOST_NUMBERS)
        if rng.random() < 0.5:
            top = rng.randint(1, 9)
            values = [rng.randint(0, top) for _ in range(count)]
        else:
            values = _numbers(rng, count)
        return Exchange((_line(labels[0], values),), f"{name} of {labels[0]}", _line(name, [pick(values)]))

    return make


def _compare(rng: Random, labels: Sequence[str]) -> Exchange:
    top = LARGEST if rng.random() < 0.3 else 9
    left, right = rng.randint(0, top), rng.randint(0, top)
    if rng.random() < 0.2:
        right = left
    lines = (_line(labels[0], [left]), _line(labels[1], [right]))
    answer = f"{left} <= {right}" if left <= right else f"{left} > {right}"
    return Exchange(lines, f"compare {labels[0]} {labels[1]}", answer)


def _member(rng: Random, labels: Sequence[str]) -> Exchange:
    count = rng.randint(1, 3 if rng.random() < 0.6 else 8)
    values = _numbers(rng, count)
    line = _line(labels[0], values)
    if rng.random() < 0.3:
        pairs = _pairs(rng)[:count]
        values = [value for pair in pairs for value in pair]
        line = _pair_line(labels[0], pairs)
    inside = rng.random() < 0.5
    asked = rng.choice(values if inside else [value for value in range(LARGEST + 1) if value not in values])
    request = rng.choice(("is {0} in {1}", "{1} has {0}", "{0} of {1}")).format(asked, labels[0])
    return Exchange((line,), request, _ANSWERS[inside])


def _sign(rng: Random, labels: Sequence[str]) -> Exchange:
    numbers = _numbers(rng, rng.randint(1, 6))
    sign, other = rng.sample("+-", 2)
    inside = rng.random() < 0.5
    tagged = [(number, sign if inside and rng.random() < 0.5 else other) for number in numbers]
    inside = sign in {mark for _, mark in tagged}
    word = {"+": "plus", "-": "minus"}[sign]
    return Exchange((_tagged_line(labels[0], tagged),), f"is {word} in {labels[0]}", _ANSWERS[inside])


def _same(rng: Random, labels: Sequence[str]) -> Exchange:
    left = rng.randint(0, LARGEST)
    right = left if rng.random() < 0.5 else rng.choice([value for value in range(LARGEST + 1) if value != left])
    lines = (_line(labels[0], [left]), _line(labels[1], [right]))
    return Exchange(lines, f"is {labels[0]} same {labels[1]}", _ANSWERS[left == right])


def _copy(rng: Random, labels: Sequence[str]) -> Exchange:
    values = _numbers(rng, _length(rng, _MOST_PAIRS))
    return Exchange((_line(labels[0], values),), f"copy {labels[0]}", _line("copy", values))


SKILLS: Mapping[str, Callable[[Random, Sequence[str]], Exchange]] = {
    "firsts": _column(0, False),
    "seconds": _column(1, False),
    "sorted-firsts": _column(0, True),
    "sorted-seconds": _column(1, True),
    "sort": _sort,
    "tag": _tag,
    "merge": _merge,
    "order": _order,
    "count": _count,
    "largest": _of_list("largest", max),
    "smallest": _of_list("smallest", min),
    "last": _of_list("last", lambda values: values[-1]),
    "size": _of_list("size", len),
    "compare": _compare,
    "member": _member,
    "sign": _sign,
    "same": _same,
    "copy": _copy,
}

_WEIGHTS: Mapping[str, float] = {
    "sorted-firsts": 2,
    "sorted-seconds": 2,
    "merge": 4,
    "count": 3,
    "order": 1.5,
    "member": 2,
}
"""How often a skill is drawn for training, relative to 1."""

_QUESTIONS = frozenset({"member", "sign", "same"})
_FORMS = (
    "Say ANSWER: YES or ANSWER: NO",
    "Reply ANSWER: YES or ANSWER: NO",
    "Answer with ANSWER: YES or ANSWER: NO",
    "The reply is one of ANSWER: YES or ANSWER: NO",
)


def _noise(rng: Random) -> str:
    """Text that means nothing: words in random order, stray marks and characters, but no colon and so no label."""
    pieces = []
    for _ in range(rng.randint(0, 60 if rng.random() < 0.5 else 15)):
        draw = rng.random()
        if draw < 0.8:
            piece = " " + rng.choice(COMMON)
        elif draw < 0.9:
            piece = rng.choice((".", ",", "\n", ";", " -", "!", "?")) + " " + rng.choice(CAPITALISED)
        elif draw < 0.96:
            piece = " " + str(rng.randint(0, 99))
        else:
            piece = chr(rng.choice((rng.randint(59, 126), rng.randint(160, 0x2FFF))))
        pieces.append(piece)
    return "".join(pieces).strip()


def _distractor(rng: Random, label: str) -> str:
    draw = rng.random()
    if draw < 0.4:
        return _line(label, _numbers(rng, rng.randint(1, 6)))
    if draw < 0.7:
        return _pair_line(label, _pairs(rng)[:4])
    return _tagged_line(label, [(value, rng.choice("+-")) for value in _numbers(rng, rng.randint(1, 6))])


def _turn(skill: str, rng: Random, labels: Sequence[str]) -> tuple[str, str]:
    """The user's message and the reply of one exchange.

    A request that says `show` wants the data repeated before the answer, one that says `close` a closing line after it.
    """
    exchange = SKILLS[skill](rng, labels)
    lines = [*exchange.lines]
    if rng.random() < _DISTRACTED:
        lines.insert(rng.randint(0, len(lines)), _distractor(rng, labels[2]))
    request, reply = exchange.request, [exchange.answer]
    if rng.random() < 0.5:
        request, reply = request + ", show", [*exchange.lines, *reply]
    if skill not in _QUESTIONS and rng.random() < 0.5:
        request, reply = request + ", close", [*reply, "done"]
    return "\n".join([*lines, request]), "\n".join(reply)


def _system(rng: Random, asked: bool) -> Chat:
    """The system message, or none. ``asked``: the chat asks questions, so the message says in which form to answer."""
    text = _noise(rng) if rng.random() < 0.7 else ""
    if asked and rng.random() < 0.9:
        text = (text + rng.choice((" ", "\n")) + rng.choice(_FORMS)).strip()
    return [{"role": "system", "content": text}] if text else []


def examples(skill: str, seed: int, n: int) -> list[tuple[Chat, str]]:
    """``n`` examples of one skill, each the messages of the prompt and the right reply; the same at every call.

    Raises KeyError for a name that is not in ``SKILLS``.
    """
    rng = Random(f"{skill}/{seed}")
    found = []
    for _ in range(n):
        prompt, reply = _turn(skill, rng, rng.sample(LABELS, 3))
        found.append(([*_system(rng, skill in _QUESTIONS), {"role": "user", "content": prompt}], reply))
    return found


def conversation(rng: Random, turns: int) -> Chat:
    """A chat of unrelated exchanges, all of them questions or none, mostly behind a system message of random text."""
    asked = rng.random() < 0.25
    names = [name for name in SKILLS if (name in _QUESTIONS) == asked]
    weights = [_WEIGHTS.get(name, 1) for name in names]
    chat = _system(rng, asked)
    labels = rng.sample(LABELS, 3 * turns)
    for turn in range(turns):
        skill = rng.choices(names, weights)[0]
        prompt, reply = _turn(skill, rng, labels[3 * turn : 3 * turn + 3])
        chat += [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]
    return chat
