"""The model card of an adapter folder: what it was made from and how, in the form that the Hugging Face Hub reads.

What the adapter scored is not known here. The harness writes it between ``CARD_RESULTS`` and ``CARD_END``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.api import ADAPTER_CARD, CARD_END, CARD_RESULTS, Example, Json, TrainingReport
from harness_qwen_lora.checkpoints import hub

TAGS = ("lora", "transfer-harness")
SHOWN = (
    "rank",
    "alpha",
    "dropout",
    "target_modules",
    "optimizer",
    "learning_rate",
    "scheduler",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "epochs",
    "batch_size",
    "accumulation",
    "micro_batch",
    "checkpointing",
    "processes",
    "max_length",
    "seed",
)
"""Settings of the training that the card names."""


def write(folder: Path, base: Mapping[str, Json], examples: Sequence[Example], report: TrainingReport) -> None:
    """Writes README.md. ``base`` is the student's identity. The same training gives the same bytes anywhere."""
    (folder / ADAPTER_CARD).write_text(text(base, examples, report), encoding="utf-8")


def text(base: Mapping[str, Json], examples: Sequence[Example], report: TrainingReport) -> str:
    """The card: front matter, what it is, how it was trained, and the place for its results."""
    return "\n".join([*_front(str(base["model"])), "", *_body(base, examples, report)]) + "\n"


def _front(model: str) -> list[str]:
    """Metadata for the Hub, which knows no name without an owner: a folder's own name is told in the text alone."""
    lines = ["---", "library_name: peft", "pipeline_tag: text-generation"]
    if "/" in model:
        lines.append(f"base_model: {model}")
    licence = hub.licence(model)
    if licence == "apache-2.0":
        lines.append(f"license: {licence}")
    elif licence:
        lines += ["license: other", f"license_name: {licence}", f"license_link: https://huggingface.co/{model}"]
    return [*lines, "datasets: []", "tags:", *(f"- {tag}" for tag in TAGS), "---"]


def _body(base: Mapping[str, Json], examples: Sequence[Example], report: TrainingReport) -> list[str]:
    sources = Counter(example.label_source for example in examples)
    made = ", ".join(f"{count} with answers of the {source}" for source, count in sorted(sources.items()))
    start = report.settings.get("start")
    further = [f"Trained further from the adapter with sha256 {start}."] if start else []
    longest = max(map(len, SHOWN))
    losses = ", ".join(f"{loss:.4f}" for loss in report.losses)
    return [
        f"# LoRA adapter for {base['model']}",
        "",
        f"- base model: {base['model']}, revision {base['revision'] or 'none (a local folder)'}",
        f"- sha256 of its weights: {base['weights_sha256'] or 'not known'}",
        f"- number format: {base['dtype']}",
        "",
        "## Training data",
        "",
        f"{report.examples} worked examples ({made}): {report.prompt_tokens} tokens of prompts and",
        f"{report.supervised_tokens} of replies; {report.truncated_rows} examples were cut. They are in the folder "
        "`examples` of the run.",
        "",
        "## Training",
        "",
        f"LoRA on the replies' tokens alone: {report.steps} optimizer steps; mean loss of each epoch: {losses}.",
        *further,
        "",
        "```text",
        *(f"{name:<{longest}}  {_plain(report.settings[name])}" for name in SHOWN if name in report.settings),
        "```",
        "",
        "## Results",
        "",
        CARD_RESULTS,
        "Not written into this card; see `result.json` of the run that the adapter comes from.",
        CARD_END,
    ]


def _plain(value: Json) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
