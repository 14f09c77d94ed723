"""run_meta.json: what may differ between two runs of one plan. Where clocks and machines may be looked at."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.boundary import filenames, files, schemas
from harness.boundary.text import in_unicode
from harness.design import designs
from harness.experiment.data import ExperimentData
from harness.journal.ledger import RunLedger
from harness.measures.economy import economy

PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "anthropic", "scipy", "pydantic", "pluggy")
"""Packages whose versions are noted beside a result."""


def begin(run_dir: Path, forked: Mapping[str, Any] | None) -> None:
    """Notes, before a run is one, where it takes answers over from."""
    meta = _meta(run_dir / filenames.RUN_META) | {"sessions": [], "forked": forked}
    _complete(run_dir, meta)
    files.write(run_dir / filenames.RUN_META, files.pretty(meta))


@contextmanager
def session(run_dir: Path) -> Iterator[dict[str, Any]]:
    """Keeps run_meta.json: one session for each time the run was started or resumed."""
    path = run_dir / filenames.RUN_META
    meta = _meta(path)
    _complete(run_dir, meta)
    started, clock = datetime.now(UTC), time.monotonic()
    own: dict[str, Any] = {"started": started.isoformat(timespec="seconds"), "finished": False}
    meta["sessions"].append(own | {"ended": None, "seconds": None})
    files.write(path, files.pretty(meta))
    try:
        yield meta
        own["finished"] = True
    finally:
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        meta["sessions"][-1] = own | {"ended": ended, "seconds": round(time.monotonic() - clock, 1)}
        schemas.require("run-meta", meta)
        files.write(path, files.pretty(meta))


def _complete(run_dir: Path, meta: dict[str, Any]) -> None:
    """Notes the machine of today, and leaves nothing out that the schema asks for."""
    meta |= {"run_id": in_unicode(run_dir.resolve().name), "machine": _machine(), "packages": _versions()}
    meta.setdefault("training", {})
    meta.setdefault("warnings", [])
    meta.setdefault("economy", None)
    meta.setdefault("forked", None)
    meta.setdefault("teacher", {"committed_usd": 0.0, "failed_attempts": 0, "in_doubt": []})


def _meta(path: Path) -> dict[str, Any]:
    """What earlier sessions noted. Notes are not worth stopping a run for: damaged ones are begun anew."""
    try:
        meta = files.read(path)
        if not list(schemas.violations("run-meta", meta)):
            return dict(meta)
        warning = "run_meta.json was damaged and begun anew"
    except FileNotFoundError:
        return {"sessions": [], "journal": {"bytes_dropped": 0}}
    except ValueError as error:
        warning = f"run_meta.json was damaged and begun anew ({error})"
    return {"sessions": [], "journal": {"bytes_dropped": 0}, "warnings": [warning]}


def spending(ledger: RunLedger) -> dict[str, Any]:
    """What the teacher has cost or may have, with every call of which no end is known."""
    return {
        "committed_usd": round(ledger.committed, 6),
        "failed_attempts": ledger.failures,
        "in_doubt": [files.plain(attempt) for attempt in ledger.in_doubt],
    }


def training(data: ExperimentData) -> Mapping[str, Mapping[str, float]]:
    """Seconds and peak memory of each training."""
    return {
        each.name: {
            "seconds": round(each.report.seconds, 1),
            "peak_memory_bytes": each.report.peak_memory_bytes,
        }
        for each in data.trainings
    }


def costs(written: Mapping[str, Any], data: ExperimentData) -> dict[str, Any]:
    """The figures of one student: several seeds train the treatment anew, and only one of them would be used."""
    arm = designs.of(written).treatment
    treatment = [each.report.seconds for each in data.trainings if each.arm == arm]
    return economy(written, data.seconds, fmean(treatment) if treatment else 0.0)


def _machine() -> dict[str, Any]:
    return {"platform": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count() or 0}


def _versions() -> dict[str, str]:
    """Versions from metadata alone, so that noting them imports nothing."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
