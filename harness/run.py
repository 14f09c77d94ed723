"""The two ways through an experiment: a run, new or gone on with, and the replay of one that is finished.

A plan (``design``) walks the STAGES in this order, each in the package of its name; what one leaves in a ``Run`` is
what the next works with. A replay walks them without the first, from plan and journal alone.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.api import JournalError, RunFailed, RunFinished, RunStarted, UsageError
from harness.audit import runs
from harness.boundary import filenames, files, folders
from harness.boundary.faults import suspected
from harness.boundary.signals import StopRequest
from harness.boundary.text import counted
from harness.design import plan as plans
from harness.design.plan import Plan, UserSettings
from harness.experiment.asking import UnreadableError
from harness.experiment.context import RunContext
from harness.experiment.data import ExperimentData
from harness.experiment.procedure import Experiment
from harness.experiment.training import fitting
from harness.journal import forks, keys, run_dirs
from harness.journal.ledger import RunLedger
from harness.journal.store import Journal, ReadOnlyJournal
from harness.output import report
from harness.preflight import contracts, disk, forecast, identity, replaying
from harness.preflight.components import Components, assemble
from harness.registry.observers import Observers
from harness.results import disclosures, finished, rebuilt, result, run_meta
from harness.results.checking import validation
from harness.results.rebuilt import Replayed


@dataclass(slots=True)
class Run:
    """One run on its way: what it was started with, and what each stage has left."""

    plan: Plan
    components: Components
    run_dir: Path
    observers: Observers
    begun: bool = True
    """Whether it goes on with what was begun before."""
    finished: bool = False
    """Whether all of it was done before."""
    journal: Journal = field(init=False)
    ledger: RunLedger = field(init=False)
    accept_unreadable: bool = False
    """Whether the teacher is asked on though none of its first answers can be read."""
    forecast: str = ""
    """What the teacher will probably cost, for a new run that costs something."""
    cautions: list[str] = field(default_factory=list)
    """What a user should know of the problems."""
    warnings: tuple[str, ...] = ()
    data: ExperimentData = field(init=False)
    result: dict[str, Any] = field(init=False)
    audit: dict[str, Any] = field(init=False)


def _preflight(run: Run) -> None:
    """Raises UsageError for all that can be known to fail before anything is spent or written."""
    run.cautions = contracts.preflight(run.plan, run.components)
    runs.load_checks(run.plan.check_options)
    if run.begun:
        disk.check_room(run.run_dir, disk.SPARE)
        return
    loads = forecast.loads(run.plan, run.components)
    cost = forecast.total(loads)
    run.forecast = "" if cost.worst == 0 else str(cost)
    with suspected("asking for the size of an adapter", UsageError):
        needed = disk.needed(loads, disk.adapters(run.plan, run.components))
    disk.check_room(run.run_dir, needed)


def _experiment(run: Run) -> None:
    """Measures every arm of the plan. Every effect goes through the journal."""
    run.observers.run_started(RunStarted(run.run_dir, run.plan.stages, run.plan.simulated, run.forecast, run.warnings))
    with forks.taking_over(run.run_dir, run.journal):
        context = RunContext(run.plan, run.components, run.journal, run.ledger, run.run_dir, run.observers)
        experiment = Experiment(context, run.accept_unreadable)
        try:
            run.data = experiment.run()
        except UnreadableError as error:
            files.write(run.run_dir / filenames.THOUGHTS, files.lines(result.unread_rows(error.completions)))
            raise


def _results(run: Run) -> None:
    """Writes result.json and the files beside it."""
    with suspected("writing the result"):
        sources = identity.recorded_sources(run.journal)
        run.result = result.write(run.run_dir, run.plan, run.components, run.data, sources)
    if run.journal.live:
        digest = files.digest(run.result)
        run.journal.finalize(keys.result(digest), None, digest)


def _audit(run: Run) -> None:
    """Writes audit.json."""
    with suspected("the audit of the result"):
        run.audit = runs.write(run.run_dir)


def _output(run: Run) -> None:
    """Writes report.html, and the model cards of the adapters."""
    with suspected("the report of the result"):
        report.write(run.run_dir, run.result, run.audit)


STAGES: Mapping[str, Callable[[Run], None]] = {
    "preflight": _preflight,
    "experiment": _experiment,
    "results": _results,
    "audit": _audit,
    "output": _output,
}
AFTER_PREFLIGHT = tuple(STAGES.values())[1:]


def prepare(user: UserSettings) -> tuple[Plan, Components]:
    """The plan of what a user asks for, and its components. Asks for no key and no weights; raises UsageError."""
    plan, chosen = plans.make(user)
    return plan, assemble(plan, chosen)


def prepare_fork(origin: Path, user: UserSettings) -> tuple[Plan, Components]:
    """The plan of another run with what a user changes in it, and its components. Raises UsageError."""
    plan, chosen = plans.fork(plans.read(origin / filenames.PLAN), user)
    return plan, assemble(plan, chosen)


def start(
    plan: Plan,
    components: Components,
    run_dir: Path,
    observers: Observers,
    max_cost: float | None = None,
    stop: StopRequest | None = None,
    origin: Path | None = None,
    accept_unreadable: bool = False,
) -> dict[str, Any]:
    """A new run in a directory of its own, that spends at most ``max_cost`` USD on its teacher.

    It takes over what the run in ``origin`` has recorded for the same inputs. Raises UsageError if a plugin finds that
    it cannot work, or if the directory is taken or cannot be made, BudgetError at the limit, and StoppedError.
    """
    run = Run(plan, components, run_dir, observers, begun=False, accept_unreadable=accept_unreadable)
    forked = None if origin is None else forks.read(origin)
    STAGES["preflight"](run)
    run_dirs.make(run_dir)
    with folders.private(), run_dirs.locked(run_dir):
        try:
            if forked is not None:
                files.write(run_dir / filenames.FORKED_JOURNAL, forked.journal)
                run_meta.begin(run_dir, forked.meta)
            files.write(run_dir / filenames.PLAN, files.pretty(plan))
        except OSError as error:
            shutil.rmtree(run_dir, ignore_errors=True)
            raise UsageError(f"--out {run_dir}: {error.strerror}; give a directory that can be written") from error
        return _walk(run, max_cost, stop or StopRequest())


def resume(
    run_dir: Path,
    observers: Observers,
    max_cost: float | None = None,
    stop: StopRequest | None = None,
    accept_unreadable: bool = False,
) -> dict[str, Any]:
    """Goes on with a run; ``max_cost`` counts what earlier sessions spent. One that is finished is left as it is.

    Raises UsageError if there is no run, or if its plan cannot be followed any more or the source of a plugin is
    another one, BudgetError at the limit, and StoppedError.
    """
    plan = plans.read(run_dir / filenames.PLAN)
    with folders.private(), run_dirs.locked(run_dir):
        if (run_dir / filenames.RESULT).exists() and not (run_dir / filenames.JOURNAL).exists():
            raise JournalError(
                f"{run_dir}: has a result but no {filenames.JOURNAL}; restore it, or everything would be done again"
            )
        components, done = assemble(plan, plans.reload(plan)), finished.is_finished(run_dir)
        run = Run(plan, components, run_dir, observers, finished=done, accept_unreadable=accept_unreadable)
        if not run.finished:
            STAGES["preflight"](run)
        return _walk(run, max_cost, stop or StopRequest())


def replay(run_dir: Path) -> Replayed:
    """Rebuilds the files of a finished run in a folder of its own, and compares the bytes.

    No teacher, student or trainer is called. Neither clocks and machines are rebuilt, nor adapters with their cards.
    Needs the plugins of the plan, in their versions, and what a student states of its own skills; neither weights nor
    adapters, neither a key nor a device. Raises UsageError if the plan cannot be followed here or the run is not
    finished, and JournalError for an effect that is not recorded.
    """
    plan = plans.read(run_dir / filenames.PLAN)
    components = assemble(plan, plans.reload(plan))
    try:
        journal = ReadOnlyJournal(run_dir / filenames.JOURNAL)
    except OSError as error:
        raise UsageError(
            f"{run_dir}: {filenames.JOURNAL}: {error.strerror}; expected the directory of a run"
        ) from error
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = Run(plan, replaying.components(plan, components, journal), Path(folder), Observers([]))
            run.journal, run.ledger = journal, RunLedger(journal, components.teacher.cost, None)
            for stage in AFTER_PREFLIGHT:
                stage(run)
            return rebuilt.compared(run.run_dir, run_dir)
    except JournalError as error:
        if not (run_dir / filenames.RESULT).exists() and journal.recorded(keys.PLAN) in (None, plan.sha256):
            raise UsageError(validation.unfinished(run_dir)) from error
        raise
    finally:
        journal.close()


def _walk(run: Run, max_cost: float | None, stop: StopRequest) -> dict[str, Any]:
    """The stages after the preflight, in a directory that is held and with a journal that is open."""
    run_dirs.tidy(run.run_dir)
    with run_meta.session(run.run_dir) as meta, _recorded(run, max_cost, stop):
        meta["journal"]["bytes_dropped"] += run.journal.dropped_bytes
        try:
            _check_plan(run)
            identity.check(run.plan, run.components, run.journal)
            run.warnings = tuple(_cautions(run))
            meta["warnings"] += [warning for warning in run.warnings if warning not in meta["warnings"]]
            if run.finished:
                _tell_again(run)
            else:
                identity.refuse_changed_sources(run.plan, run.journal)
                for stage in AFTER_PREFLIGHT:
                    stage(run)
                meta["warnings"] += [told for told in _left_out(run.data) if told not in meta["warnings"]]
                meta["training"] = run_meta.training(run.data)
                meta["economy"] = run_meta.costs(run.result, run.data)
            run.observers.run_finished(RunFinished(run.run_dir, run.run_dir / filenames.RESULT))
        except BaseException as error:
            run.observers.run_failed(RunFailed(run.run_dir, f"{type(error).__name__}: {error}"))
            raise
        finally:
            meta["warnings"] = [*meta["warnings"], *run.observers.warnings]
            meta["teacher"] = run_meta.spending(run.ledger)
            if meta["forked"] is not None:
                meta["forked"]["answers"] = run.journal.taken
    return run.result


def _tell_again(run: Run) -> None:
    """Leaves a finished run as it is: nothing of its result may depend on what the plugins are by now.

    Raises JournalError for an adapter that is not as its training left it.
    """
    for name, made in run.journal.trainings():
        fitting.check(run.run_dir / filenames.ADAPTERS / name, made["files"])
    run.result = files.read(run.run_dir / filenames.RESULT)
    told = (*run.warnings, *identity.warnings_of(run.plan, run.journal), finished.TOLD)
    run.observers.run_started(RunStarted(run.run_dir, run.plan.stages, run.plan.simulated, "", told))


@contextmanager
def _recorded(run: Run, max_cost: float | None, stop: StopRequest) -> Iterator[None]:
    """Opens the journal of a run, with the ledger that is kept in it."""
    run.journal = Journal(run.run_dir / filenames.JOURNAL, stop.proceed)
    try:
        run.ledger = RunLedger(run.journal, run.components.teacher.cost, max_cost, stop.proceed)
        yield
    finally:
        run.journal.close()


def _check_plan(run: Run) -> None:
    """Raises JournalError if the plan is not the one that the journal was begun with."""
    if run.journal.once(keys.PLAN, None, lambda: run.plan.sha256) != run.plan.sha256:
        raise JournalError(f"{run.run_dir}/plan.json was changed after the run began; restore it, or start a new run")


def _left_out(data: ExperimentData) -> Iterator[str]:
    """What the trainings had to do without."""
    reasons = Counter(data.unfit.values())
    for reason, count in reasons.most_common():
        yield f"{counted(count, 'worked solution')} left out of every training: {reason}"
    for name, reason in data.untrained.items():
        yield f"{name} was not trained: {reason}"


def _cautions(run: Run) -> Iterator[str]:
    """What the user should know before the first effect."""
    yield from run.cautions
    if disclosures.is_recorded((run.journal.recorded(keys.IDENTITY) or {}).get("teacher")):
        yield disclosures.RECORDED
    if run.journal.dropped_bytes:
        yield (
            f"the last line of {filenames.JOURNAL} was torn, as a crash leaves it; its {run.journal.dropped_bytes} "
            "bytes were dropped, and what it would have recorded is done again"
        )
    if not identity.is_known(run.plan, identity.recorded_sources(run.journal)):
        yield identity.UNKNOWN
    if caution := disk.caution(run.run_dir):
        yield caution
