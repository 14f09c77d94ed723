"""``harness plugin``: which plugins are installed, what one of them offers, and whether it keeps its contracts.

``list`` reads package metadata alone; ``show`` and ``check`` import the one plugin that they are about.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from harness.api import DesignSpec, Spec, StudentSpec, UsageError
from harness.boundary.text import counted, did_you_mean, one_line
from harness.cli import say
from harness.cli.process import Parts
from harness.registry.plugins import KINDS, NAMED, Kind, Loaded, PluginRef, installed, load, misplaced

if TYPE_CHECKING:
    from harness.preflight.plugin_check import Checked
    from harness.registry.options import OptionInfo

HEADINGS = ("KIND", "NAME", "DISTRIBUTION", "VERSION", "MODULE")


@click.group(cls=Parts)
def command() -> None:
    """List, describe and check plugins."""


@command.command("list")
@click.option("--kind", metavar="KIND", help=f"Only this kind: {', '.join(KINDS)}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plugins(kind: str | None, as_json: bool) -> None:
    """List the installed plugins. Imports none of them."""
    for unread in misplaced():
        if kind is None or unread.kind in (kind, None):
            say(f"harness: warning: {one_line(str(unread))}", err=True)
    refs = installed(None if kind is None else _kind(kind))
    times = Counter((ref.kind, ref.name) for ref in refs)
    conflicts = [times[ref.kind, ref.name] > 1 for ref in refs]
    if as_json:
        rows = [{**asdict(ref), "conflict": conflict} for ref, conflict in zip(refs, conflicts, strict=True)]
        say(json.dumps(rows, indent=2))
        return
    if not refs:
        say(f"no {'plugin' if kind is None else kind} is installed")
        return
    say(_table([HEADINGS, *map(_row, refs, conflicts)]))
    if any(conflicts):
        say("\n! provided more than once: cannot be chosen until all but one are uninstalled")


@command.command("show")
@click.argument("kind")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_plugin(kind: str, name: str, as_json: bool) -> None:
    """Describe one plugin: what it is, where it comes from, its options. Imports it."""
    loaded = load(_kind(kind), name)
    from harness.registry import guard
    from harness.registry.options import describe

    def shown() -> str:
        options = describe(loaded.spec.options)
        record, page = _record(loaded, options), _page(loaded, options)
        if loaded.ref.kind == "design" and not any(option.required for option in options):
            from harness.boundary import files
            from harness.design import planned
            from harness.output.terminal import design

            made = planned.design(loaded, {}).design
            record, page = (
                record | files.plain(made),
                f"{page}\n\n{design.text(made, loaded.spec.defaults.get('sizes', {}))}",
            )
        return json.dumps(record, indent=2) if as_json else page

    say(guard.call(loaded.ref, "being described", shown))


@command.command("check")
@click.argument("kind")
@click.argument("name")
@click.option("-o", "assignments", metavar="KIND.OPTION=VALUE", multiple=True, help="One setting; may be repeated.")
@click.option("--task", default="scheduling", metavar="NAME", help="Task for a teacher, verifier or reflection.")
@click.option("--count", type=click.IntRange(1, 100_000), default=100, metavar="N", help="Problems of each split.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check_plugin(kind: str, name: str, assignments: tuple[str, ...], task: str, count: int, as_json: bool) -> None:
    """Hold one plugin to the contracts that a run holds it to before anything is spent.

    Exits with 0 if all hold, and with 1 after telling what breaks each that does not.
    """
    from harness.design import config
    from harness.preflight import plugin_check

    found = plugin_check.check(_kind(kind), name, config.given(None, assignments), task, count)
    if as_json:
        held = [{"rule": each.rule, "broken": list(each.broken)} for each in found.held]
        say(json.dumps({**asdict(found.ref), "contracts": held, "notes": list(found.notes)}, indent=2))
    else:
        say(_checked(found))
    sys.exit(0 if found.sound else 1)


def _checked(found: Checked) -> str:
    """The contracts, what breaks them, and what could not be looked at."""
    width = min(shutil.get_terminal_size().columns, 100)
    lines = [str(found.ref)]
    for each in found.held:
        word = "BROKEN" if each.broken else "holds"
        lines += textwrap.wrap(each.rule, width, initial_indent=f"  {word:<8}", subsequent_indent=" " * 10)
        for told in each.broken:
            lines += textwrap.wrap(told, width, initial_indent=" " * 10, subsequent_indent=" " * 12)
    for note in found.notes:
        lines += textwrap.wrap(note, width, initial_indent="  note    ", subsequent_indent=" " * 10)
    holding = sum(not each.broken for each in found.held)
    return "\n".join([*lines, f"{holding} of {counted(len(found.held), 'contract')} hold"])


def _kind(name: str) -> Kind[Any]:
    if name not in KINDS:
        raise UsageError(f"no plugin kind {name!r};{did_you_mean(name, KINDS)} kinds: {', '.join(KINDS)}")
    return KINDS[name]


def _row(ref: PluginRef, conflict: bool) -> tuple[str, ...]:
    cells = (ref.kind, f"{ref.name} !" if conflict else ref.name, ref.distribution, ref.version, ref.target)
    return tuple(one_line(cell) for cell in cells)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _record(loaded: Loaded[Any], options: Sequence[OptionInfo]) -> dict[str, Any]:
    spec = loaded.spec
    return {
        **asdict(loaded.ref),
        "api": spec.api,
        "summary": spec.summary,
        "simulated": spec.simulated,
        "defaults": {name: dict(table) for name, table in _brought(spec)},
        "options": [asdict(option) for option in options],
    }


def _page(loaded: Loaded[Any], options: Sequence[OptionInfo]) -> str:
    ref, spec = loaded.ref, loaded.spec
    width = min(shutil.get_terminal_size().columns, 100)
    section = f"{ref.kind}.{ref.name}" if ref.kind in NAMED else ref.kind
    lines = [
        f"{ref.kind} {ref.name}{' (simulated)' if spec.simulated else ''}",
        *textwrap.wrap(one_line(spec.summary), width),
        "",
        f"from {ref.distribution} {ref.version}, module {ref.target}, plugin API {spec.api}",
        "",
        f"options, set with -o {section}.NAME=VALUE:" if options else "no options",
    ]
    for option in options:
        lines += _option(option, width)
    if brought := _brought(spec):
        lines += ["", "settings that it brings, below any of yours:"]
    for section, table in brought:
        kind, tied, name = section.partition(".")
        lines += [f"  with the {kind} {name}:"] if tied else []
        lines += [f"  {'  ' if tied else ''}{kind}.{key} = {_shown(value)}" for key, value in table.items()]
    return "\n".join(lines)


def _brought(spec: Spec[Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Settings of other sections that come with a student or a design."""
    return list(spec.defaults.items()) if isinstance(spec, StudentSpec | DesignSpec) else []


def _option(option: OptionInfo, width: int) -> list[str]:
    default = "required" if option.required else f"default {_shown(option.default)}"
    head = textwrap.wrap(
        f"{option.name}: {option.type}; {default}", width, initial_indent="  ", subsequent_indent="    "
    )
    return [*head, *textwrap.wrap(option.help, width, initial_indent="      ", subsequent_indent="      ")]


def _shown(value: Any) -> str:
    """A value in the form in which it can be typed."""
    if value is None:
        return "none"
    return repr(value) if isinstance(value, str) else json.dumps(value)
