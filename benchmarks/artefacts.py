"""Ways in which a run misleads, each put into an honest run, with the audit's check that is meant to catch it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.simulated_runs import (
    BASE,
    TEACHER,
    TREATMENT,
    Run,
    Skill,
    adapter,
    design,
    digest,
    replies,
    run,
    solutions,
)
from harness.api import HarnessError
from harness.boundary import files
from harness.design.transfer import TRANSFER
from harness.measures import contrasts, problem_sets
from harness.results.checking.validation import held

Random = np.random.RandomState
COMPUTED = ("problems", "overlaps", "arms", "contrasts", "transfer")
"""What of a result follows from the rows beside it."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One way to mislead. ``spoil`` takes an honest run with one training of each arm, and leaves it as it was."""

    name: str
    check: str
    spoil: Callable[[Run, Random], Run]


def _arm(made: Run, random: Random) -> str:
    """One of the arms that answer the test problems."""
    arms = [name for name in made.design.plan["stages"] if "test" in TRANSFER.arm(name).splits]
    return str(arms[random.randint(len(arms))])


def _constant(made: Run, random: Random) -> Run:
    """At most one answer in a hundred differs."""
    label = made.design.labels[random.randint(2)]
    few = random.uniform(size=len(made.items[made.key(BASE)])) < random.uniform(0, 0.01)
    given = [answer if rare else label for answer, rare in zip(_given(made, BASE), few, strict=True)]
    return made.answering(made.key(BASE), replies(made.design, made.key(BASE), given))


def _given(made: Run, arm: str) -> list[str | None]:
    return [row["outcome"].get("label") for row in made.items[made.key(arm)]]


def _form(blank: float) -> Callable[[Run, Random], Run]:
    """The student answers as well before training as after it, but leaves this share blank."""

    def spoil(made: Run, random: Random) -> Run:
        skill = Skill(random.uniform(0.85, 0.95))
        return made.redrawn(BASE, replace(skill, blank=blank), random).redrawn(TREATMENT, skill, random)

    return spoil


def _ignorant(made: Run, random: Random) -> Run:
    return made.redrawn(TREATMENT, Skill(0.5, lean=random.uniform(0.2, 0.8)), random)


def _shortcut(made: Run, random: Random) -> Run:
    """In truth the trained student is as good as the best trivial rule, though it errs on other problems."""
    return made.redrawn(TREATMENT, Skill(made.design.best_trivial()), random)


def _majority(made: Run, random: Random) -> Run:
    """The problem sets of the published distribution, and a trained student that says what most of them are."""
    other = run(design(made.design.plan["seed"], 1, "published"), made.skills, random)
    given = [other.design.labels[0]] * len(other.items[other.key(TREATMENT)])
    return other.answering(other.key(TREATMENT), replies(other.design, other.key(TREATMENT), given))


def _lopsided(made: Run, random: Random) -> Run:
    """From 62 to 90% of the test problems have one label: others were left out, and planned so."""
    test = [row for row in made.design.problems if row["split"] == "test"]
    label = made.design.labels[random.randint(2)]
    rare = [row["id"] for row in test if row["truth"] == label]
    kept = int((len(test) - len(rare)) * (1 / random.uniform(0.62, 0.9) - 1))
    gone = {str(name) for name in random.choice(rare, len(rare) - kept, replace=False)}
    return replace(
        made,
        problems=[row for row in made.design.problems if row["id"] not in gone],
        items={key: [row for row in rows if row["problem"] not in gone] for key, rows in made.items.items()},
        planned={"sizes": {**made.design.plan["sizes"], "test": len(test) - len(gone)}},
        measured={},
        compared=[],
    )


