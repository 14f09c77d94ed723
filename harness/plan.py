"""From what was asked for to one frozen plan: defaults, then the student's, a preset's, a file's, the command line's.

A plan holds all that a result depends on, and nothing of the machine it runs on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from harness import __version__, arms, changes, files, options, registry
from harness.errors import UsageError
from harness.records import Json
from harness.specs import ReflectionSpec, Spec, StudentSpec, TaskSpec, TeacherSpec, TrainerSpec, VerifierSpec
from harness.text import did_you_mean

PLUGIN_KINDS = ("task", "verifier", "teacher", "student", "reflection", "trainer")
TRAINING_SEED = 999
"""The published seed of the LoRA stage; the run's seed is added."""
SEED_STEP = 100_003
"""Between the training seeds of one run, so that runs with neighbouring seeds share none."""

MOST = 1_000_000
"""Problems of one split at most."""


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
    limit: int | None = Field(None, ge=1, description="at most so many problems of each split, for a quick look")
    training_seeds: int = Field(1, ge=1, le=20, description="trainings of each trained arm, each with its own seed")
    labels: Literal["teacher", "verifier"] = Field("teacher", description="who answers the training problems")
    prompts: Literal["same", "separate"] = Field("same", description="one wording for all arms, or one for each stage")
    margin: float = Field(
        0.05, gt=0, le=0.1, description="how much worse counts as no worse, as a share of the problems"
    )
    checks: tuple[str, ...] = Field((), description="audit checks of plugins, beside those of the harness")
    strategy_file: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, before anything is looked up."""

    run: Mapping[str, Any] = field(default_factory=dict)
    """Values of RunSettings given on the command line."""
    config: Path | None = None
    assignments: Sequence[str] = ()
    """``kind.option=value``, as given."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A plugin of a plan, with its options in full."""

    name: str
    distribution: str
    version: str
    target: str
    simulated: bool
    options: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a result depends on."""

    harness: str
    preset: str | None
    seed: int
    stages: tuple[str, ...]
    sizes: Mapping[str, int]
    limit: int | None
    training_seeds: int
    """How often each trained arm is trained, each time with a seed of its own."""
    labels: Literal["teacher", "verifier"]
    """Whose answers the student is trained on. A transfer can be claimed of the teacher's alone."""
    prompts: Literal["same", "separate"]
    """Whether all arms are asked in the same words. If not, they cannot be compared."""
    margin: float
    """What counts as no worse, fixed beforehand: a share of the problems."""
    checks: tuple[str, ...]
    """Audit checks of plugins, beside those of the harness."""
    strategy: str | None
    """Text of a strategy learned elsewhere, in place of the bootstrap stage."""
    plugins: Mapping[str, Choice]
    """By kind."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the trainings of each trained arm."""
        return tuple(TRAINING_SEED + self.seed + SEED_STEP * index for index in range(self.training_seeds))

    @property
    def simulated(self) -> tuple[str, ...]:
        """The parts that are simulated, such as ``teacher simulated``."""
        return tuple(f"{kind} {choice.name}" for kind, choice in self.plugins.items() if choice.simulated)

    @property
    def sha256(self) -> str:
        """Digest of the plan: two runs with the same one are the same experiment."""
        return files.digest(self)


KEPT = ("preset", "seed", "stages", "limit", "training_seeds", "labels", "prompts", "margin", "checks")
"""Fields of a plan that are settings of the run as they were given."""

SpecT = TypeVar("SpecT", bound=Spec[Any])


@dataclass(frozen=True, slots=True)
class Member(Generic[SpecT]):
    """A chosen plugin, imported, with its options checked."""

    ref: registry.PluginRef
    spec: SpecT
    options: BaseModel

    @property
    def choice(self) -> Choice:
        """What a plan says of it."""
        return Choice(
            name=self.ref.name,
            distribution=self.ref.distribution,
            version=self.ref.version,
            target=self.ref.target,
            simulated=self._simulated,
            options=self.options.model_dump(mode="json"),
        )

    @property
    def _simulated(self) -> bool:
        decides = self.spec.simulated_with if isinstance(self.spec, TeacherSpec) else None
        return self.spec.simulated if decides is None else decides(self.options)


@dataclass(frozen=True, slots=True)
class Cast:
    """The chosen plugin of each kind."""

    task: Member[TaskSpec[Any]]
    verifier: Member[VerifierSpec[Any]]
    teacher: Member[TeacherSpec[Any]]
    student: Member[StudentSpec[Any]]
    reflection: Member[ReflectionSpec[Any]]
    trainer: Member[TrainerSpec[Any]]


Settings = dict[str, dict[str, Any]]


