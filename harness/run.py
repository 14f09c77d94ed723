"""One run: from a plan to a run directory with its result. Where clocks and machines may be looked at."""

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

from harness import estimate, files, report, result, schemas
from harness import plan as plans
from harness.arms import TREATMENT
from harness.audit import runs
from harness.crew import Crew, assemble, preflight
from harness.economy import economy
from harness.errors import JournalError, UsageError
from harness.events import RunFailed, RunFinished, RunStarted
from harness.experiment import Experiment, Findings
from harness.journal import Journal, locked
from harness.ledger import Books
from harness.observers import Observers
from harness.plan import Plan, Wish

PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "anthropic", "scipy", "pydantic", "pluggy")
"""Packages whose versions are noted beside a result."""


def prepare(wish: Wish) -> tuple[Plan, Crew]:
    """The plan of a wish and its crew. Asks for no key and looks for no weights; raises UsageError."""
    plan, cast = plans.make(wish)
    return plan, assemble(plan, cast)


def start(plan: Plan, crew: Crew, run_dir: Path, observers: Observers, max_cost: float | None = None) -> dict[str, Any]:
    """A new run in a directory of its own, that spends at most ``max_cost`` USD on its teacher.

    Raises UsageError if a plugin finds that it cannot work, or if the directory is taken or cannot be made, and
    BudgetError at the limit.
    """
    preflight(plan, crew)
    runs.made(plan.checks)  # what the audit needs in the end is missed before anything is spent
    forecast = estimate.total(estimate.loads(plan, crew))
    try:
        run_dir.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if not run_dir.is_dir() or any(run_dir.iterdir()):
            other = f", or continue the run in it by --resume {run_dir}" if (run_dir / "plan.json").is_file() else ""
            raise UsageError(f"--out {run_dir}: exists already; give a new directory{other}") from None
    except OSError as error:
        raise UsageError(f"--out {run_dir}: {error.strerror}; give a directory that can be made") from error
    try:
        files.write(run_dir / "plan.json", files.pretty(plan))
    except OSError as error:
        run_dir.rmdir()
        raise UsageError(f"--out {run_dir}: {error.strerror}; give a directory that can be written") from error
    return _walk(plan, crew, run_dir, observers, max_cost, "" if forecast.worst == 0 else str(forecast))


def resume(run_dir: Path, observers: Observers, max_cost: float | None = None) -> dict[str, Any]:
    """Goes on with a run; ``max_cost`` counts what earlier sessions spent.

    Raises UsageError if there is no run, or if its plan cannot be followed any more, and BudgetError at the limit.
    """
    plan = plans.read(run_dir / "plan.json")
    if (run_dir / "result.json").exists() and not (run_dir / "journal.jsonl").exists():
        raise JournalError(
            f"{run_dir}: has a result but no journal.jsonl; restore it, or everything would be done again"
        )
    crew = assemble(plan, plans.again(plan))
    preflight(plan, crew)
    runs.made(plan.checks)
    return _walk(plan, crew, run_dir, observers, max_cost)


def _walk(
    plan: Plan, crew: Crew, run_dir: Path, observers: Observers, max_cost: float | None, forecast: str = ""
) -> dict[str, Any]:
    with locked(run_dir), _session(run_dir) as meta:
        journal = Journal(run_dir / "journal.jsonl")
        meta["journal"]["bytes_dropped"] += journal.dropped_bytes
        books = Books(journal, crew.teacher.cost, max_cost)
        try:
            _check_plan(plan, journal, run_dir)
            observers.run_started(RunStarted(run_dir, plan.stages, plan.simulated, forecast))
            findings = Experiment(plan, crew, journal, books, run_dir, observers).run()
            written = result.write(run_dir, plan, crew, findings)
            report.write(run_dir, written, runs.write(run_dir))
            meta["training"] = _training(findings)
            meta["economy"] = _economy(written, findings)
            observers.run_finished(RunFinished(run_dir, run_dir / "result.json"))
        except BaseException as error:
            observers.run_failed(RunFailed(run_dir, f"{type(error).__name__}: {error}"))
            raise
        finally:
            meta["warnings"] = [*meta["warnings"], *observers.warnings]
            meta["teacher"] = _spending(books)
            journal.close()
    return written


def _check_plan(plan: Plan, journal: Journal, run_dir: Path) -> None:
    """Raises JournalError if the plan is not the one that the journal was begun with."""
    if journal.once("plan", None, lambda: plan.sha256) != plan.sha256:
        raise JournalError(f"{run_dir}/plan.json was changed after the run began; restore it, or start a new run")


@contextmanager
def _session(run_dir: Path) -> Iterator[dict[str, Any]]:
    """Keeps run_meta.json: one session for each time the run was started or resumed."""
    path = run_dir / "run_meta.json"
    meta = _meta(path)
    meta |= {"run_id": run_dir.name, "machine": _machine(), "packages": _versions(), "training": {}}
    meta.setdefault("warnings", [])
    meta.setdefault("economy", None)
    meta.setdefault("teacher", {"committed_usd": 0.0, "failed_attempts": 0, "in_doubt": []})
    started, clock = datetime.now(UTC), time.monotonic()
    session: dict[str, Any] = {"started": started.isoformat(timespec="seconds"), "finished": False}
    meta["sessions"].append(session | {"ended": None, "seconds": None})
    files.write(path, files.pretty(meta))
    try:
        yield meta
        session["finished"] = True
    finally:
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        meta["sessions"][-1] = session | {"ended": ended, "seconds": round(time.monotonic() - clock, 1)}
        schemas.require("run-meta", meta)
        files.write(path, files.pretty(meta))


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


def _spending(books: Books) -> dict[str, Any]:
    return {
        "committed_usd": round(books.committed, 6),
        "failed_attempts": books.failures,
        "in_doubt": [files.plain(attempt) for attempt in books.in_doubt],
    }


def _training(findings: Findings) -> Mapping[str, Mapping[str, float]]:
    return {
        training.name: {
            "seconds": round(training.report.seconds, 1),
            "peak_memory_bytes": training.report.peak_memory_bytes,
        }
        for training in findings.trainings
    }


def _economy(written: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The figures of one student: several seeds train the treatment anew, and only one of them would be used."""
    treatment = [training.report.seconds for training in findings.trainings if training.arm == TREATMENT]
    return economy(written, findings.seconds, fmean(treatment) if treatment else 0.0)


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
