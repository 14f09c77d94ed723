"""What may be set, and how a configuration file and ``-o`` say it: sections of options, read and checked for shape.

Which of several values wins, and what becomes of them, is for the plan to say; what a plugin's options are, for itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Design, UsageError
from harness.boundary import files
from harness.boundary.text import did_you_mean, harmless
from harness.design import transfer
from harness.registry import options
from harness.registry.plugins import NAMED

PLUGIN_KINDS = ("task", "verifier", "teacher", "student", "reflection", "trainer")
MOST = 1_000_000
"""Problems of one split at most."""
Settings = dict[str, dict[str, Any]]
"""Options by section."""


class Sizes(BaseModel):
    """How many problems of each split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test: int = Field(300, ge=1, le=MOST, description="problems that every arm is measured on")
    reflect: int = Field(100, ge=1, le=MOST, description="problems that the teacher learns from")
    train: int = Field(200, ge=1, le=MOST, description="problems whose worked solutions train the student")
    harder: int = Field(150, ge=0, le=MOST, description="harder problems for the student, base and trained; 0 for none")
    skills: int = Field(150, ge=0, le=MOST, description="of the student's own skills, base and trained; 0 for none")


class RunSettings(BaseModel):
    """Settings of the run as a whole: the table ``[run]`` of a configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: str = transfer.NAME
    task: str = "scheduling"
    verifier: str | None = None
    teacher: str = "simulated"
    student: str = "qwen-tiny"
    reflection: str = "lrl"
    trainer: str = "lora"
    preset: str | None = None
    seed: int = Field(0, ge=0, le=10**9, description="added to every seed of the run")
    stages: tuple[str, ...] | None = None
    controls: Literal["none", "standard", "all"] | None = None
    limit: int | None = Field(
        None, ge=1, le=MOST, description="at most so many problems of each split, for a quick look"
    )
    training_seeds: int = Field(1, ge=1, le=20, description="trainings of each trained arm, each with its own seed")
    labels: Literal["teacher", "verifier"] = Field("teacher", description="who answers the training problems")
    prompts: Literal["same", "separate"] = Field("same", description="one wording for all arms, or one for each stage")
    margin: float = Field(
        0.05, gt=0, le=0.1, description="how much worse counts as no worse, as a share of the problems"
    )
    checks: tuple[str, ...] = Field((), description="audit checks of plugins, beside those of the harness")
    strategy_file: str | None = None


def read_config(path: Path) -> Settings:
    """A configuration file: TOML with a table for each section. Raises UsageError."""
    try:
        settings = tomllib.loads(files.read_text(path))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a TOML configuration file") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a TOML file ({error})") from error
    if not settings:
        raise UsageError(f"{path}: empty; expected tables such as [run] or [teacher]")
    for section, table in settings.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: {section!r} stands outside a table; expected tables such as [run] or [teacher]")
    check_sections(settings, str(path))
    for kind in NAMED:
        for name, table in settings.get(kind, {}).items():
            if not isinstance(table, dict):
                raise UsageError(f"{path}: {kind}.{name}: expected a table such as [{kind}.{name}]")
    return settings


def given(path: Path | None, assignments: Sequence[str]) -> Settings:
    """What a configuration file and ``-o`` say, by section; the latter wins. Raises UsageError."""
    settings = read_config(path) if path else {}
    for text in assignments:
        section, name, value = options.parse_assignment(text)
        check_sections([section], "-o")
        table = settings.setdefault(section, {})
        if section in NAMED:
            plugin, _, name = name.rpartition(".")
            if not plugin:
                raise UsageError(f"-o {section}.{name}: expected -o {section}.NAME.OPTION=VALUE")
            table = table.setdefault(plugin, {})
        table[name] = value
    return settings


def check_sections(given: Iterable[str], where: str, tied: bool = False) -> None:
    """Raises UsageError for a section that there is none of. ``tied``: ``trainer.lora`` is one; see ``applied``."""
    sections = ("run", "sizes", "design", *PLUGIN_KINDS, *NAMED)
    for section in given:
        kind, _, name = section.partition(".")
        if section not in sections and not (tied and name and kind in PLUGIN_KINDS):
            raise UsageError(
                f"{where}: no section {section!r};{did_you_mean(section, sections)} sections: {', '.join(sections)}"
            )


def applied(settings: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> Settings:
    """Settings without those of the run, and without those that are tied to plugins that are not chosen.

    ``names``: the chosen plugin of each kind. A section such as ``trainer.lora`` is for the trainer ``lora`` alone.
    """
    left: Settings = {}
    for section, values in settings.items():
        kind, _, name = section.partition(".")
        if section != "run" and name in ("", names.get(kind)):
            merge(left, {kind: values})
    return left


def merge(settings: Settings, more: Mapping[str, Mapping[str, Any]]) -> None:
    """Lays settings over others, option by option."""
    for section, values in more.items():
        laid = settings.setdefault(section, {})
        if section in NAMED:
            for name, table in values.items():
                laid[name] = {**laid.get(name, {}), **table}
        else:
            laid.update(values)


def chosen(settings: Settings, kind: str, names: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """The options of the plugins of a kind, by name. Raises UsageError for those of one that is not chosen."""
    tables = settings.get(kind, {})
    for name in tables.keys() - set(names):
        raise UsageError(f"options for {kind} {name!r}, which is not chosen; add --{kind} {name}")
    return tables


def stages(run: RunSettings, design: Design, strategy: str | None) -> tuple[str, ...]:
    """The stages to walk, in the order of the experiment."""
    names, given = design.names, strategy is not None
    learning = [arm.name for arm in design.arms if arm.role == "learning"]
    if given and len(design.first_learned) > 1:
        raise UsageError(
            f"--strategy-file: in this design {len(design.first_learned)} strategies are learned, "
            f"{', '.join(design.first_learned)}; leave it out"
        )
    if run.stages is None:
        wanted = set(design.standard) - ({*learning} if given else set())
        controls = run.controls or "standard"
    else:
        wanted = set(run.stages)
        controls = run.controls or "none"
    wanted |= set(design.controls(controls))
    for name in sorted(wanted - set(names)):
        raise UsageError(f"--stages: no stage named {name!r};{did_you_mean(name, names)} stages: {', '.join(names)}")
    if not wanted:
        raise UsageError(f"--stages: none given; stages: {', '.join(names)}")
    if given and wanted & {*learning}:
        raise UsageError(f"--strategy-file takes the place of the stage {learning[0]}; leave one of them out")
    _complete(design, [name for name in names if name in wanted], given)
    return tuple(name for name in names if name in wanted)


def _complete(design: Design, wanted: Sequence[str], given: bool) -> None:
    """Raises UsageError where stages need another one that is not wanted, or a strategy that nobody learns."""
    missing = {name: [other for other in design.required(name, given) if other not in wanted] for name in wanted}
    learning = {arm.name for arm in design.arms if arm.role == "learning"}
    untaught = [name for name in wanted if not given and (design.unlearned(name) or learning & {*missing[name]})]
    if untaught:
        absent = [each for each in design.names if each in learning and any(each in missing[name] for name in untaught)]
        ways = [f"add the stage{'' if len(absent) == 1 else 's'} {', '.join(absent)}"] if absent else []
        ways += ["give --strategy-file"] if len(design.first_learned) <= 1 else []
        needs = f"need{'s' if len(untaught) == 1 else ''} a learned strategy"
        raise UsageError(f"--stages: {', '.join(untaught)} {needs}; {' or '.join(ways)}")
    for name, others in missing.items():
        if others:
            add = "it" if len(others) == 1 else "them"
            raise UsageError(
                f"--stages: {name} needs the answers of {', '.join(others)}; add {add}, or leave {name} out"
            )


def strategy_text(path: Path) -> str:
    """The strategy in a file, without what acts on a terminal. Raises UsageError if there is none."""
    try:
        read = files.read_text(path)
    except OSError as error:
        raise UsageError(f"--strategy-file {path}: {error.strerror}; expected a text file") from error
    except ValueError as error:
        raise UsageError(f"--strategy-file {path}: {error}; expected the text of a strategy") from error
    if "\0" in read:
        raise UsageError(
            f"--strategy-file {path}: holds a NUL byte, which no text has; expected the text of a strategy"
        )
    text = harmless(read).strip()
    if not text:
        raise UsageError(f"--strategy-file {path}: empty; expected the text of a strategy")
    return text
