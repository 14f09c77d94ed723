"""Tries a small random checkpoint of every family of causal language models that transformers registers.

    python -m tools.checkpoint_families > docs/checkpoints.md
    python -m tools.checkpoint_families --only gpt2,mamba

Each family is located, examined, asked and trained for one step on the CPU, in a process of its own with a time limit.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
from collections import Counter
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import peft  # noqa: F401 - imported here once, for all processes that are forked
import torch
import transformers
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from harness.api import Adapter, Example, HarnessError, Message, Problem, Request, Solve, UsageError
from harness_qwen_lora.checkpoints.architecture import UNFIT
from harness_qwen_lora.checkpoints.checkpoint import WEIGHTS, sha256
from harness_qwen_lora.checkpoints.loading import quiet
from harness_qwen_lora.options import LoraOptions, QwenLoraOptions
from harness_qwen_lora.student import QwenStudent
from harness_qwen_lora.training import hf_trainer  # noqa: F401 - as above
from harness_qwen_lora.training.trainer import LoraTrainer
from tools.small_config import buildable, configurations, small_model

TOKENIZER = Path(__file__).parents[1] / "plugins" / "harness_qwen_lora" / "tiny"
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
LIMIT = 120
"""Seconds that a family may take."""
QUESTIONS = ("Meetings: 9-11 10-12 13-14\nRooms: 2", "Meetings: 9-10\nRooms: 1", "Rooms: 3")
HEAD = Path(__file__).parent / "pages" / "checkpoints_head.md"

TRAINED = "answers, is trained"
ANSWERS = "answers"
REFUSED = "refused"
FAULT = "fault"
UNTRIED = "not tried"


@dataclass(frozen=True)
class Finding:
    """What came of a family. ``outcome`` is one of the above; ``reason`` says why it is no more than that."""

    family: str
    outcome: str
    reason: str = ""
    attention: str = ""
    batches: str = ""
    """Whether three prompts together gave the texts that each gives alone."""


def look(family: str, folder: Path) -> Finding:
    """Makes a checkpoint of a family and tries everything with it."""
    found = Finding(family, FAULT)
    try:
        _make(family, folder)
    except Exception as error:  # a finding about this tool, and told as one
        return replace(found, outcome=UNTRIED, reason=_line(error))
    student = QwenStudent(str(folder), QwenLoraOptions(device="cpu", max_new_tokens=6, threads=1, batch_size=3))
    trainer = LoraTrainer(LoraOptions(rank=2, target_modules=("all-linear",), epochs=1, batch_size=3, accumulation=1))
    refusal = ""
    step = "preflight"
    try:
        try:
            student.preflight()
        except UsageError as error:
            return replace(found, outcome=REFUSED, reason=_line(error))
        found = replace(found, attention=student.architecture.attention)
        json.dumps(dict(student.identity))
        try:
            trainer.preflight(student)
            trainer.adapter_bytes(student)
        except UsageError as error:
            refusal = _line(error)
        step = "answering"
        found = replace(found, batches=_ask(student))
        if refusal:
            return replace(found, outcome=ANSWERS, reason=refusal)
        step = "training"
        _train(student, trainer, folder.with_name("adapter"))
    except Exception as error:
        return replace(found, reason=f"{step}: {_line(error)}")
    return replace(found, outcome=TRAINED)


def _make(family: str, folder: Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(TOKENIZER)
    ids = {
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.pad_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
        "forced_eos_token_id": None,
        "forced_bos_token_id": None,
    }
    with quiet():
        try:
            if family in UNFIT:
                raise ValueError(UNFIT[family])
            small_model(family, len(tokenizer), ids).save_pretrained(folder)
        except ValueError:
            if family not in UNFIT and buildable(family, len(tokenizer), ids):
                raise
            next(iter(configurations(family, len(tokenizer), ids))).save_pretrained(folder)
            save_file({"weight": torch.zeros(1)}, folder / WEIGHTS, metadata={"format": "pt"})
    for name in COPIED:
        shutil.copyfile(TOKENIZER / name, folder / name)


def _ask(student: QwenStudent) -> str:
    requests = [
        Request(
            f"{at}",
            (Message("system", "Decide."), Message("user", text)),
            Solve(Problem(f"{at}", "test", "", {}, ""), None),
        )
        for at, text in enumerate(QUESTIONS)
    ]
    together = student.generate(requests, None)
    alone = [student.generate([request], None)[0] for request in requests]
    return "alike" if [reply.text for reply in together] == [reply.text for reply in alone] else "differ"


def _train(student: QwenStudent, trainer: LoraTrainer, folder: Path) -> None:
    folder.mkdir()
    examples = [
        Example(f"train/{at}", (Message("user", text),), "ANSWER: YES", "YES", "teacher")
        for at, text in enumerate(QUESTIONS)
    ]
    unfit = trainer.unfit(student, examples)
    if unfit:
        raise HarnessError(f"plain examples are unfit: {next(iter(unfit.values()))}")
    report = trainer.train(student, examples, 7, folder, lambda *_: None)
    if report.steps != 1:
        raise HarnessError(f"{report.steps} steps were made, not one")
    request = Request("probe", examples[0].prompt, Solve(Problem("p", "test", "", {}, ""), None))
    adapter = Adapter(folder, sha256(folder / "adapter_model.safetensors"))
    if not student.probe([request], adapter) > 0:
        raise HarnessError("the adapter changes nothing")
    student.generate([request], adapter)


def _line(error: BaseException) -> str:
    """An error in one line, without this machine's paths."""
    text = " ".join(str(error).split())
    known = isinstance(error, HarnessError)
    return text if known else f"{type(error).__name__}: {text}"


