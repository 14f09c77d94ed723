"""What a task and its verifier must keep to on every planned problem: rules, each with what breaks it.

Each rule is looked at on its own: a caller may stop at the first violation, or tell all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations, islice, product

from harness.api import Drifting, Problem, Rule, StepCheck, Task, Truth, Verifier, Worked
from harness.boundary import files
from harness.design.rules import constant
from harness.registry import violations
from harness.registry.violations import Contract, of_json, of_messages, of_methods, of_object, of_text, shown

LONGEST_NAME = 64
"""Characters of the name of a rule, ``always-`` for that of a constant among them."""
SAMPLE = 8
"""Problems of a split on which rules are carried out, and which are made a second time."""
RIVALS = 3
"""Other problems' truths that a verifier is asked about for each problem."""
TOLERATED = 0.5
"""Share of other problems' truths that may be right for a problem, too, where answers are free-form."""
MARK = "MARK-4F1C: work step by step and check each step"
"""A strategy that no task holds by itself."""


@dataclass(frozen=True)
class Subject:
    """A task with its verifier and the problems that are planned, by split."""

    task: Task
    verifier: Verifier
    problems: Mapping[str, Sequence[Problem]]
    again: Callable[[], Task] | None = None
    """Makes the task once more; None where nobody can."""
    demonstrated: frozenset[str] = frozenset({"train"})
    """The splits of which worked solutions are asked for."""
    first: Callable[[Task, str, int], Sequence[Problem]] = lambda task, split, count: task.problems(split, count)
    """The first problems of a split, made by a task; none where another split shows as much."""

    @property
    def all(self) -> Iterator[Problem]:
        """Every problem of every split."""
        return (problem for problems in self.problems.values() for problem in problems)

    @property
    def sample(self) -> Iterator[Problem]:
        """The first problems of each split."""
        return (problem for problems in self.problems.values() for problem in problems[:SAMPLE])

    @cached_property
    def truths(self) -> dict[str, Truth]:
        """The truth of every problem, by its id. Raises what the verifier raises."""
        return {problem.id: self.verifier.truth(problem) for problem in self.all}


def _labels(subject: Subject) -> Iterator[str]:
    labels = subject.task.labels
    if labels is None:
        return
    if not isinstance(labels, list | tuple) or len(labels) < 2:
        yield f"has the labels {shown(labels)}, expected at least two, or None for free-form answers"
        return
    for label in labels:
        yield from (f"has a label that {wrong}" for wrong in of_text(label, 1))


def _names(subject: Subject) -> Iterator[str]:
    constants = [constant(label) for label in subject.task.labels or ()]
    rules = [rule.name for rule in subject.task.rules if rule.trivial]
    for name in (*constants, *rules):
        if not (isinstance(name, str) and name.isprintable() and 1 <= len(name) <= LONGEST_NAME):
            yield (
                f"has a rule named {shown(name)}, its own or that of a constant answer, which no result can hold; "
                f"expected 1 to {LONGEST_NAME} printable characters"
            )
            return
    if len(set(constants)) < len(constants) or len(set(rules)) < len(rules):
        yield "has two labels that differ in case alone, or two rules of one name; name them apart"


def _rules(subject: Subject) -> Iterator[str]:
    yield from (f"has a seed strategy that {wrong}" for wrong in of_text(subject.task.seed_strategy))
    rules = list(subject.task.rules)
    for rule in rules:
        yield from (f"has a rule whose text {wrong}" for wrong in of_text(rule.text, 1))
    for one, other in combinations([rule for rule in rules if isinstance(rule.text, str)], 2):
        if one.text in other.text or other.text in one.text:
            yield f"has the rules {shown(one.name)} and {shown(other.name)}, of which one's text is part of the other's"
    for problem in subject.sample:
        yield from (f"{wrong} on problem {shown(problem.id)}" for rule in rules for wrong in _work(rule, problem))


