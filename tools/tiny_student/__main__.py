"""The command line: `python -m tools.tiny_student --out FOLDER` makes the checkpoint and measures its skills."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import torch

from tools.tiny_student.export import save, save_skills
from tools.tiny_student.measure import skill_scores
from tools.tiny_student.tokenizer import build
from tools.tiny_student.train import Settings, train

SKILLS_SEED = 2_000_003
"""The stream of the skills that ship with the checkpoint; training and measuring use others."""


def main() -> None:
    """Train, export, and print the share of right replies per skill."""
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m tools.tiny_student", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; the weights depend on it")
    for field in dataclasses.fields(Settings):
        default = getattr(defaults, field.name)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(default), default=default)
    values = vars(parser.parse_args())
    out, threads = values.pop("out"), values.pop("threads")
    torch.set_num_threads(threads)
    began = time.monotonic()
    tokenizer = build()
    model = train(tokenizer, Settings(**values))
    save(model, tokenizer, out)
    save_skills(out, SKILLS_SEED, 10)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {time.monotonic() - began:.0f} s")
    for skill, score in skill_scores(model, tokenizer, seed=1_000_003, n=100).items():
        print(f"{skill:15s} {score:.2f}")


if __name__ == "__main__":
    main()
