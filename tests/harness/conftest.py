"""Distributions that are made up for one test: importable, with metadata, and gone afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

FakeDistribution = Callable[..., Path]


@pytest.fixture
def fake_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDistribution]:
    """A function that installs a distribution into a folder of its own, put first on the path; returns the folder."""
    made: list[str] = []

    def install(
        name: str,
        entry_points: str | Mapping[str, Mapping[str, str]],
        modules: Mapping[str, str] | None = None,
        version: str = "1.0",
        folder: str | None = None,
    ) -> Path:
        site = tmp_path / (folder or f"site-{name}")
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        if not isinstance(entry_points, str):
            entry_points = "".join(
                f"[{group}]\n" + "".join(f"{point} = {target}\n" for point, target in points.items())
                for group, points in entry_points.items()
            )
        (info / "entry_points.txt").write_text(entry_points)
        for module, source in (modules or {}).items():
            (site / f"{module}.py").write_text(dedent(source))
            made.append(module)
        monkeypatch.syspath_prepend(site)
        return site

    yield install
    for module in made:
        sys.modules.pop(module, None)


@pytest.fixture
def echo_source() -> str:
    """A module with one sound teacher called ``echo``."""
    return dedent(
        """
        from typing import Literal

        from pydantic import BaseModel, ConfigDict, Field

        from harness.api import hookimpl
        from harness.api import TeacherSpec


        class Options(BaseModel):
            model_config = ConfigDict(frozen=True, extra="forbid")

            max_tokens: int = Field(256, ge=1, description="Longest reply in tokens. " + "A long story. " * 12)
            tone: Literal["plain", "warm"] = Field("plain", description="How it speaks.")
            model: str = Field(description="Which model.")


        @hookimpl
        def harness_teachers():
            return [
                TeacherSpec(
                    name="echo",
                    summary="Says it again.",
                    options=Options,
                    create=lambda options, task, seed: None,
                    simulated=True,
                )
            ]
        """
    )
