"""The sections of a report that say how a result came about: problems, training, learning, calls, plan, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.audit.checks.provenance import SOLUTIONS
from harness.boundary import files
from harness.design import designs
from harness.measures import formatting
from harness.measures.rows import TOKENS
from harness.output.parts import Quote, Section, Table

Data = Mapping[str, Any]
MOST_LABELS = 10
"""A problem set with more answers than these is told by their number."""


def problems(result: Data) -> Section:
    """The problem sets, what trivial rules score on them, and whether they share problems."""
    sets, shared = ("set", "n", "distinct", "labels", "sha256"), ("examined set", "and", "shared", "n")
    ruled = [entry for entry in result["problems"] if entry["trivial"]]
    rules = ("rule", *(f"{entry['split']}, right of {entry['n']}" for entry in ruled))
    quoted = [
        "all examined sets",
        "what the teacher wrote, word for word",
        formatting.count(result["quoted"]),
        formatting.NOTHING,
    ]
    return Section(
        "Problem sets",
        "What a trivial rule scores needs no skill at all; a problem that is also among those that were learned from "
        "tests memory alone.",
        [
            Table("Problem sets", sets, [_set(entry) for entry in result["problems"]], sets[1:3]),
            Table("Trivial rules", rules, list(_rules(ruled)), rules[1:]),
            Table(
                "Shared problems",
                shared,
                [*map(_shared, result["overlaps"]), quoted, *_trained_on(result)],
                shared[2:],
            ),
        ],
    )


def _trained_on(result: Data) -> Iterator[list[str]]:
    """Problems that stand in the rows of a training; an older result does not tell."""
    for training in result["training"]:
        for entry in training.get("quoted", ()):
            rows = f"the rows of {formatting.named(training)}, word for word"
            yield [entry["split"], rows, formatting.count(entry["problems"]), formatting.NOTHING]


def _set(entry: Data) -> list[str]:
    counts = entry["labels"]
    labels = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
    if len(counts) > MOST_LABELS:
        labels = f"{len(counts)} different answers"
    return [entry["split"], str(entry["n"]), str(entry["distinct"]), labels, entry["sha256"]]


def _rules(ruled: Sequence[Data]) -> Iterator[list[str]]:
    """A row for each rule, a cell for each problem set: ``234, 78.0%``."""
    scores = [{rule["rule"]: rule for rule in entry["trivial"]} for entry in ruled]
    for name in sorted({name for each in scores for name in each}):
        found = (each.get(name) for each in scores)
        yield [
            name,
            *(
                f"{rule['correct']}, {formatting.percent(rule['accuracy'])}%" if rule else formatting.NOTHING
                for rule in found
            ),
        ]


def _shared(entry: Data) -> list[str]:
    return [entry["split"], entry["source"], str(entry["shared"]), str(entry["n"])]


def training(result: Data) -> Section:
    """Each adapter: what it was trained on, and how it went."""
    rows = ("rows", "left out", "labels of the teacher", "of the verifier", "by chance")
    tokens = ("steps", "tokens with loss", "prompt tokens", "prompt tokens with loss", "rows cut", "rows without loss")
    columns = ("arm", *rows, *tokens, "moves a logit by", "replies changed")
    taught = ("its solutions", "right training answers", "of", "right test answers", "of those given")
    course = ("arm", "mean loss of each epoch", "sha256 of the adapter")
    return Section(
        "Training",
        "Arms compare fairly if trained on the same items for as many steps; no token of a prompt should carry "
        "loss, and an adapter must move a logit, or change a reply where logits cannot be seen, to have been applied.",
        [
            Table("What was trained on", columns, [_adapter(entry) for entry in result["training"]], columns[1:]),
            Table("The teacher's right answers", taught, list(_taught(result)), taught[1:]),
            *_practised(result),
            Table("Loss and adapter", course, [_course(entry) for entry in result["training"]]),
        ],
    )


def _practised(result: Data) -> Iterator[Table]:
    """What students practised while they were trained, if any did."""
    columns = ("arm", "replies", "tokens", "judged by the verifier", "accepted", "asked the teacher", "divergence")
    counts = ("replies", "tokens", "checked", "accepted", "asked")
    rows = []
    for entry in result["training"]:
        if found := entry.get("practice"):
            apart = found["divergence"]
            told = formatting.UNKNOWN if apart is None else f"{apart:.4f}"
            rows.append([formatting.named(entry), *(formatting.count(found[name]) for name in counts), told])
    if rows:
        yield Table("What was practised", columns, rows, columns[1:])


def _taught(result: Data) -> Iterator[list[str]]:
    """What the teacher got right where it made training answers, beside the test in the same condition."""
    design = designs.of(result)
    for solutions in SOLUTIONS:
        rows = next((row["examples"] for row in result["training"] if solutions.made(row["arm"], design)), None)
        tested_as = design.named(solutions.role), "test"
        arm = next((arm for arm in result["arms"] if (arm["arm"], arm["split"]) == tested_as), None)
        if rows is not None:
            tested = [arm["correct"], arm["outcomes"]["answered"]] if arm else [None, None]
            counts = [rows.get("right"), rows["rows"], *tested]
            yield [solutions.name.removeprefix("solutions "), *map(formatting.count, counts)]


def _adapter(entry: Data) -> list[str]:
    made = ("rows", "left_out", "labelled_by_teacher", "labelled_by_verifier", "labelled_by_chance")
    counts = ("steps", "supervised_tokens", "prompt_tokens", "supervised_prompt_tokens", "truncated_rows")
    return [
        formatting.named(entry),
        *(formatting.count(entry["examples"][name]) for name in made),
        *(formatting.count(entry[name]) for name in (*counts, "rows_without_loss")),
        *_effect(entry),
    ]


def _effect(entry: Data) -> Iterator[str]:
    """By how much an adapter moves a logit, and how many of the base's replies it changes."""
    moved, changed = entry["logit_change"], entry.get("replies_changed")
    yield formatting.UNKNOWN if moved is None else f"{moved:.3f}"
    yield f"{changed['changed']} of {changed['n']}" if changed else formatting.UNKNOWN


