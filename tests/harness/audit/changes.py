"""Changes to a made-up run, each by an amount: what the fixtures of the checks consist of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.design.skills import SPLIT as SKILLS
from tests.harness.audit.results import Made, answer, other, reply
from tests.harness.rows import sha256

Change = Callable[[Made, Any], None]


def constant(arm: str, split: str = "test") -> Change:
    """An arm answers NO to all problems but the first ``amount``, which it answers with YES."""

    def change(run: Made, amount: int) -> None:
        for place, row in enumerate(run.of(arm, split)):
            answer(row, "YES" if place < amount else "NO")

    return change


def few_answers(run: Made, amount: int) -> None:
    """The base student answers NO to the first ``amount`` problems and nothing to the others."""
    for place, row in enumerate(run.of("student-base")):
        answer(row, "NO" if place < amount else None)


def wrong(arm: str, split: str = "test") -> Change:
    """An arm gets the first ``amount`` problems wrong and all others right."""

    def change(run: Made, amount: int) -> None:
        for place, row in enumerate(run.of(arm, split)):
            answer(row, other(row["truth"], ("NO", "YES")) if place < amount else row["truth"])

    return change


def wrong_in_all(run: Made, amount: int) -> None:
    """As ``wrong`` for the base student, whose problems are not told apart by stratum."""
    wrong("student-base")(run, amount)
    for row in run.of("student-base"):
        row["stratum"] = "ALL"


def against(winner: str, loser: str) -> Change:
    """One arm wins ``amount`` problems over another and loses 2."""

    def change(run: Made, amount: int) -> None:
        wrong(loser)(run, amount + 10)
        wrong(winner)(run, 10)
        for row in run.of(winner)[-2:]:
            answer(row, other(row["truth"], ("NO", "YES")))

    return change


def blank(arm: str, split: str = "test", kind: str = "unparsed") -> Change:
    """The first ``amount`` replies of an arm state no answer."""

    def change(run: Made, amount: int) -> None:
        for row in run.of(arm, split)[:amount]:
            answer(row, None, kind)

    return change


def blank_everywhere(run: Made, amount: int) -> None:
    """The first ``amount`` replies of every arm on the test problems state no answer."""
    for arm in {row["arm"] for row in run.items}:
        blank(arm)(run, amount)


def blank_beside_a_small_lead(run: Made, amount: int) -> None:
    """The first ``amount`` replies of the untaught teacher state no answer, and the taught one is hardly better."""
    wrong("teacher-strategy")(run, 25)
    blank("teacher-base")(run, amount)


def in_trainings(run: Made, amount: int) -> None:
    """In ``amount`` of its trainings the trained student gets 45 problems wrong."""
    for seed in range(amount):
        for row in run.of("student-lora", seed=seed)[:45]:
            answer(row, other(row["truth"], ("NO", "YES")))


def constant_in_trainings(run: Made, amount: int) -> None:
    """In ``amount`` of its trainings the trained student answers NO to everything."""
    for seed in range(amount):
        for row in run.of("student-lora", seed=seed):
            answer(row, "NO")


def blind_in_trainings(run: Made, amount: int) -> None:
    """In ``amount`` of its trainings the trained student gets every other pair of problems wrong."""
    for seed in range(amount):
        for place, row in enumerate(run.of("student-lora", seed=seed)):
            answer(row, row["truth"] if place // 2 % 2 else other(row["truth"], ("NO", "YES")))


def freely(change: Change) -> Change:
    """A change to a run of a task whose answers are free-form, so that it has no constants among its rules."""

    def freed(run: Made, amount: Any) -> None:
        run.labels = None
        for row in run.problems:
            row["trivial"] = {name: rule for name, rule in row["trivial"].items() if not name.startswith("always-")}
        change(run, amount)

    return freed


def nothing(run: Made, amount: Any) -> None:
    """Changes nothing."""


def unruled(run: Made, amount: int) -> None:
    """With ``amount`` the task has no trivial rule of its own."""
    for row in run.problems if amount else ():
        row["trivial"] = {}


def right_otherwise(run: Made, amount: int) -> None:
    """The first ``amount`` answers of the trained student are right in other words."""
    for row in run.of("student-lora")[-40:][:amount]:
        row["outcome"] = {"kind": "answered", "label": "in other words"}


def ends(arm: str, split: str = "test") -> Change:
    """The first reply of an arm ends as an outcome of the kind ``amount``."""

    def change(run: Made, amount: str) -> None:
        answer(run.of(arm, split)[0], None, amount)

    return change


def cut(arm: str, split: str = "test", seed: int | None = None) -> Change:
    """The first ``amount`` items of an arm are not there."""

    def change(run: Made, amount: int) -> None:
        run.drop(run.of(arm, split, seed)[:amount])

    return change


def unplanned_arm(run: Made, amount: int) -> None:
    """The told student, which is not planned, answers the first ``amount`` test problems."""
    run.plan["stages"].remove("student-prompted")
    run.drop(run.of("student-prompted")[amount:])


def unplanned_split(run: Made, amount: int) -> None:
    """The trained student answers the first ``amount`` of the harder problems, of which none are planned."""
    run.plan["sizes"] = {**run.plan["sizes"], "harder": 0}
    run.drop([*run.of("student-base", "harder"), *run.of("student-lora", "harder")[amount:]])


def fewer(split: str) -> Change:
    """The last ``amount`` problems of a split are not there, and nobody answered them."""

    def change(run: Made, amount: int) -> None:
        gone = {row["id"] for row in run.split(split)[len(run.split(split)) - amount :]}
        run.problems = [row for row in run.problems if row["id"] not in gone]
        run.drop(row for row in run.items if row["problem"] in gone)

    return change


def same_adapters(run: Made, amount: int) -> None:
    """The first ``amount`` trainings of the trained student gave one adapter, which answered."""
    first, *others = [row for row in run.training if row["arm"] == "student-lora"][:amount]
    for place, row in enumerate(others, 1):
        row["adapter_sha256"] = first["adapter_sha256"]
        for answered in [each for split in ("test", "harder", SKILLS) for each in run.of("student-lora", split, place)]:
            answered["adapter_sha256"] = first["adapter_sha256"]


def apart(run: Made, amount: int) -> None:
    """Two arms leave out one problem each: the first, and that at place ``amount``."""
    for arm, place in (("student-lora", 0), ("teacher-strategy", amount)):
        run.drop([run.of(arm)[place]])


def stratum(run: Made, amount: tuple[int, int]) -> None:
    """``amount`` test problems of NO and YES make a stratum of their own."""
    strata(run, [amount])


def strata(run: Made, amount: Sequence[tuple[int, int]]) -> None:
    """Of each pair in ``amount``, so many test problems of NO and YES make a stratum of their own."""
    left = {label: [row["id"] for row in run.split("test") if row["truth"] == label] for label in ("NO", "YES")}
    names = {}
    for place, pair in enumerate(amount):
        for label, count in zip(("NO", "YES"), pair, strict=True):
            names.update({left[label].pop(0): "OWN" if len(amount) == 1 else f"OWN {place}" for _ in range(count)})
    for row in [*run.problems, *run.items]:
        row["stratum"] = names.get(row.get("id", row.get("problem")), row["stratum"])


def by_truth(run: Made, amount: int) -> None:
    """The first ``amount`` test problems are in strata of one truth each."""
    names = {row["id"]: row["truth"] for row in run.split("test")[:amount]}
    for row in [*run.problems, *run.items]:
        row["stratum"] = names.get(row.get("id", row.get("problem")), row["stratum"])


def said_in_text(run: Made, amount: int) -> None:
    """The first ``amount`` test problems have their truth in their text."""
    for row in run.split("test")[:amount]:
        row["text"] += f" It is {row['truth']}."


def never_told(arm: str, split: str = "test") -> Change:
    """The first ``amount`` prompts of an arm that is told a strategy are without it."""

    def change(run: Made, amount: int) -> None:
        for row in run.of(arm, split)[:amount]:
            row["prompt_sha256"] = row["wording_sha256"]

    return change


def in_items(arm: str, key: str, split: str = "test") -> Change:
    """The first ``amount`` items of an arm have another value of a field."""

    def change(run: Made, amount: int) -> None:
        for row in run.of(arm, split)[:amount]:
            row[key] = sha256("another") if key.endswith("sha256") else "another"

    return change


def in_plan(key: str) -> Change:
    """The plan says ``amount``."""

    def change(run: Made, amount: Any) -> None:
        run.plan[key] = amount

    return change


def identified(answerer: str) -> Change:
    """Of the teacher or the student ``amount`` is known."""

    def change(run: Made, amount: Any) -> None:
        run.identities[answerer] = amount

    return change


def in_training(arm: str, key: str) -> Change:
    """The training of an arm reports ``amount``."""

    def change(run: Made, amount: Any) -> None:
        for row in run.training:
            if row["arm"] == arm:
                (row["examples"] if key in row["examples"] else row)[key] = amount

    return change


def practised(run: Made, amount: int) -> None:
    """The verifier judged ``amount`` of the replies that the trained student practised."""
    for row in run.training:
        if row["arm"] == "student-lora":
            counts = {"replies": 40, "tokens": 900, "checked": amount, "accepted": amount // 2, "asked": 0}
            row["practice"] = {"divergence": None, **counts, "sha256": sha256("")}


def unprobed(run: Made, amount: int) -> None:
    """No logit of the trained student can be seen, and to all but ``amount`` problems it replies as the base does."""
    in_training("student-lora", "logit_change")(run, None)
    for place, (row, base) in enumerate(zip(run.of("student-lora"), run.of("student-base"), strict=True)):
        answer(base, row["outcome"]["label"] if place >= amount else None)
        base["text_sha256"], row["text_sha256"] = sha256(reply(base)), sha256(reply(row))


def unjudged(run: Made, amount: int) -> None:
    """Of the first ``amount`` trainings it is not known how many answers are right."""
    for row in run.training[:amount]:
        run.rows.setdefault(row["arm"], run.trained_on(row))
        del row["examples"]["right"]


def untrained(run: Made, amount: int) -> None:
    """Of the first ``amount`` trainings nothing is known."""
    del run.training[:amount]


def shared(source: str, split: str = "test", form: str = "canonical") -> Change:
    """The first ``amount`` problems of a split occur in another, too, as their form tells."""

    def change(run: Made, amount: int) -> None:
        for row, known in zip(run.split(split)[:amount], run.split(source), strict=False):
            row[form] = known[form]

    return change


def rearranged(run: Made, amount: tuple[int, int]) -> None:
    """Of so many test problems the data are those of a training problem in another order: of one truth, or of two."""
    places = [(0, 0), (2, 2), (1, 0), (3, 2)]  # of the problems of test and train; truths take turns
    same, different = amount
    for place, (mine, theirs) in enumerate([*places[:same], *places[2:][:different]]):
        run.split("test")[mine]["data"] = {"parts": [[place, 8], [9, place]]}
        run.split("train")[theirs]["data"] = {"parts": [[place, 9], [place, 8]]}


def lines(run: Made, amount: str) -> None:
    """The first training problem has the lines of the first test problem, the last of which is ``amount``."""
    run.split("test")[0]["text"] = "Ann sits beside Bob.\nBob sits beside Cid."
    run.split("train")[0]["text"] = f"Bob sits beside Cid.\n{amount}"


def trained_on(arm: str, text: Callable[[Made, Any], str], part: str = "target") -> Change:
    """In the rows of an arm's training, ``part`` of the first one has a text in it besides."""

    def change(run: Made, amount: Any) -> None:
        (training, *_) = (row for row in run.training if row["arm"] == arm)
        rows = run.trained_on(training)
        if part == "prompt":
            rows[0]["prompt"].insert(0, {"role": "user", "text": text(run, amount)})
        else:
            rows[0]["target"] = f"As in '{text(run, amount)}'\n{rows[0]['target']}"
        run.rows[arm] = rows

    return change


