"""The model card of an adapter: what it scored, what the audit says of it, and how it was trained, as the Hub reads it.

A card that the trainer wrote keeps its own text; the results are put into the place that it left for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import ADAPTER_CARD, CARD_END, CARD_RESULTS
from harness.boundary import filenames, files
from harness.design import designs
from harness.measures import formatting
from harness.measures.accounts import training_name
from harness.output.terminal import audit as audit_text
from harness.results import disclosures
from harness.results.markdown import fenced

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

Data = Mapping[str, Any]
PLACE = re.compile(rf"(?<={CARD_RESULTS}\n).*(?={CARD_END})", re.DOTALL)
"""Where a trainer's own card has the results put in."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""``owner/name``. A base model without an owner is not on the Hub, which would refuse the card."""
TAGS = ("transfer-harness",)
"""What is true of an adapter of any trainer. What kind it is, and what loads it, a trainer says in its own card."""


def write(run_dir: Path, result: Data, audit: Data, training: Data) -> None:
    """Writes the card into the adapter's folder, if that is still in the run directory. Weights stay as they are."""
    folder = run_dir / filenames.ADAPTERS / training_name(result, training)
    if not folder.is_dir() or not folder.resolve().is_relative_to(run_dir.resolve()):
        return
    path = folder / ADAPTER_CARD
    written = path.read_text("utf-8", "replace") if path.is_file() and not path.is_symlink() else ""
    made = completed(written, result, audit, training) if PLACE.search(written) else card(result, audit, training)
    files.write(path, made)


def card(result: Data, audit: Data, training: Data) -> str:
    """The whole card of one entry of ``result["training"]``: Markdown under the Hub's front matter."""
    lines = [f"# Adapter {formatting.named(training)}", "", *_about(result, training), "", "## Results", ""]
    lines += [*_results(result, audit, training), "", "## Training", "", *_training(result, training)]
    return _page(_metadata(result, audit, training), "\n".join(lines))


def completed(written: str, result: Data, audit: Data, training: Data) -> str:
    """A trainer's card with the results in their place, and the front matter of both. The trainer's text stays."""
    from huggingface_hub import ModelCard

    try:
        theirs = ModelCard(written, ignore_metadata_errors=True)
        front = {name: value for name, value in vars(theirs.data).items() if value is not None}
    except Exception:  # whatever a plugin wrote there, the Hub could not read it either
        return card(result, audit, training)
    ours = _metadata(result, audit, training)
    measured = {name: ours.get(name) for name in ("metrics", "model_name", "eval_results")}
    tags = list(dict.fromkeys([*(front.get("tags") or []), *ours["tags"]]))
    results = "\n".join(_results(result, audit, training)) + "\n"
    return _page({**ours, **front, **measured, "tags": tags}, PLACE.sub(lambda _: results, theirs.text.strip()))


def _page(front: Data, body: str) -> str:
    from huggingface_hub import ModelCardData

    known = {name: value for name, value in front.items() if value is not None}
    return f"---\n{ModelCardData(**known).to_yaml()}\n---\n\n{body}\n"


def _metadata(result: Data, audit: Data, training: Data) -> dict[str, Any]:
    """Front matter. Scores are in it only where nothing blocks."""
    base = str((result["identities"]["student"] or {}).get("model"))
    simulated = ["simulated"] if result["simulated"] else []
    found: dict[str, Any] = {
        "pipeline_tag": "text-generation",
        "base_model": base if HUB_ID.fullmatch(base) else None,
        "tags": [*TAGS, *simulated],
    }
    if audit["verdict"] == "clean" and (measured := list(_evaluations(result, training))):
        found |= {"metrics": ["accuracy"], "model_name": formatting.named(training), "eval_results": measured}
    return found


def _evaluations(result: Data, training: Data) -> Iterator[EvalResult]:
    """The arm's accuracies in the Hub's form, whose name of a metric has room for what an accuracy must not lack."""
    from huggingface_hub import EvalResult

    digests = {problems["split"]: problems["sha256"] for problems in result["problems"]}
    task = result["plan"]["plugins"]["task"]["name"]
    for arm in _measurements(result, training):
        yield EvalResult(
            task_type="text-generation",
            dataset_type=_line(task),
            dataset_name=_line(f"{task}, {arm['split']}"),
            dataset_split=_line(arm["split"]),
            dataset_revision=digests.get(arm["split"]),
            metric_type="accuracy",
            metric_value=arm["accuracy"]["value"],
            metric_name=f"{formatting.share(arm['accuracy'])}% of {arm['n']} problems (95% interval); best trivial "
            f"rule, %: {_line(formatting.trivial(arm['best_trivial']))}; blank replies: {formatting.blank(arm)}",
        )