def _work(rule: Rule, problem: Problem) -> Iterator[str]:
    worked = rule.work(problem)
    if not isinstance(worked, Worked):
        yield f"has the rule {shown(rule.name)}, which gives {shown(worked)} in place of Worked"
        return
    for wrong in (*of_text(worked.text), *of_text(worked.label, 1)):
        yield f"has the rule {shown(rule.name)}, whose work {wrong}"


def _problems(subject: Subject) -> Iterator[str]:
    seen: set[str] = set()
    for split, problems in subject.problems.items():
        for index, problem in enumerate(problems):
            if not isinstance(problem, Problem):
                yield f"gives {shown(problem)} as problem {index} of {split!r}, expected a Problem"
                return
            wrong = list(_of_problem(problem, split))
            if problem.id in seen:
                wrong.append("whose id another problem has")
            seen.add(problem.id)
            yield from (f"gives problem {shown(problem.id)} of {split!r}, {each}" for each in wrong)


def _of_problem(problem: Problem, split: str) -> Iterator[str]:
    yield from (f"whose id {wrong}" for wrong in of_text(problem.id, 1))
    yield from (f"whose stratum {wrong}" for wrong in of_text(problem.stratum))
    yield from (f"whose canonical {wrong}" for wrong in of_text(problem.canonical))
    yield from (f"whose data {wrong}" for wrong in of_object(problem.data))
    if problem.split != split:
        yield f"that says it is of {shown(problem.split)}"


def _again(subject: Subject) -> Iterator[str]:
    """A few problems of each split, made by one instance of the task twice, and by another."""
    if subject.again is None:
        return
    one, other = subject.again(), subject.again()
    for split, problems in subject.problems.items():
        count = min(SAMPLE, len(problems))
        for difference in _differences(subject, *(subject.first(task, split, count) for task in (one, one, other))):
            yield difference
            return


def _differences(subject: Subject, *made: Sequence[Problem]) -> Iterator[str]:
    for problem, *twins in zip(*made, strict=False):
        for twin in twins:
            for what, first, second in _features(subject, problem, twin):
                if first != second:
                    yield f"gives problem {shown(problem.id)} with another {what} when it is made twice"


def _features(subject: Subject, one: Problem, other: Problem) -> Iterator[tuple[str, str, str]]:
    yield "id", one.id, other.id
    yield "canonical form", one.canonical, other.canonical
    yield "stratum", one.stratum, other.stratum
    yield "data", files.canonical(one.data), files.canonical(other.data)
    yield "truth", subject.verifier.truth(one).label, subject.verifier.truth(other).label


def windows(number: int, counts: Mapping[str, int]) -> Contract:
    """What a task that drifts must keep to in so many windows, with a count of problems in each, by split.

    Its subject's problems are those that are planned besides; they may be of these windows, too. Costs what making the
    problems of the windows costs. UsageError of the task passes.
    """
    return Contract(
        "windows hold the problems that are asked for, which are of no other window and no other split",
        partial(_windows, number, counts),
    )


def _windows(number: int, counts: Mapping[str, int], subject: Subject) -> Iterator[str]:
    if not isinstance(subject.task, Drifting):
        yield "has no method window"
        return
    known = {problem.id: problem.canonical for problem in subject.all}
    forms = {form: name for name, form in known.items()}
    instances = [subject.again() for _ in range(2)] if subject.again else []
    seen: set[str] = set()
    for split, window in product(counts, range(1, number + 1)):
        count, where = counts[split], f"window {window} of {number} of {split!r}"
        made = subject.task.window(split, window, number, count)
        if not isinstance(made, Sequence) or len(made) != count:
            yield f"gives {shown(made)} as {where}, where {count} problems were asked for"
            return
        for problem in made:
            wrong = list(_of_problem(problem, split)) if isinstance(problem, Problem) else ["expected a Problem"]
            if not wrong and (problem.id in seen or known.get(problem.id, problem.canonical) != problem.canonical):
                wrong.append("whose id another problem has")
            if not wrong and (other := forms.setdefault(problem.canonical, problem.id)) != problem.id:
                wrong.append(f"which is problem {shown(other)} again")
            if wrong:
                yield f"gives {shown(getattr(problem, 'id', problem))} in {where}, {wrong[0]}"
                return
            seen.add(problem.id)
        again = (
            task.window(split, window, number, min(SAMPLE, count)) for task in instances if isinstance(task, Drifting)
        )
        for difference in _differences(subject, *again):
            yield f"{difference}, in {where}"
            return