def _child(family: str, pipe: Connection) -> None:
    torch.set_num_threads(1)
    with TemporaryDirectory(prefix="family-") as scratch:
        folder = Path(scratch) / family
        found = look(family, folder)
        pipe.send(asdict(replace(found, reason=found.reason.replace(str(folder), family)[:400])))


def tried(family: str) -> Finding:
    """What comes of a family, in a process of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(family, theirs))
    process.start()
    theirs.close()
    try:
        found = Finding(**ours.recv()) if ours.poll(LIMIT) else Finding(family, FAULT, f"no end within {LIMIT} s")
    except EOFError:
        process.join()
        found = Finding(family, FAULT, f"its process ended with code {process.exitcode}")
    process.kill()
    process.join()
    return found


def page(findings: list[Finding]) -> str:
    """The page: what was done, how often it came to what, and the table."""
    counts = Counter(found.outcome for found in findings)
    lines = [
        HEAD.read_text(encoding="utf-8").format(version=transformers.__version__, families=len(findings)).rstrip(),
        "",
    ]
    lines += ["| outcome | families |", "|---|---|"]
    lines += [
        f"| {outcome} | {counts[outcome]} |"
        for outcome in (TRAINED, ANSWERS, REFUSED, UNTRIED, FAULT)
        if counts[outcome]
    ]
    lines += ["", "| family | outcome | attention | batches | reason |", "|---|---|---|---|---|"]
    for found in findings:
        reason = found.reason.replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| `{found.family}` | {found.outcome} | {found.attention} | {found.batches} | {reason} |")
    return "\n".join(lines)


def main() -> None:
    """Tries the families and prints the page; tells of each on standard error."""
    parser = argparse.ArgumentParser(prog="python -m tools.checkpoint_families", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="families, separated by commas; all of them by default")
    given: Any = parser.parse_args()
    families = given.only.split(",") if given.only else sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    findings = []
    for family in families:
        findings.append(tried(family))
        print(*asdict(findings[-1]).values(), sep="\t", file=sys.stderr, flush=True)
    print(page(findings))


if __name__ == "__main__":
    main()