def first_of(run: Made, amount: str) -> str:
    """The text of the first problem of the split ``amount``, with its answer."""
    row = run.split(amount)[0]
    return f"{row['text']} {row['truth']}"


def on_its_own_lines(run: Made, amount: str) -> str:
    """A test problem of two lines, the first of which is ``amount`` in the row, in the other order."""
    run.split("test")[0]["text"] = "Ann sits beside Bob.\nBob sits beside Cid."
    return f"look:\nBob sits beside Cid.\n{amount}\nfirst."


def too_short(run: Made, amount: str) -> str:
    """A test problem whose text is ``amount``; it is not in the row."""
    run.split("test")[0]["text"] = amount
    return "nothing of it"


def part_of_a_training_problem(run: Made, amount: str) -> str:
    """The text of a training problem that begins as a test problem does, after which comes ``amount``."""
    run.split("test")[0]["text"] = "Sum the numbers: 3 5"
    run.split("train")[0]["text"] = f"Sum the numbers: 3 5{amount}"
    return str(run.split("train")[0]["text"])


def unseen(run: Made, amount: str) -> None:
    """The problems of the split ``amount`` are not there."""
    run.problems = [row for row in run.problems if row["split"] != amount]


def twins(run: Made, amount: int) -> None:
    """The first ``amount`` test problems are the last one in another dress."""
    *rows, last = run.split("test")
    for row in rows[:amount]:
        row["canonical"] = last["canonical"]