def _prompts(subject: Subject) -> Iterator[str]:
    asks = {"prompt": subject.task.prompt}
    for problem in subject.all:
        if problem.split in subject.demonstrated:
            asks["demonstration"] = subject.task.demonstration
        for name, ask in asks.items():
            plain, told = ask(problem, None), ask(problem, MARK)
            wrong = next((found for messages in (plain, told) for found in of_messages(messages)), None)
            if wrong is None and not any(MARK in message.text for message in told):
                wrong = "does not hold the strategy that it was given; put it in word for word"
            if wrong is None and any(MARK in message.text for message in plain):
                wrong = "holds a strategy though none was given"
            if wrong is not None:
                yield f"gives a {name} for problem {shown(problem.id)} that {wrong}"
                return


def _readings(subject: Subject) -> Iterator[str]:
    task = subject.task
    closed = task.labels is not None
    for label in task.labels or dict.fromkeys(truth.label for truth in subject.truths.values()):
        reply = task.reply(label)
        yield from (f"gives a reply for {shown(label)} that {wrong}" for wrong in of_text(reply))
        read = task.parse(reply) if isinstance(reply, str) else label
        if read != label:
            yield f"reads its own reply {shown(reply)} for {shown(label)} as {shown(read)}; they must agree"
            return
    for blank in ("", " \n"):
        if (read := task.parse(blank)) is not None:
            yield f"reads a blank reply as {shown(read)}, expected None"
            return
    for rule in task.rules:
        for problem in subject.sample:
            read = task.parse(rule.work(problem).text)
            if read is not None and not isinstance(read, str):
                yield f"reads a reply as {shown(read)}, expected text or None"
                return
            if closed and read is not None and read not in (task.labels or ()):
                yield f"reads a reply as {shown(read)}, which is none of its labels"
                return


def _truths(subject: Subject) -> Iterator[str]:
    labels = subject.task.labels
    for problem in subject.all:
        truth = subject.truths[problem.id]
        if not isinstance(truth, Truth):
            yield f"gives {shown(truth)} as truth {_on(problem)}, expected a Truth"
            return
        yield from (f"gives a truth whose label {wrong} {_on(problem)}" for wrong in of_text(truth.label, 1))
        yield from (f"gives a truth whose reason {wrong} {_on(problem)}" for wrong in of_text(truth.reason))
        yield from (f"gives a truth whose witness {wrong} {_on(problem)}" for wrong in of_object(truth.witness))
        if labels is not None and truth.label not in labels:
            yield f"gives the truth {shown(truth.label)} {_on(problem)}, which is none of the task's labels"
            return


def _on(problem: Problem) -> str:
    return f"on problem {shown(problem.id)}"


def _judgements(subject: Subject) -> Iterator[str]:
    labels = subject.task.labels
    for problem in subject.all:
        label = subject.truths[problem.id].label
        judged = subject.verifier.check(problem, label)
        if type(judged).__name__ not in ("bool", "bool_"):
            yield f"judges {shown(label)} as {shown(judged)} {_on(problem)}, expected True or False"
            return
        if not judged:
            yield f"calls its own truth {shown(label)} wrong {_on(problem)}; its check must accept its truth"
            return
        for other in labels or ():
            if other != label and subject.verifier.check(problem, other):
                yield f"calls {shown(other)} right {_on(problem)}, where it says that {shown(label)} is the truth"
                return
        if labels is None and subject.verifier.check(problem, ""):
            yield f"calls an empty answer right {_on(problem)}"
            return


