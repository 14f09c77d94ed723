"""From what was asked for to one frozen plan, with the plugins that it names.

A plan holds all that a result depends on, and nothing of the machine it runs on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from harness import __version__
from harness.api import (
    Arm,
    Demonstrate,
    Design,
    Json,
    Learn,
    ReflectionSpec,
    Spec,
    Step,
    StudentSpec,
    TaskSpec,
    TeacherSpec,
    Train,
    TrainerSpec,
    UsageError,
    VerifierSpec,
)
from harness.boundary import differences, filenames, files
from harness.design import config, designs, layers, planned, transfer
from harness.design.config import PLUGIN_KINDS, RunSettings, Settings, Sizes
from harness.design.layers import Laid, Layer
from harness.design.planned import PlannedCheck, PlannedDesign, PlannedPlugin
from harness.design.skills import SPLIT as SKILLS
from harness.registry import guard, options, plugins

TRAINING_SEED = 999
"""The published seed of the LoRA stage; the run's seed is added."""
SEED_STEP = 100_003
"""Between the training seeds of one run, so that runs with neighbouring seeds share none."""


@dataclass(frozen=True, slots=True)
class UserSettings:
    """What was asked for, before anything is looked up."""

    run: Mapping[str, Any] = field(default_factory=dict)
    """Values of RunSettings given on the command line."""
    config: Path | None = None
    assignments: Sequence[str] = ()
    """``kind.option=value``, as given."""


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
    checks: tuple[str | PlannedCheck, ...]
    """Audit checks of plugins, beside those of the harness: by name alone where no option was set."""
    strategy: str | None
    """Text of a strategy learned elsewhere, in place of the stage in which the teacher learns."""
    plugins: Mapping[str, PlannedPlugin]
    """By kind. A plan of the design ``transfer`` does not name it, as plans did before there were others."""

    @property
    def design(self) -> Design:
        """The arms that there are, and how they compare."""
        chosen = self.plugins.get("design")
        return chosen.design if isinstance(chosen, PlannedDesign) else transfer.TRANSFER

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the trainings of each trained arm."""
        return tuple(TRAINING_SEED + self.seed + SEED_STEP * index for index in range(self.training_seeds))

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms of its stages."""
        return tuple(map(self.design.arm, self.stages))

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is done, in order."""
        return self.design.chosen(self.stages, given=self.strategy is not None)

    @property
    def trains(self) -> bool:
        """Whether a student is trained."""
        return any(isinstance(step, Train) for step in self.steps)

    @property
    def learns(self) -> bool:
        """Whether the teacher learns."""
        return any(isinstance(step, Learn) for step in self.steps)

    @property
    def asks_teacher(self) -> bool:
        """Whether a teacher is asked anything."""
        demonstrates = self.labels == "teacher" and any(isinstance(step, Demonstrate) for step in self.steps)
        return demonstrates or self.learns or any(arm.answers == "teacher" for arm in self.arms)

    @property
    def asks_student(self) -> bool:
        """Whether a student is asked anything."""
        return any(arm.answers == "student" for arm in self.arms)

    @property
    def splits(self) -> tuple[str, ...]:
        """The problem sets that it uses; first those that are always there."""
        used = {split for arm in self.arms for split in arm.splits}
        used |= {step.problems for step in self.steps if isinstance(step, Learn | Demonstrate)}
        known = dict.fromkeys((*Sizes.model_fields, *(each.name for each in self.design.sets)))
        return tuple(split for split in known if split in used and self.size(split))

    def size(self, split: str) -> int:
        """How many problems a set has."""
        return designs.size(self.design, self.sizes, split)

    def pool(self, split: str, drifts: bool) -> tuple[int, int]:
        """How many problems are taken of the split that a set is drawn from, for all such sets, and where it begins.

        ``drifts``: sets in as many windows are drawn from a pool of their own.
        """
        chosen = self.design.problem_set(split)
        used = [self.design.problem_set(name) for name in self.splits if name != SKILLS]
        alike = [each for each in used if each.of == chosen.of and (each.windows == chosen.windows or not drifts)]
        sizes = [self.size(each.name) for each in alike]
        return sum(sizes), sum(sizes[: alike.index(chosen)])

    def count(self, split: str) -> int:
        """How many problems of a set it uses at most: the first of as many as there are."""
        return designs.count(self.design, self.sizes, self.limit, split)

    @property
    def check_options(self) -> Mapping[str, Mapping[str, Json]]:
        """The options that were set of each audit check of a plugin, by its name."""
        return planned.check_options(self.checks)

    @property
    def simulated(self) -> tuple[str, ...]:
        """The parts that are simulated, such as ``teacher simulated``."""
        return tuple(f"{kind} {choice.name}" for kind, choice in self.plugins.items() if choice.simulated)

    @property
    def sha256(self) -> str:
        """Digest of the plan: two runs with the same one are the same experiment."""
        return files.digest(self)


KEPT = ("preset", "seed", "stages", "limit", "training_seeds", "labels", "prompts", "margin")
"""Fields of a plan that are settings of the run as they were given."""

SpecT = TypeVar("SpecT", bound=Spec[Any])


@dataclass(frozen=True, slots=True)
class ChosenPlugin(Generic[SpecT]):
    """A chosen plugin, imported, with its options checked."""

    ref: plugins.PluginRef
    spec: SpecT
    options: BaseModel

    @property
    def choice(self) -> PlannedPlugin:
        """What a plan says of it."""
        return PlannedPlugin(
            name=self.ref.name,
            distribution=self.ref.distribution,
            version=self.ref.version,
            target=self.ref.target,
            simulated=self._simulated,
            options=planned.written(self.ref, self.options),
        )

    @property
    def _simulated(self) -> bool:
        run_dir = self.replays
        return self.spec.simulated if run_dir is None else read(run_dir / filenames.PLAN).plugins["teacher"].simulated

    @property
    def replays(self) -> Path | None:
        """The directory of the run whose replies a teacher gives again; None for any other plugin."""
        named = self.spec.replays if isinstance(self.spec, TeacherSpec) else None
        return None if named is None else guard.call(self.ref, "replays", lambda: Path(named(self.options)))


@dataclass(frozen=True, slots=True)
class ChosenPlugins:
    """The chosen plugin of each kind."""

    task: ChosenPlugin[TaskSpec[Any]]
    verifier: ChosenPlugin[VerifierSpec[Any]]
    teacher: ChosenPlugin[TeacherSpec[Any]]
    student: ChosenPlugin[StudentSpec[Any]]
    reflection: ChosenPlugin[ReflectionSpec[Any]]
    trainer: ChosenPlugin[TrainerSpec[Any]]


def make(user: UserSettings) -> tuple[Plan, ChosenPlugins]:
    """The plan of what a user asks for, and its plugins.

    Raises UsageError for anything that is wrong; writes nothing.
    """
    given, asked = _asked(user)
    run = options.validate(RunSettings, asked, "run")
    task, student = plugins.load(plugins.TASK, run.task), plugins.load(plugins.STUDENT, run.student)
    design = plugins.load(plugins.DESIGN, run.design)
    sources = [layers.of_design(design), layers.defaults(student), layers.preset(task, run.preset), Layer(given)]
    return _build(layers.laid(sources, {}, asked, task), task, student)


def observers(user: UserSettings, names: Iterable[str]) -> list[tuple[plugins.PluginRef, object]]:
    """The observers of these names, made with their options: the table ``[observer.NAME]``, ``-o observer.NAME.X=V``.

    They are no part of the plan, since they cannot change a result. Raises UsageError.
    """
    names = list(names)
    settings = config.chosen(config.given(user.config, user.assignments), "observer", names)
    made = []
    for name in names:
        loaded = plugins.load(plugins.OBSERVER, name)
        given = planned.resolved(loaded, settings.get(name, {}), f"observer.{name}")
        made.append((loaded.ref, plugins.instantiate(loaded.ref, partial(loaded.spec.create, given))))
    return made


def reload(plan: Plan) -> ChosenPlugins:
    """The plugins of a stored plan. Raises UsageError if they would make another plan now."""
    run = options.validate(RunSettings, _kept(plan), "plan.json: run")
    settings: Settings = {kind: dict(choice.options) for kind, choice in plan.plugins.items()}
    settings |= {"sizes": dict(plan.sizes), "check": {name: dict(given) for name, given in plan.check_options.items()}}
    now, chosen = _build(
        Laid(run, settings),
        plugins.load(plugins.TASK, run.task),
        plugins.load(plugins.STUDENT, run.student),
        plan.strategy,
    )
    differences.refuse(
        "the plan of this run cannot be followed any more",
        files.plain(plan),
        files.plain(now),
        "Start a new run, or take over what still holds by --fork",
    )
    return chosen


def fork(plan: Plan, user: UserSettings) -> tuple[Plan, ChosenPlugins]:
    """A stored plan with what a user changes in it. Options of a plugin that is replaced are left behind.

    Raises UsageError for anything that is wrong; writes nothing.
    """
    (given, asked), kept = _asked(user), _kept(plan)
    if asked.keys() & {"design", "stages", "controls", "strategy_file"}:
        del kept["stages"]
    if asked.get("task", kept["task"]) != kept["task"]:
        kept |= {"verifier": None, "preset": None}  # both are the other task's own
    run = options.validate(RunSettings, {**kept, **asked}, "run")
    task, student = plugins.load(plugins.TASK, run.task), plugins.load(plugins.STUDENT, run.student)
    sources = [Layer({"sizes": plan.sizes}), layers.defaults(student, plan)]
    if run.design != kept.get("design", transfer.NAME):
        sources.append(layers.of_design(plugins.load(plugins.DESIGN, run.design)))
    sources += [Layer({f"{kind}.{choice.name}": choice.options}) for kind, choice in plan.plugins.items()]
    set_before = plan.check_options.items()
    sources.append(Layer({"check": {name: given for name, given in set_before if name in run.checks}}))
    if "preset" in asked:
        sources.append(layers.preset(task, run.preset))
    sources.append(Layer(given))
    return _build(layers.laid(sources, kept, asked, task), task, student, plan.strategy)


def _asked(user: UserSettings) -> tuple[Settings, dict[str, Any]]:
    """What a user says of the parts, by section, and of the run as a whole."""
    given = config.given(user.config, user.assignments)
    given.pop("observer", None)
    config.merge(given, {"run": {name: value for name, value in user.run.items() if value is not None}})
    return given, given.pop("run")


def _kept(plan: Plan) -> dict[str, Any]:
    """The settings of the run as a whole that a stored plan was made with."""
    names = {kind: choice.name for kind, choice in plan.plugins.items()}
    return {**names, "checks": tuple(plan.check_options), **{name: getattr(plan, name) for name in KEPT}}


def read(path: Path) -> Plan:
    """A stored plan. Raises UsageError if the file is not one."""
    try:
        data = files.read(path)
        choices = {kind: planned.choice(kind, each) for kind, each in data["plugins"].items()}
        stages, checks = tuple(data["stages"]), planned.checks(data["checks"])
        return Plan(**{**data, "stages": stages, "checks": checks, "plugins": choices})
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a run directory with a plan.json") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: not a plan of this harness ({error})") from error


def _learning(design: Design) -> set[str]:
    """The arms of the teacher while it learns."""
    return {arm.name for arm in design.arms if arm.role == "learning"}


def _build(
    laid: Laid,
    task: plugins.Loaded[TaskSpec[Any]],
    student: plugins.Loaded[StudentSpec[Any]],
    strategy: str | None = None,
) -> tuple[Plan, ChosenPlugins]:
    def member(loaded: plugins.Loaded[SpecT], kind: str) -> ChosenPlugin[SpecT]:
        laid.check(loaded)
        return ChosenPlugin(loaded.ref, loaded.spec, planned.resolved(loaded, settings.get(kind, {}), kind))

    run, settings = laid.run, laid.settings
    given = config.chosen(settings, "check", run.checks)
    checks = tuple(planned.check(plugins.load(plugins.CHECK, name), given.get(name, {})) for name in run.checks)
    chosen = ChosenPlugins(
        task=member(task, "task"),
        verifier=member(plugins.load(plugins.VERIFIER, run.verifier or task.spec.verifier), "verifier"),
        teacher=member(plugins.load(plugins.TEACHER, run.teacher), "teacher"),
        student=member(student, "student"),
        reflection=member(plugins.load(plugins.REFLECTION, run.reflection), "reflection"),
        trainer=member(plugins.load(plugins.TRAINER, run.trainer), "trainer"),
    )
    design = planned.design(plugins.load(plugins.DESIGN, run.design), settings.get("design", {}))
    if run.strategy_file is not None:
        strategy = config.strategy_text(Path(run.strategy_file))
    elif _learning(design.design) & {*(run.stages or ())}:
        strategy = None
    of_others = {} if run.design == transfer.NAME else {"design": design}
    plan = Plan(
        harness=__version__,
        preset=run.preset,
        seed=run.seed,
        stages=config.stages(run, design.design, strategy),
        sizes=options.validate(Sizes, settings.get("sizes", {}), "sizes").model_dump(),
        limit=run.limit,
        training_seeds=run.training_seeds,
        labels=run.labels,
        prompts=run.prompts,
        margin=run.margin,
        checks=checks,
        strategy=strategy,
        plugins={kind: getattr(chosen, kind).choice for kind in PLUGIN_KINDS} | of_others,
    )
    try:
        files.canonical(plan).encode()
    except ValueError as error:
        raise UsageError(
            f"an option cannot be written as JSON ({error}); give finite numbers and whole text"
        ) from error
    return plan, chosen