def _leaked(form: str) -> Callable[[Run, Random], Run]:
    """From 1 to 30 of the problems that were learned from have this form of a test problem."""

    def spoil(made: Run, random: Random) -> Run:
        test = [row[form] for row in made.design.problems if row["split"] == "test"]
        split = str(random.choice(["train", "reflect"]))
        places = [index for index, row in enumerate(made.design.problems) if row["split"] == split]
        problems = list(made.design.problems)
        for place in random.choice(places, random.randint(1, 31), replace=False):
            problems[place] = {**problems[place], form: test[random.randint(len(test))]}
        return replace(made, problems=problems)

    return spoil


def _quoted(made: Run, random: Random) -> Run:
    texts = [row["text"] for row in made.design.problems if row["split"] == "test"]
    return replace(made, written=f"For example:\n{texts[random.randint(len(texts))]}\nThis one does not fit.")


def _planned(**values: object) -> Callable[[Run, Random], Run]:
    def spoil(made: Run, _: Random) -> Run:
        return replace(made, planned=values)

    return spoil


def _trained(made: Run, **values: object) -> Run:
    """Other values in the record of the treatment's training."""
    training = [{**each, **values} if each["arm"] == TREATMENT else each for each in made.training]
    return replace(made, training=training)


def _solver(made: Run, random: Random) -> Run:
    """From 1 to all of the training answers are the solver's."""
    solved = int(random.randint(1, 201))
    counts = {"labelled_by_teacher": 200 - solved, "labelled_by_verifier": solved, "labelled_by_chance": 0}
    return _trained(made, examples={"rows": 200, "left_out": 0, "right": 200, **counts})


def _cited(made: Run, random: Random) -> Run:
    """From 1 to all of the training rows quote a test problem."""
    found = {"split": "test", "problems": 1, "rows": int(random.randint(1, 201))}
    return _trained(made, quoted=[found, {"split": "harder", "problems": 0, "rows": 0}])


def _untold(made: Run, _: Random) -> Run:
    """The strategy never reached the prompts of the taught teacher."""
    rows = [{**row, "prompt_sha256": row["wording_sha256"]} for row in made.items[made.key(TEACHER)]]
    return made.answering(made.key(TEACHER), rows)


def _supervised(made: Run, random: Random) -> Run:
    return _trained(made, supervised_prompt_tokens=int(random.randint(1, 18001)))


def _lossless(made: Run, random: Random) -> Run:
    return _trained(made, rows_without_loss=int(random.randint(1, 201)))


def _reworded(made: Run, random: Random) -> Run:
    arm = _arm(made, random)
    rows = [
        {**row, "wording_sha256": digest(f"in other words, {row['problem']}"), "prompt_sha256": digest(row["problem"])}
        for row in made.items[made.key(arm)]
    ]
    return made.answering(made.key(arm), rows)


def _fewer(made: Run, random: Random) -> Run:
    """One arm lacks up to 100 problems."""
    key = made.key(_arm(made, random))
    return made.answering(key, made.items[key][: -random.randint(1, 101)])


def _failed(made: Run, random: Random) -> Run:
    """From 1 to 20 calls of one arm brought no reply."""
    key = made.key(_arm(made, random))
    rows = list(made.items[key])
    for place in random.choice(len(rows), random.randint(1, 21), replace=False):
        rows[place] = {**rows[place], "outcome": {"kind": "failed", "error": "timeout"}, "correct": False}
    return made.answering(key, rows)


def _not_applied(made: Run, _: Random) -> Run:
    """The student answers as it did before training."""
    spoiled = made.answering(made.key(TREATMENT), replies(made.design, made.key(TREATMENT), _given(made, BASE)))
    return _trained(spoiled, logit_change=0.0)


def _mistaken(made: Run, _: Random) -> Run:
    """Another arm's adapter answered."""
    key, other = made.key(TREATMENT), made.key("lora-labels")
    rows = replies(made.design, key, _given(made, "lora-labels"))
    return made.answering(key, [{**row, "adapter_sha256": adapter(other[0], other[2])} for row in rows])


