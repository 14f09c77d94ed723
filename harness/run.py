"""One run: from a plan to a run directory with its result. Which files lie in it, and in which order they come.

What the run finds is for ``experiment``, what of it is a result for ``result``, clocks and machines for ``session``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness import disk, estimate, files, layout, remarks, report, result, session, setting
from harness import plan as plans
from harness.audit import runs
from harness.crew import Crew, assemble, preflight
from harness.errors import JournalError, UsageError
from harness.events import RunFailed, RunFinished, RunStarted
from harness.experiment import Experiment
from harness.faults import suspected
from harness.journal import Journal, Recording, locked
from harness.ledger import Books
from harness.lines import Record
from harness.observers import Observers
from harness.plan import Plan, Wish
from harness.stopping import Stop


def prepare(wish: Wish) -> tuple[Plan, Crew]:
    """The plan of a wish and its crew. Asks for no key and looks for no weights; raises UsageError."""
    plan, cast = plans.make(wish)
    return plan, assemble(plan, cast)


def prepare_fork(origin: Path, wish: Wish) -> tuple[Plan, Crew]:
    """The plan of another run with what a wish changes in it, and its crew. Raises UsageError."""
    plan, cast = plans.fork(plans.read(origin / layout.PLAN), wish)
    return plan, assemble(plan, cast)


def start(
    plan: Plan,
    crew: Crew,
    run_dir: Path,
    observers: Observers,
    max_cost: float | None = None,
    stop: Stop | None = None,
    origin: Path | None = None,
) -> dict[str, Any]:
    """A new run in a directory of its own, that spends at most ``max_cost`` USD on its teacher.

    It takes over what the run in ``origin`` has recorded for the same inputs. Raises UsageError if a plugin finds that
    it cannot work, or if the directory is taken or cannot be made, BudgetError at the limit, and StoppedError.
    """
    lent = None if origin is None else _lent(origin)
    preflight(plan, crew)
    runs.load(plan.checks)  # what the audit needs in the end is missed before anything is spent
    loads = estimate.loads(plan, crew)
    forecast = estimate.total(loads)
    disk.check_room(run_dir, disk.needed(loads, disk.adapters(plan, crew)))
    _make(run_dir)
    with files.private(), locked(run_dir):
        try:
            if lent is not None:
                files.write(run_dir / layout.LENT, lent[0])
                session.begin(run_dir, lent[1])
            files.write(run_dir / layout.PLAN, files.pretty(plan))
        except OSError as error:
            shutil.rmtree(run_dir, ignore_errors=True)
            raise UsageError(f"--out {run_dir}: {error.strerror}; give a directory that can be written") from error
        told = "" if forecast.worst == 0 else str(forecast)
        return _walk(plan, crew, run_dir, observers, max_cost, stop or Stop(), told)


def resume(
    run_dir: Path, observers: Observers, max_cost: float | None = None, stop: Stop | None = None
) -> dict[str, Any]:
    """Goes on with a run; ``max_cost`` counts what earlier sessions spent.

    Raises UsageError if there is no run, or if its plan cannot be followed any more, BudgetError at the limit, and
    StoppedError.
    """
    plan = plans.read(run_dir / layout.PLAN)
    with files.private(), locked(run_dir):
        if (run_dir / layout.RESULT).exists() and not (run_dir / layout.JOURNAL).exists():
            raise JournalError(
                f"{run_dir}: has a result but no {layout.JOURNAL}; restore it, or everything would be done again"
            )
        crew = assemble(plan, plans.reload(plan))
        preflight(plan, crew)
        runs.load(plan.checks)
        disk.check_room(run_dir, disk.SPARE)
        return _walk(plan, crew, run_dir, observers, max_cost, stop or Stop())


def _make(run_dir: Path) -> None:
    """Makes a run directory. Raises UsageError if it cannot be, or holds anything but what a kill left before a run."""
    above = [folder for folder in run_dir.parents if not folder.exists()]
    try:
        if not run_dir.parent.is_dir():
            run_dir.parent.mkdir(parents=True)
        with files.private():
            run_dir.mkdir()
    except FileExistsError:
        if not run_dir.parent.is_dir():
            raise UsageError(f"--out {run_dir}: its parent is no directory; give one that can be made") from None
        if not run_dir.is_dir() or {path.name for path in run_dir.iterdir()} - _begun(run_dir):
            other = f", or continue the run in it by --resume {run_dir}" if (run_dir / layout.PLAN).is_file() else ""
            raise UsageError(f"--out {run_dir}: exists already; give a new directory{other}") from None
        run_dir.chmod(0o700)
    except OSError as error:
        raise UsageError(f"--out {run_dir}: {error.strerror}; give a directory that can be made") from error
    for folder in (run_dir, *above):
        with suppress(PermissionError):  # a folder that may be written to but not read
            files.sync_folder(folder.parent)


def _begun(run_dir: Path) -> set[str]:
    """Names that a directory can hold though no run has begun in it."""
    return {"lock", layout.LENT, layout.META, *(path.name for path in files.leftovers(run_dir))}


def _lent(origin: Path) -> tuple[str, dict[str, Any]]:
    """The journal of another run, checked, and where it comes from. Raises UsageError and JournalError."""
    plan = plans.read(origin / layout.PLAN)
    path = origin / layout.JOURNAL
    try:
        Recording(path).close()
        text = path.read_bytes().decode("utf-8", "surrogatepass")
    except OSError as error:
        raise UsageError(
            f"--fork {origin}: {layout.JOURNAL}: {error.strerror}; expected the directory of a run"
        ) from error
    return text, {"run_id": origin.resolve().name, "plan_sha256": plan.sha256, "answers": 0}


def _walk(
    plan: Plan,
    crew: Crew,
    run_dir: Path,
    observers: Observers,
    max_cost: float | None,
    stop: Stop,
    forecast: str = "",
) -> dict[str, Any]:
    _tidy(run_dir)
    with session.session(run_dir) as meta, _opened(run_dir, stop) as journal:
        meta["journal"]["bytes_dropped"] += journal.dropped_bytes
        books = Books(journal, crew.teacher.cost, max_cost, stop.proceed)
        try:
            _check_plan(plan, journal, run_dir)
            setting.check(plan, crew, journal)
            warnings = list(_cautions(run_dir, journal))
            meta["warnings"] += [warning for warning in warnings if warning not in meta["warnings"]]
            told = RunStarted(run_dir, plan.stages, plan.simulated, forecast, tuple(warnings))
            with _lending(run_dir, journal):
                observers.run_started(told)
                findings = Experiment(plan, crew, journal, books, run_dir, observers).run()
            with suspected("writing the result"):
                written = result.write(run_dir, plan, crew, findings)
            with suspected("the audit of the result"):
                report.write(run_dir, written, runs.write(run_dir))
            meta["training"] = session.training(findings)
            meta["economy"] = session.costs(written, findings)
            observers.run_finished(RunFinished(run_dir, run_dir / layout.RESULT))
        except BaseException as error:
            observers.run_failed(RunFailed(run_dir, f"{type(error).__name__}: {error}"))
            raise
        finally:
            meta["warnings"] = [*meta["warnings"], *observers.warnings]
            meta["teacher"] = session.spending(books)
            if meta["forked"] is not None:
                meta["forked"]["answers"] = journal.taken
    return written


def _tidy(run_dir: Path) -> None:
    """Removes what a kill left half written. Raises JournalError for a symbolic link, which leads out of the run."""
    links = files.links(run_dir)
    if links:
        raise JournalError(f"{links[0]} is a symbolic link; a run directory holds none; put the file itself there")
    for folder in (run_dir, *(path for path in run_dir.rglob("*") if path.is_dir())):
        for path in files.leftovers(folder):
            path.unlink()


@contextmanager
def _opened(run_dir: Path, stop: Stop) -> Iterator[Journal]:
    journal = Journal(run_dir / layout.JOURNAL, stop.proceed)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def _lending(run_dir: Path, journal: Journal) -> Iterator[None]:
    """In a forked run, lets the journal take over what the other run has recorded."""
    if not (run_dir / layout.LENT).exists():
        yield
        return
    lender = Recording(run_dir / layout.LENT)
    try:
        journal.borrow(lender, _is_lent)
        yield
    finally:
        lender.close()


def _is_lent(record: Record) -> bool:
    """Whether a fork takes a record over: no training, whose adapter is in no journal, and no call that had failed."""
    failed = isinstance(record.value, dict) and record.value.get("stop") == "error"
    return not failed and not record.key.startswith("train/")


def _cautions(run_dir: Path, journal: Journal) -> Iterator[str]:
    if remarks.is_recorded((journal.recorded(setting.KEY) or {}).get("teacher")):
        yield remarks.RECORDED
    if journal.dropped_bytes:
        yield (
            f"the last line of {layout.JOURNAL} was torn, as a crash leaves it; its {journal.dropped_bytes} bytes were "
            "dropped, and what it would have recorded is done again"
        )
    if caution := disk.caution(run_dir):
        yield caution


def _check_plan(plan: Plan, journal: Journal, run_dir: Path) -> None:
    """Raises JournalError if the plan is not the one that the journal was begun with."""
    if journal.once("plan", None, lambda: plan.sha256) != plan.sha256:
        raise JournalError(f"{run_dir}/plan.json was changed after the run began; restore it, or start a new run")