def quoted(run: Made, amount: str) -> None:
    """The teacher wrote down the first problem of the split ``amount``."""
    run.written.append(f"As in '{run.split(amount)[0]['text']}' it holds")


def quoted_text(run: Made, amount: str) -> None:
    """The teacher wrote down a test problem whose text is ``amount``."""
    run.split("test")[0]["text"] = amount
    run.written.append(amount)


def given(run: Made, amount: str | None) -> None:
    """The strategy was learned elsewhere."""
    run.plan["strategy"] = amount


def given_quotation(run: Made, amount: str) -> None:
    """The strategy, learned elsewhere, has the first problem of the split ``amount`` in it."""
    run.plan["strategy"] = f"Remember {run.split(amount)[0]['text']}"


def unsolved(run: Made, amount: int) -> None:
    """Of the calls for worked solutions ``amount`` failed."""
    run.calls[0]["failed"] = amount


def unaccounted(run: Made, amount: int) -> None:
    """Of the first ``amount`` sets of worked solutions nothing is known."""
    del run.calls[:amount]


def unlearned(*arms: str) -> Change:
    """Arms get the first ``amount`` problems of their own skills wrong."""

    def change(run: Made, amount: int) -> None:
        for row in [row for arm in arms for row in run.of(arm, SKILLS)[:amount]]:
            answer(row, "something else")

    return change


def left_out(run: Made, amount: str) -> None:
    """The stage ``amount`` was not planned."""
    run.plan["stages"].remove(amount)
    run.drop(run.of(amount))
    run.training = [row for row in run.training if row["arm"] != amount]
