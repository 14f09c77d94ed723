"""``harness run``: one experiment, new or resumed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from harness import run
from harness.api import RunStarted, StoppedError, Usage, UsageError, hookimpl
from harness.audit import EXIT_BLOCKED
from harness.boundary import filenames, files
from harness.boundary.signals import StopRequest
from harness.boundary.text import in_shell
from harness.cli import GO_ON, Way, leaving, say
from harness.cli.process import Verb
from harness.design import plan as plans
from harness.design.plan import Plan, UserSettings
from harness.output.terminal import audit as text
from harness.output.terminal import costs, forecast, summary
from harness.output.terminal.progress import LiveProgress, for_terminal
from harness.preflight.components import Components
from harness.preflight.contracts import check, check_actors
from harness.preflight.forecast import loads
from harness.registry.observers import Observers


@click.command("run", cls=Verb)
@click.option("--design", metavar="NAME", help="Design of the experiment. Default: transfer.")
@click.option("--task", metavar="NAME", help="Task generator. Default: scheduling.")
@click.option("--teacher", metavar="NAME", help="Teacher. Default: simulated.")
@click.option("--student", metavar="NAME", help="Student. Default: qwen-tiny.")
@click.option("--reflection", metavar="NAME", help="Reflection strategy. Default: lrl.")
@click.option("--trainer", metavar="NAME", help="Trainer. Default: lora.")
@click.option("--verifier", metavar="NAME", help="Verifier. Default: the task's own.")
@click.option("--observer", "observers", metavar="NAME", multiple=True, help="Observer to tell; may be repeated.")
@click.option("--preset", metavar="NAME", help="Named settings of the task, such as published.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="TOML file with settings.")
@click.option("-o", "assignments", metavar="KIND.OPTION=VALUE", multiple=True, help="One setting; may be repeated.")
@click.option("--stages", metavar="A,B", help="Only these stages. Default: all.")
@click.option("--controls", metavar="none|standard|all", help="Control arms. Default: standard with all stages.")
@click.option("--strategy-file", metavar="FILE", help="A strategy learned elsewhere, in place of learning one.")
@click.option("--limit", metavar="N", help="At most N problems of each split, its first.")
@click.option("--seed", metavar="N", help="Added to every seed of the run. Default: 0.")
@click.option(
    "--training-seeds", metavar="N", help="Trainings of each trained arm, each with its own seed. Default: 1."
)
@click.option("--check", "checks", metavar="NAME", multiple=True, help="Audit check of a plugin; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Run directory. Default: runs/<name>.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", help="Go on with the run in DIR.")
@click.option("--fork", type=click.Path(path_type=Path), metavar="DIR", help="New run from the answers of that in DIR.")
@click.option("--max-cost", metavar="USD", help="Stop before the teacher costs more. Default: no limit.")
@click.option(
    "--accept-unreadable", is_flag=True, help="Ask a teacher on though none of its first answers can be read."
)
@click.option("--dry-run", is_flag=True, help="Print what would be done and what it would cost; do nothing.")
def command(
    observers: tuple[str, ...],
    config: Path | None,
    assignments: tuple[str, ...],
    stages: str | None,
    checks: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    fork: Path | None,
    max_cost: str | None,
    accept_unreadable: bool,
    dry_run: bool,
    **values: str | None,
) -> None:
    """Run an experiment: measure student and teacher, let the teacher learn, train the student, measure again.

    With no option: the scheduling task with the simulated teacher and the bundled tiny student, offline.
    Options of a plugin: harness plugin show KIND NAME.

    Ends with the audit of the result: exit code 3 if it blocks, since then no score of the run shows a transfer.
    """
    user = UserSettings(_given(values, stages, checks), config, assignments)
    limit = _limit(max_cost)
    told, stop = for_terminal(), StopRequest(leaving(click.get_current_context()))
    try:
        going_on = _GoingOn(max_cost, observers, accept_unreadable)
        listeners = Observers([("(progress)", told), ("(resume)", going_on), *plans.observers(user, observers)])
        if resume is not None:
            if user.run or config or assignments or out or fork or dry_run:
                raise UsageError("--resume takes its plan from the run directory; leave the other options out")
            run_dir = resume
            with stop.listening(), going_on.after(run_dir):
                result = run.resume(run_dir, listeners, limit, stop, accept_unreadable)
        else:
            plan, components = run.prepare(user) if fork is None else run.prepare_fork(fork, user)
            if dry_run:
                for caution in check(plan, components):
                    say(f"harness: warning: {caution}", err=True)
                say(forecast.text(plan, loads(plan, components)))
                return
            check_actors(plan, components)
            _check_price(plan, components, max_cost)
            run_dir = out or _new_name(plan)
            with stop.listening(), going_on.after(run_dir):
                result = run.start(plan, components, run_dir, listeners, limit, stop, fork, accept_unreadable)
    finally:
        if isinstance(told, LiveProgress):
            told.close()
    for warning in listeners.warnings:
        say(f"harness: warning: {warning}", err=True)
    audit = files.read(run_dir / filenames.AUDIT)
    say("\n" + _ended(result, audit, run_dir))
    sys.exit(EXIT_BLOCKED if audit["verdict"] == "blocked" else 0)


def _ended(result: Mapping[str, Any], audit: Mapping[str, Any], run_dir: Path) -> str:
    """What a run ends with: the figures, what they may be taken for, what they cost, and where all of it is."""
    meta = files.read(run_dir / filenames.RUN_META)
    parts = [
        summary.text(result),
        text.brief(audit, in_shell(run_dir)),
        costs.text(result, meta),
        *summary.notes(meta),
        f"result: {run_dir / filenames.RESULT}\nreport: {run_dir / filenames.REPORT}",
    ]
    return "\n\n".join(parts)


def _given(values: Mapping[str, str | None], stages: str | None, checks: tuple[str, ...]) -> dict[str, Any]:
    """The settings of the run that stand on the command line."""
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    if stages is not None:
        given["stages"] = tuple(name.strip() for name in stages.split(",") if name.strip())
    if checks:
        given["checks"] = checks
    return given


class _GoingOn:
    """Notes, once a run has begun, by which command it can be gone on with."""

    def __init__(self, max_cost: str | None, observers: tuple[str, ...], accept_unreadable: bool) -> None:
        self._rest = [] if max_cost is None else ["--max-cost", max_cost]
        if accept_unreadable:
            self._rest.append("--accept-unreadable")
        for name in observers:
            self._rest += ["--observer", name]

    @hookimpl
    def harness_run_started(self, event: RunStarted) -> None:
        """The run can be resumed from here on."""
        self._note(event.run_dir)

    @contextmanager
    def after(self, run_dir: Path) -> Iterator[None]:
        """Notes it, too, where the run was stopped while it was still on its way to begin, with its plan written."""
        try:
            yield
        except (StoppedError, OSError, KeyboardInterrupt):
            if (run_dir / filenames.PLAN).is_file():
                self._note(run_dir)
            raise

    def _note(self, run_dir: Path) -> None:
        rest = shlex.join(self._rest)
        resume, fork = (f"harness run --{way} {in_shell(run_dir)} {rest}".rstrip() for way in ("resume", "fork"))
        click.get_current_context().meta[GO_ON] = Way(resume, fork)


def _limit(max_cost: str | None) -> float | None:
    """USD, or None for no limit. Raises UsageError for anything that is not an amount."""
    if max_cost is None or max_cost == "none":
        return None
    try:
        limit = float(max_cost)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < float("inf"):
        raise UsageError(f"--max-cost: got {max_cost!r}, expected an amount in USD such as 5, or none")
    return limit


def _check_price(plan: Plan, components: Components, max_cost: str | None) -> None:
    """Raises UsageError if nobody knows what the run will cost, unless that was asked for."""
    if plan.asks_teacher and max_cost != "none" and components.teacher.cost(Usage(1, 1)) is None:
        raise UsageError(
            f"the teacher {plan.plugins['teacher'].name!r} has no known price, so no limit can be kept; "
            "give its price by the teacher's options, or --max-cost none to run without a limit"
        )


def _new_name(plan: Plan) -> Path:
    """A directory under runs/ that says what ran and when."""
    names = "-".join(plan.plugins[kind].name for kind in ("task", "teacher", "student"))
    stem = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{names}"
    path, count = Path("runs") / stem, 1
    while path.exists():
        count += 1
        path = Path("runs") / f"{stem}-{count}"
    return path