def _course(entry: Data) -> list[str]:
    losses = ", ".join(f"{loss:.3f}" for loss in entry["losses"])
    return [formatting.named(entry), losses or "none", entry["adapter_sha256"]]


def learning(result: Data) -> Section:
    """What the teacher learned: its score by batch, and every strategy in its own words."""
    found = result["learning"]
    columns = ("batch", "strategy", "right", "n")
    rows = [[str(e["batch"]), e["strategy"], str(e["correct"]), str(e["n"])] for e in found["entries"]]
    quotes = [Quote(_descent(strategy), strategy["text"]) for strategy in found["strategies"]]
    if found["learned"] is not None:
        last = quotes and quotes[-1].text == found["learned"]
        quotes.append(Quote("The strategy that was used", "The last of them." if last else found["learned"]))
    return Section(
        "What the teacher learned",
        "A batch is answered with the strategy of its time, so a rise from batch to batch is no more than a hint; the "
        "texts are a model's words, and untrusted.",
        [Table("Right answers by batch", columns, rows, columns[2:])],
        quotes,
    )


def _descent(strategy: Data) -> str:
    if strategy["parent"] is None:
        return f"Strategy {strategy['id']}: the seed"
    score = f"which got {strategy['correct']} of {strategy['n']} right"
    return f"Strategy {strategy['id']}: after batch {strategy['after_batch']}, from {strategy['parent']}, {score}"


def calls(result: Data) -> Section:
    """Teacher calls with tokens and cost, and their sum."""
    columns = ("stage", "for", "calls", *(name.replace("_", " ") for name in TOKENS), "cost, USD")
    found = result["teacher_calls"]
    rows = [
        [
            entry["stage"],
            entry["purpose"],
            *(formatting.count(entry[name]) for name in ("calls", *TOKENS)),
            _cost([entry]),
        ]
        for entry in found
    ]
    if found:
        sums = (formatting.count(sum(entry[name] for entry in found)) for name in ("calls", *TOKENS))
        rows.append(["in all", "", *sums, _cost(found)])
    return Section(
        "Teacher calls",
        "Tokens and cost are those of the replies that were used; what failed attempts may have cost is in "
        "run_meta.json.",
        [Table("Calls by stage and purpose", columns, rows, columns[2:])],
    )


def _cost(entries: list[Data]) -> str:
    costs = [entry["cost_usd"] for entry in entries]
    return formatting.cost(None if None in costs else sum(costs))


def plan(result: Data) -> Section:
    """What was decided beforehand, the plugins that did it, and who answered."""
    made = result["plan"]
    settings = [[name, _setting(made[name])] for name in sorted(made) if name != "plugins"]
    plugins = [
        [kind, *(_choice(choice) if choice else [formatting.UNKNOWN] + [formatting.NOTHING] * 4)]
        for kind, choice in sorted(made["plugins"].items())
    ]
    who = [
        [part, name, _setting(value)]
        for part, identity in sorted(result["identities"].items())
        for name, value in sorted((identity or {}).items())
    ]
    kinds = ("kind", "name", "distribution", "version", "simulated", "options")
    return Section(
        "Plan and plugins",
        "Everything here was fixed before the first answer; two runs with the same plan digest are the same "
        "experiment.",
        [
            Table("Plan", ("setting", "value"), [["sha256", result["plan_sha256"]], *settings]),
            Table("Plugins", kinds, plugins),
            Table("Who answered and trained", ("part", "setting", "value"), who),
        ],
    )


def _choice(choice: Data) -> list[str]:
    simulated = "SIMULATED" if choice["simulated"] else "no"
    return [choice["name"], choice["distribution"], choice["version"], simulated, _setting(choice["options"])]


def _setting(value: Any) -> str:
    """A value of a plan in words as far as it has any, else as JSON."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(_setting(inner) for inner in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_setting(inner)}" for name, inner in sorted(value.items())) or "none"
    return (value or "empty") if isinstance(value, str) else files.canonical(value)


def beside(result: Data) -> Section:
    """The files that belong to the result."""
    return Section(
        "Files",
        "A file with another digest is not the one that this result was made from; harness validate compares them.",
        [Table("Files and their SHA-256", ("file", "sha256"), [[*row] for row in sorted(result["files"].items())])],
    )