def make(wish: Wish) -> tuple[Plan, Cast]:
    """The plan of a wish, and its plugins. Raises UsageError for anything that is wrong; writes nothing."""
    given = _given(wish)
    given.pop("observer", None)
    _merge(given, {"run": {name: value for name, value in wish.run.items() if value is not None}})
    asked = given.pop("run", {})
    run = options.validate(RunSettings, asked, "run")
    task = registry.load(registry.TASK, run.task)
    student = registry.load(registry.STUDENT, run.student)

    settings: Settings = {}
    _merge(settings, student.spec.defaults)
    _merge(settings, _preset(task.spec, run.preset))
    where = f"student {run.student!r} or preset {run.preset!r}"
    _check_sections(settings, where)
    for name in sorted({"task", "student", "preset"} & settings.get("run", {}).keys()):
        raise UsageError(f"{where}: sets run.{name}, which is chosen before it is read; its plugin is broken")
    _merge(settings, given)
    run = options.validate(RunSettings, {**settings.pop("run", {}), **asked}, "run")
    return _build(run, settings, task, student)


def watchers(wish: Wish, names: Iterable[str]) -> list[tuple[str, object]]:
    """The observers of these names, made with their options: the table ``[observer.NAME]``, ``-o observer.NAME.X=V``.

    They are no part of the plan, since they cannot change a result. Raises UsageError.
    """
    settings = _given(wish).get("observer", {})
    chosen = [registry.load(registry.OBSERVER, name) for name in names]
    for name, table in settings.items():
        if not isinstance(table, dict):
            raise UsageError(f"observer.{name}: expected a table [observer.{name}] or -o observer.{name}.OPTION=VALUE")
        if name not in names:
            raise UsageError(f"options for observer {name!r}, which is not chosen; add --observer {name}")
    made = []
    for loaded in chosen:
        name = loaded.ref.name
        given = options.resolve(loaded.spec, settings.get(name, {}), f"observer.{name}")
        made.append((name, registry.made(loaded.ref, partial(loaded.spec.create, given))))
    return made


def again(plan: Plan) -> Cast:
    """The plugins of a stored plan. Raises UsageError if they would make another plan now."""
    run = options.validate(RunSettings, _kept(plan), "plan.json: run")
    settings: Settings = {kind: dict(choice.options) for kind, choice in plan.plugins.items()}
    settings["sizes"] = dict(plan.sizes)
    now, cast = _build(
        run,
        settings,
        registry.load(registry.TASK, run.task),
        registry.load(registry.STUDENT, run.student),
        plan.strategy,
    )
    changes.refuse(
        "the plan of this run cannot be followed any more",
        files.plain(plan),
        files.plain(now),
        "Start a new run, or take over what still holds by --fork",
    )
    return cast


def changed(plan: Plan, wish: Wish) -> tuple[Plan, Cast]:
    """A stored plan with what a wish changes in it. Options of a plugin that is replaced are left behind.

    Raises UsageError for anything that is wrong; writes nothing.
    """
    given = _given(wish)
    given.pop("observer", None)
    _merge(given, {"run": {name: value for name, value in wish.run.items() if value is not None}})
    asked, kept = given.pop("run", {}), _kept(plan)
    if asked.keys() & {"stages", "controls", "strategy_file"}:
        del kept["stages"]
    if "task" in asked and "verifier" not in asked:
        kept["verifier"] = None
    run = options.validate(RunSettings, {**kept, **asked}, "run")
    task, student = registry.load(registry.TASK, run.task), registry.load(registry.STUDENT, run.student)
    settings: Settings = {"sizes": dict(plan.sizes)}
    if student.spec.name != plan.plugins["student"].name:
        _merge(settings, student.spec.defaults)
    for kind, choice in plan.plugins.items():
        if choice.name == (getattr(run, kind) or task.spec.verifier):
            _merge(settings, {kind: choice.options})
    if "preset" in asked:
        _merge(settings, _preset(task.spec, run.preset))
    _merge(settings, given)
    run = options.validate(RunSettings, {**kept, **settings.pop("run", {}), **asked}, "run")
    learns = arms.BOOTSTRAP in (run.stages or ())
    return _build(run, settings, task, student, None if learns else plan.strategy)


def _kept(plan: Plan) -> dict[str, Any]:
    """The settings of the run as a whole that a stored plan was made with."""
    names = {kind: choice.name for kind, choice in plan.plugins.items()}
    return {**names, **{name: getattr(plan, name) for name in KEPT}}


def read(path: Path) -> Plan:
    """A stored plan. Raises UsageError if the file is not one."""
    try:
        data = files.read(path)
        choices = {kind: Choice(**choice) for kind, choice in data["plugins"].items()}
        return Plan(**{**data, "stages": tuple(data["stages"]), "checks": tuple(data["checks"]), "plugins": choices})
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a run directory with a plan.json") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: not a plan of this harness ({error})") from error


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
    _check_sections(settings, str(path))
    return settings


