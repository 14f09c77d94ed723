"""``harness audit``: what a result can show, of a run or of a bare table of published counts."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import click

from harness.api import UsageError
from harness.audit import EXIT_BLOCKED, audit, runs
from harness.boundary import files
from harness.cli import say
from harness.cli.process import Verb
from harness.design import config
from harness.design.plan import UserSettings
from harness.output.terminal import audit as text


@click.command("audit", cls=Verb)
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="RUN|result.json")
@click.option(
    "--table", type=click.Path(path_type=Path), metavar="FILE.csv", help="Published counts, in place of a run."
)
@click.option("--task", metavar="NAME", help="Task that a table is about. Default: scheduling.")
@click.option("--design", metavar="NAME", help="Design whose arms a table names. Default: transfer.")
@click.option("--preset", metavar="NAME", help="Setting of the task that a table was measured in.")
@click.option(
    "-o", "assignments", metavar="KIND.OPTION=VALUE", multiple=True, help="One setting, of a check or for a table."
)
@click.option("--check", "checks", metavar="NAME", multiple=True, help="Check of a plugin; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    path: Path | None,
    table: Path | None,
    task: str | None,
    design: str | None,
    preset: str | None,
    assignments: tuple[str, ...],
    checks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check what forbids to read a result as it seems, and say which claim it supports.

    Exits with 0 if nothing blocks, with 3 if something does, or cannot be known. Every check: docs/audit.md.

    A table has the columns arm, stratum, correct, n; an empty stratum stands for all problems together.
    """
    of_checks = [text for text in assignments if text.strip().startswith("check.")]
    others = [text for text in assignments if text not in of_checks]
    if path is not None and table is None:
        if task or design or preset or others:
            raise UsageError(
                "--task, --design, --preset and -o belong to --table, but for -o check.NAME.OPTION=VALUE; a run says "
                "by itself how it was made"
            )
        result, mismatches = runs.read(path)
    elif table is not None and path is None:
        from harness.results.published import imported

        asked = UserSettings({"task": task, "design": design, "preset": preset}, None, others)
        result, mismatches = imported(table, asked), None
    else:
        raise UsageError("give either a run directory or its result.json, or --table FILE")
    given = config.given(None, of_checks).get("check", {})
    on_broken = _tell if click.get_current_context().find_root().params.get("traceback") else None
    made = audit(result, mismatches, runs.plugin_checks(result, checks, given), on_broken)
    say(files.pretty(made).rstrip() if as_json else text.full(made))
    sys.exit(EXIT_BLOCKED if made["verdict"] == "blocked" else 0)


def _tell(error: BaseException) -> None:
    """What a check of a plugin broke with: a text from outside, so that only --traceback shows it."""
    say("".join(traceback.format_exception(error)).rstrip(), err=True)