def _measurements(result: Data, training: Data) -> list[Data]:
    key = training["arm"], training["training_seed"]
    return [arm for arm in result["arms"] if (arm["arm"], arm["training_seed"]) == key]


def _about(result: Data, training: Data) -> Iterator[str]:
    identity = result["identities"]["student"] or {}
    known = next((arm for arm in designs.of(result).arms if arm.name == training["arm"]), None)
    summary = f": {known.summary}" if known else ""
    control = " It is a control, made to be compared with." if known and known.control else ""
    yield f"An adapter from an experiment on the task {_code(result['plan']['plugins']['task']['name'])}."
    yield f"Its arm, {_code(training['arm'])}{summary}.{control}"
    yield ""
    for name, key in (("base model", "model"), ("revision", "revision"), ("sha256 of its weights", "weights_sha256")):
        yield f"- {name}: {_code(str(identity[key])) if identity.get(key) else 'not known'}"
    yield f"- sha256 of the adapter: {_code(training['adapter_sha256'])}"


def _results(result: Data, audit: Data, training: Data) -> Iterator[str]:
    """Scores and contrasts, or what forbids to tell any; then the audit in its own words."""
    if result["simulated"]:
        simulated = ", ".join(_code(part) for part in result["simulated"])
        yield f"> **SIMULATED:** {simulated}. {disclosures.unreal(result['simulated'])}"
        yield ""
    if disclosures.is_recorded(result["identities"]["teacher"]):
        yield f"> {disclosures.RECORDED}."
        yield ""
    if audit["verdict"] == "blocked":
        yield "The audit of the run blocks: no score of it shows a transfer, so none stands here."
    else:
        yield from _scores(result, training)
    yield ""
    yield "The audit of the whole run:"
    yield ""
    yield fenced(formatting.visible(audit_text.brief(audit)))
    yield ""
    yield f"- plan: {_code(result['plan_sha256'])}"
    yield f"- canonical JSON of the result: {_code(audit['result_sha256'])}"
    yield f"- harness: {_code(result['harness'])}"


def _scores(result: Data, training: Data) -> Iterator[str]:
    yield "| problems | n | right % [95%] | best trivial rule, % | blank |"
    yield "|---|--:|--:|--:|--:|"
    for arm in _measurements(result, training):
        best, blank = _code(formatting.trivial(arm["best_trivial"])), formatting.blank(arm)
        yield f"| {_code(arm['split'])} | {arm['n']} | {formatting.share(arm['accuracy'])} | {best} | {blank} |"
    compared = [entry for entry in result["contrasts"] if training["arm"] in (entry["first"], entry["second"])]
    if compared:
        yield ""
        yield "| paired difference, over all training seeds | problems | n | points [95%] | p-value |"
        yield "|---|---|--:|--:|---|"
    for entry in compared:
        adjusted = entry["p_holm"]
        p_value = formatting.p_value(entry["p_value"] if adjusted is None else adjusted)
        told = f"{'exploratory, ' if adjusted is None else ''}p {p_value}"
        points = formatting.points(entry["difference"])
        pair = f"{entry['first']} - {entry['second']}"
        yield f"| {pair} | {_code(entry['split'])} | {entry['n']} | {points} | {told} |"


def _training(result: Data, training: Data) -> Iterator[str]:
    made = training["examples"]
    sources = [(made[f"labelled_by_{who}"], who) for who in ("teacher", "verifier", "chance")]
    labels = ", ".join(f"{rows} with answers of the {who}" for rows, who in sources if rows)
    losses = ", ".join(f"{loss:.4f}" for loss in training["losses"])
    yield f"- {made['rows']} examples ({labels or 'none'}), {made['left_out']} left out"
    yield f"- {training['supervised_tokens']} tokens with loss, {training['prompt_tokens']} tokens of prompts"
    yield f"- {training['truncated_rows']} examples cut; training seed {training['training_seed']}"
    yield f"- {training['steps']} steps; mean loss of each epoch: {losses or 'none'}"
    for name, value in sorted((result["identities"]["trainer"] or {}).items()):
        yield f"- {_code(name)}: {_code(value if isinstance(value, str) else files.canonical(value))}"


def _line(value: str) -> str:
    """Text from outside in one line: a line of its own could end the front matter, or begin a heading."""
    return " ".join(formatting.visible(value).split())


def _code(value: str) -> str:
    """Text from outside as inline code in one line, which Markdown reads as nothing else, in a table too."""
    plain = _line(value).replace("|", r"\|") or " "
    fence = "`"
    while fence in plain:
        fence += "`"
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{space}{plain}{space}{fence}"
