"""The guides of ``docs/`` that build a plugin: their files, and these as an installed distribution."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PAGES = Path(__file__).parents[1] / "docs"


def files_of(page: str) -> Mapping[str, str]:
    """Each code block that stands under a line with nothing but a file name."""
    lines = (PAGES / page).read_text().split("\n")
    found = {}
    for number, line in enumerate(lines):
        if line.startswith("`") and line.endswith("`") and lines[number + 2].startswith("```"):
            end = lines.index("```", number + 3)
            found[line.strip("`")] = "\n".join(lines[number + 3 : end]) + "\n"
    return found


def install(page: str, folder: Path) -> Path:
    """Installs the distribution of a guide with pip. Gives the folder to be put on the import path."""
    for name, text in files_of(page).items():
        path = folder / "distribution" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*command, str(folder / "site"), str(folder / "distribution")], check=True)
    return folder / "site"