def _drifted(made: Run, random: Random) -> Run:
    """From some problem on, another model answers in one arm."""
    key = made.key(_arm(made, random))
    rows = list(made.items[key])
    start = random.randint(1, len(rows))
    return made.answering(key, [*rows[:start], *({**row, "model": f"{row['model']}-new"} for row in rows[start:])])


ARTEFACTS = (
    Artefact("the student always said the same", "constant-score", _constant),
    Artefact("gain of form, 60% were blank", "unparsed", _form(0.6)),
    Artefact("gain of form, 10% were blank", "unparsed", _form(0.1)),
    Artefact("trained student knows nothing", "no-information", _ignorant),
    Artefact("no better than a shortcut", "below-trivial", _shortcut),
    Artefact("always YES where most are", "constant-score", _majority),
    Artefact("most problems have one label", "imbalance", _lopsided),
    Artefact("test problems were trained on", "overlap", _leaked("canonical")),
    Artefact("so, and the form does not tell", "overlap", _leaked("data")),
    Artefact("strategy quotes a test problem", "overlap", _quoted),
    Artefact("training rows quote a test problem", "overlap", _cited),
    Artefact("the strategy reached no prompt", "prompt-mismatch", _untold),
    Artefact("labels of the solver, planned", "label-source", _planned(labels="verifier")),
    Artefact("labels of the solver, in rows", "label-source", _solver),
    Artefact("wording by stage, planned", "prompt-mismatch", _planned(prompts="separate")),
    Artefact("other wording in one arm", "prompt-mismatch", _reworded),
    Artefact("fewer problems in one arm", "coverage", _fewer),
    Artefact("failed calls left", "errors-present", _failed),
    Artefact("adapter was not applied", "adapter", _not_applied),
    Artefact("adapter of another arm", "adapter", _mistaken),
    Artefact("loss on prompts", "loss-on-prompt", _supervised),
    Artefact("training rows without loss", "loss-on-prompt", _lossless),
    Artefact("model changed within an arm", "model-drift", _drifted),
)


def save(made: Run, folder: Path) -> None:
    """Writes the result of a run and the rows that it is recomputed from, as a run does."""
    rows = made.rows()
    said = ("arm", "training_seed", "problem")
    texts = {
        "problems.jsonl": files.lines(made.design.problems),
        "items.jsonl": files.lines(rows),
        "thoughts.jsonl": files.lines(
            {**{name: row[name] for name in said}, "text": row["outcome"].get("label", "")} for row in rows
        ),
        **dict.fromkeys(problem_sets.WRITTEN, made.written),
        **{name: files.lines(solutions(made.design, training)) for name, training in made.examples().items()},
    }
    (folder / "examples").mkdir()
    for name, text in texts.items():
        files.write(folder / name, text)
    digests = {name: digest(text) for name, text in texts.items()}
    result = {**made.result(), "transfer": contrasts.transfer(rows, TRANSFER), "files": digests}
    files.write(folder / "result.json", files.pretty(result))


def changed_numbers(folder: Path, count: int, random: Random) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Copies of a saved result, each with one number changed in its last digits, and what validation says of it.

    Raises HarnessError if the result is not sound as it is.
    """
    path = folder / "result.json"
    sound = files.read_text(path)
    if wrong := held(path, fresh=True):
        raise HarnessError(f"the saved run is not sound: {wrong[0]}")
    places = [place for key in COMPUTED for place in _numbers(files.parse(sound)[key], (key,))]
    for chosen in random.randint(len(places), size=count):
        result = files.parse(sound)
        *way, last = places[chosen]
        inner = result
        for step in way:
            inner = inner[step]
        inner[last] += 1 if isinstance(inner[last], int) else 0.000002
        files.write(path, files.pretty(result))
        yield result, held(path, fresh=True)


def _numbers(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """The places of all numbers in a JSON value."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _numbers(value[key], (*place, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _numbers(inner, (*place, index))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place