def _build(
    run: RunSettings,
    settings: Settings,
    task: registry.Loaded[TaskSpec[Any]],
    student: registry.Loaded[StudentSpec[Any]],
    strategy: str | None = None,
) -> tuple[Plan, Cast]:
    def member(loaded: registry.Loaded[SpecT], kind: str) -> Member[SpecT]:
        return Member(loaded.ref, loaded.spec, options.resolve(loaded.spec, settings.get(kind, {}), kind))

    for name in run.checks:
        registry.load(registry.CHECK, name)
    cast = Cast(
        task=member(task, "task"),
        verifier=member(registry.load(registry.VERIFIER, run.verifier or task.spec.verifier), "verifier"),
        teacher=member(registry.load(registry.TEACHER, run.teacher), "teacher"),
        student=member(student, "student"),
        reflection=member(registry.load(registry.REFLECTION, run.reflection), "reflection"),
        trainer=member(registry.load(registry.TRAINER, run.trainer), "trainer"),
    )
    if run.strategy_file is not None:
        strategy = _strategy(Path(run.strategy_file))
    plan = Plan(
        harness=__version__,
        preset=run.preset,
        seed=run.seed,
        stages=_stages(run, strategy),
        sizes=options.validate(Sizes, settings.get("sizes", {}), "sizes").model_dump(),
        limit=run.limit,
        training_seeds=run.training_seeds,
        labels=run.labels,
        prompts=run.prompts,
        margin=run.margin,
        checks=run.checks,
        strategy=strategy,
        plugins={kind: getattr(cast, kind).choice for kind in PLUGIN_KINDS},
    )
    try:
        files.canonical(plan).encode()
    except ValueError as error:
        raise UsageError(
            f"an option cannot be written as JSON ({error}); give finite numbers and whole text"
        ) from error
    return plan, cast


def _stages(run: RunSettings, strategy: str | None) -> tuple[str, ...]:
    """The stages to walk, in the order of the experiment."""
    if run.stages is None:
        wanted = set(arms.STAGES) - ({arms.BOOTSTRAP} if strategy is not None else set())
        controls = run.controls or "standard"
    else:
        wanted = set(run.stages)
        controls = run.controls or "none"
    wanted |= set(arms.CONTROLS[controls])
    for name in sorted(wanted - set(arms.NAMES)):
        raise UsageError(
            f"--stages: no stage named {name!r};{did_you_mean(name, arms.NAMES)} stages: {', '.join(arms.NAMES)}"
        )
    if not wanted:
        raise UsageError(f"--stages: none given; stages: {', '.join(arms.NAMES)}")
    if strategy is not None and arms.BOOTSTRAP in wanted:
        raise UsageError("--strategy-file takes the place of the stage bootstrap; leave one of them out")
    lacking = [name for name in arms.NAMES if name in wanted and arms.needs_strategy(name)]
    if lacking and strategy is None and arms.BOOTSTRAP not in wanted:
        raise UsageError(
            f"--stages: {', '.join(lacking)} need{'s' if len(lacking) == 1 else ''} a learned strategy; "
            "add the stage bootstrap or give --strategy-file"
        )
    return tuple(name for name in arms.NAMES if name in wanted)


def _strategy(path: Path) -> str:
    try:
        text = files.read_text(path).strip()
    except OSError as error:
        raise UsageError(f"--strategy-file {path}: {error.strerror}; expected a text file") from error
    except ValueError as error:
        raise UsageError(f"--strategy-file {path}: {error}; expected UTF-8 text") from error
    if not text:
        raise UsageError(f"--strategy-file {path}: empty; expected the text of a strategy")
    return text


def _preset(task: TaskSpec[Any], name: str | None) -> Mapping[str, Mapping[str, Any]]:
    if name is None:
        return {}
    if name not in task.presets:
        offered = ", ".join(sorted(task.presets)) or "none"
        raise UsageError(
            f"--preset: task {task.name!r} has no preset {name!r};{did_you_mean(name, task.presets)} it has: {offered}"
        )
    return task.presets[name]


def _given(wish: Wish) -> Settings:
    """What the configuration file and ``-o`` say, by section; the latter wins."""
    settings = read_config(wish.config) if wish.config else {}
    for text in wish.assignments:
        section, name, value = options.parse_assignment(text)
        _check_sections([section], "-o")
        table = settings.setdefault(section, {})
        if section == "observer":
            observer, _, name = name.partition(".")
            table = table.setdefault(observer, {})
        table[name] = value
    return settings


def _check_sections(given: Iterable[str], where: str) -> None:
    sections = ("run", "sizes", *PLUGIN_KINDS, "observer")
    for section in given:
        if section not in sections:
            raise UsageError(
                f"{where}: no section {section!r};{did_you_mean(section, sections)} sections: {', '.join(sections)}"
            )


def _merge(settings: Settings, more: Mapping[str, Mapping[str, Any]]) -> None:
    """Lays settings over others, option by option."""
    for section, values in more.items():
        settings.setdefault(section, {}).update(values)
