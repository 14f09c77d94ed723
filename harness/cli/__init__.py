"""The ``harness`` command: its verbs, and how an error ends it.

A verb lives in ``harness.cli.<verb>`` as a click command named ``command``, and is imported only when it is used: its
one line of help stands here, so that ``harness --help`` stays quick.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click
from click.exceptions import NoArgsIsHelpError

from harness import __version__
from harness.api import HarnessError, JournalError
from harness.boundary import faults
from harness.boundary.text import did_you_mean, one_line, printable
from harness.cli import process

GO_ON = "harness.go_on"
"""Under this key of a context's ``meta``: the ``Way`` on from what an error ends."""
TOLD = "harness.told"
"""Under this key: whether it was said why the command ends."""
INTERRUPTED = "interrupted"


class Way(NamedTuple):
    """The commands that go on with a run."""

    resume: str
    fork: str
    """With other plugins, or with plugins whose source is another one by now."""


VERBS = {
    "run": "Run an experiment, or resume one.",
    "audit": "Say what a result can show, and what it cannot.",
    "compare": "Say by how much two results differ, and fail on a loss.",
    "report": "Write the page of a run: report.html.",
    "replay": "Rebuild a run's files from its plan and journal, and compare.",
    "validate": "Check result files against their schema and their own rows.",
    "journal": "List what a run has recorded, or set a record aside.",
    "plugin": "List, describe and check plugins.",
}


class Verbs(click.Group):
    """Finds its commands by name, and turns what goes wrong in them into one line and an exit code."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the command as this process: not called where it is part of another, as in a test."""
        process.mend_streams()
        return self.main(*args, obj=process.leave, **kwargs)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """The verbs, in the order in which a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        """The command of a verb, imported now."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"harness.cli.{cmd_name}").command
        command.short_help = VERBS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with."""
        if args[0] not in VERBS and not ctx.resilient_parsing:
            ctx.fail(f"No command {args[0]!r};{did_you_mean(args[0], VERBS)} commands: {', '.join(VERBS)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click passes it
        """The verbs with their one line each; imports none."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the options before the verb."""
        with _reported(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the verb."""
        with _reported(ctx):
            return super().invoke(ctx)


@contextmanager
def _reported(ctx: click.Context) -> Iterator[None]:
    """Ends the command with one line where an error is the user's to mend, or a plugin's. Any other is ours."""
    try:
        yield
    except NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else ctx.command_path
        _fail(ctx, error, f"{error.format_message()} See: {command} --help", error.exit_code)
    except HarnessError as error:
        _fail(ctx, error, str(error), error.exit_code)
    except OSError as error:
        if who := _plugin(error):
            _fail(ctx, error, faults.line(who, ctx.command_path, error), HarnessError.exit_code)
        if isinstance(error, BrokenPipeError):
            raise  # nobody reads any more: click ends quietly
        then = "; resume when it is mended" if GO_ON in ctx.meta else ""
        _fail(ctx, error, f"{error.filename or 'a file'}: {error.strerror or error}{then}", 1)
    except KeyboardInterrupt as error:
        _fail(ctx, error, INTERRUPTED, process.EXIT_INTERRUPTED)
    except BaseException as error:
        if who := _plugin(error):
            _fail(ctx, error, faults.line(who, ctx.command_path, error), HarnessError.exit_code)
        raise


def _plugin(error: BaseException) -> str | None:
    """The plugin in whose code an error arose; None for any other, and for one that is told as it is."""
    who = None if faults.passes(error) else faults.author(error)
    return None if who == faults.OURS else who


def say(text: str, err: bool = False) -> None:
    """Prints lines that may hold text from outside. The only way by which a verb writes to the terminal."""
    click.echo(printable(text), file=sys.stderr if err else process.output())


def leaving(ctx: click.Context) -> Callable[[], None] | None:
    """What ends the process of a command at once, with its last words; None where it is part of another."""
    leave: Callable[[str], None] | None = ctx.find_root().obj
    return (
        None if leave is None else lambda: leave("" if TOLD in ctx.meta else f"harness: {INTERRUPTED}\n{_way_on(ctx)}")
    )


def _fail(ctx: click.Context, error: BaseException, message: str, exit_code: int) -> None:
    words = f"harness: {one_line(message)}\n"
    if ctx.params.get("traceback"):
        words = "".join(traceback.format_exception(error)).rstrip() + "\n"
    say((words + _way_on(ctx, error)).rstrip(), err=True)
    ctx.meta[TOLD] = True
    ctx.exit(exit_code)


def _way_on(ctx: click.Context, error: BaseException | None = None) -> str:
    """How to go on with what an error ends; nothing where that cannot be, as with a record that is damaged."""
    way: Way | None = ctx.meta.get(GO_ON)
    if way is None or (isinstance(error, JournalError) and not isinstance(error.__cause__, OSError)):
        return ""
    from harness.experiment.asking import UnreadableError

    if isinstance(error, UnreadableError):
        return f"go on with the answers as they are by:\n{way.resume} --accept-unreadable\n"
    if isinstance(error, faults.FaultError) and not error.transient:
        return f"go on, once the plugin is mended, with:\n{way.fork}\n"
    return f"go on with:\n{way.resume}\n"


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--traceback", is_flag=True, help="Show where an error came from, in place of its one line.")
@click.version_option(__version__, prog_name="harness")
def main(traceback: bool) -> None:
    """Measure whether a capability really moves from a large model to a small one."""
