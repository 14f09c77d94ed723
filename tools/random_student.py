"""Writes a model folder of a Qwen2.5 shape with random weights: the speed and the memory of the real model.

    python -m tools.random_student --out FOLDER [--shape 3b]

It answers nonsense. It loads by the same path as the real weights, whose download it saves; the tokenizer is the one
of the bundled checkpoint, because the real one cannot be made without a download.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from harness_qwen_lora.checkpoints.loading import quiet

TOKENIZER = Path(__file__).parents[1] / "plugins" / "harness_qwen_lora" / "tiny"
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
SHAPES = {
    # hidden, intermediate, layers, heads, key-value heads, tied: as in the config.json of each at the Hub
    "0.5b": (896, 4864, 24, 14, 2, True),
    "1.5b": (1536, 8960, 28, 12, 2, True),
    "3b": (2048, 11008, 36, 16, 2, True),
    "7b": (3584, 18944, 28, 28, 4, False),
    "small": (256, 1024, 4, 4, 2, True),
}
VOCABULARY = 151936
LARGE_VOCABULARY = 152064
"""Of the 7B model."""


def config(shape: str) -> Qwen2Config:
    """The configuration of Qwen2.5-Instruct at a size; ``small`` is like none, and fast on a CPU."""
    hidden, intermediate, layers, heads, kv_heads, tied = SHAPES[shape]
    vocabulary = {"7b": LARGE_VOCABULARY, "small": 4096}.get(shape, VOCABULARY)
    return Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=32768,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=tied,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )


def write(folder: Path, shape: str, seed: int = 0) -> int:
    """Writes the folder, in bfloat16 as at the Hub; gives the number of parameters."""
    torch.manual_seed(seed)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with quiet():
            model = Qwen2ForCausalLM(config(shape))
            model.save_pretrained(folder)
    finally:
        torch.set_default_dtype(default)
    for name in COPIED:
        shutil.copyfile(TOKENIZER / name, folder / name)
    return sum(weight.numel() for weight in model.parameters())


def main() -> None:
    """Writes a folder and says how large it is."""
    parser = argparse.ArgumentParser(prog="python -m tools.random_student", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="3b", help="size of the model")
    given = parser.parse_args()
    parameters = write(given.out, given.shape)
    size = sum(file.stat().st_size for file in given.out.iterdir())
    print(f"{given.out}: {parameters:,} parameters, {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
