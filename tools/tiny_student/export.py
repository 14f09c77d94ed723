"""Writes a trained tiny student as an ordinary Hugging Face folder."""

from __future__ import annotations

import json
from pathlib import Path

from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3ForCausalLM

from tools.tiny_student.corpus import SKILLS, examples

MOST_BYTES = 8_000_000
"""What the folder may hold at most: it is part of the repository and of the wheel."""


def save_skills(folder: Path, seed: int, n: int) -> None:
    """Write skills.jsonl: ``n`` examples of every skill in turn, for the check of what a training costs the student."""
    columns = [[(name, *example) for example in examples(name, seed, n)] for name in SKILLS]
    rows = [
        {"name": name, "messages": prompt, "reply": reply}
        for row in zip(*columns, strict=True)
        for name, prompt, reply in row
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "skills.jsonl").write_text(text, encoding="utf-8")


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write config, weights, tokenizer, chat template and generation settings. A model card there is left alone.

    Raises ValueError if the folder comes out larger than ``MOST_BYTES``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config = GenerationConfig.from_dict(
        {"do_sample": False, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name in ("config.json", "generation_config.json"):
        path = folder / name
        values = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    if size > MOST_BYTES:
        raise ValueError(f"{folder} holds {size} bytes, at most {MOST_BYTES} are allowed; make the model smaller")