def _rejections(subject: Subject) -> Iterator[str]:
    """Free-form answers can be right in several ways, so a few truths of other problems may be right here, too."""
    if subject.task.labels is not None:
        return
    tried = taken = mixed = 0
    example = mixture = ""
    truths = list(dict.fromkeys(truth.label for truth in subject.truths.values()))
    for place, problem in enumerate(subject.all):
        label = subject.truths[problem.id].label
        start = (place * RIVALS) % len(truths)
        for other in islice((each for each in (*truths[start:], *truths[:start]) if each != label), RIVALS):
            tried += 1
            both = f"{label} {other}"
            if subject.verifier.check(problem, other):
                taken, example = taken + 1, f"{shown(other)} on problem {shown(problem.id)}"
            if subject.verifier.check(problem, both):
                mixed, mixture = mixed + 1, f"{shown(both)} on problem {shown(problem.id)}"
    if taken > TOLERATED * tried:
        yield f"accepts {taken} of {tried} truths of other problems, such as {example}: it accepts what is wrong"
    elif mixed > TOLERATED * tried:
        yield (
            f"accepts {mixed} of {tried} answers that state two truths at once, such as {mixture}: "
            "it finds the truth in an answer, and does not judge the answer"
        )


def _steps(subject: Subject) -> Iterator[str]:
    for problem in subject.sample:
        replies = [subject.task.reply(subject.truths[problem.id].label), ""]
        replies += [rule.work(problem).text for rule in subject.task.rules]
        for reply in replies:
            found = subject.verifier.steps(problem, reply)
            if found is None:
                continue
            where = f"on problem {shown(problem.id)}"
            if not isinstance(found, StepCheck):
                yield f"checks the steps of a reply as {shown(found)} {where}, expected a StepCheck or None"
                return
            for wrong in (*of_json(found.claimed), *of_json(found.true)):
                yield f"checks the steps of a reply with a value that {wrong} {where}"
                return


def _methods(subject: Subject) -> Iterator[str]:
    yield from of_methods(subject.task, Task)


def _verifier_methods(subject: Subject) -> Iterator[str]:
    yield from of_methods(subject.verifier, Verifier)


OWN = (
    Contract("every method of the protocol is there", _methods),
    Contract("labels are at least two texts, or None where answers are free-form", _labels),
    Contract("rules and constants have names that a result can hold and tell apart", _names),
    Contract(
        "problems have an id of their own, their split, a stratum and a canonical form, and data as JSON", _problems
    ),
    Contract("a rule gives worked solutions; no rule's text is part of another's", _rules),
    Contract("prompts are messages, and hold the strategy that they are given, word for word", _prompts),
)
"""What a task answers for by itself, in an order in which each may rely on those before."""
TRUTHS = (
    Contract("every method of the protocol is there", _verifier_methods),
    Contract("the truth is a label of the task, with a witness as JSON and a reason", _truths),
)
"""What a verifier answers for, on the problems of a task that keeps its own contracts."""
READ = (
    Contract("parse(reply(label)) is the label, and a blank reply states none", _readings),
    Contract("problems and truths are the same when they are made twice", _again),
)
"""What a task answers for once its truths are known."""
JUDGED = (
    Contract("the truth of a problem is right, and in a closed task nothing else is", _judgements),
    Contract("truths of other problems, and two at once, are wrong where answers are free-form", _rejections),
    Contract("steps are checked as JSON, or not at all", _steps),
)
"""What a verifier answers for once the task reads its own replies."""
PASS = (
    *(("task", contract) for contract in OWN),
    *(("verifier", contract) for contract in TRUTHS),
    *(("task", contract) for contract in READ),
    *(("verifier", contract) for contract in JUDGED),
)
"""The whole pass over task and verifier, with whom each contract binds; each may rely on those before."""


def large(subject: Subject) -> Iterator[str]:
    """What of a task is so large that its user should know: the largest data, and the longest prompt."""
    data = max(((len(files.canonical(each.data)), each.id) for each in subject.all), default=(0, ""))
    prompts = max(
        ((sum(len(message.text) for message in subject.task.prompt(each, None)), each.id) for each in subject.all),
        default=(0, ""),
    )
    for what, (size, name) in (("data", data), ("prompt", prompts)):
        if size > violations.LARGE:
            yield f"the {what} of problem {shown(name)} has {size:,} characters, the most of all problems"
