"""What is wrong with a design: what could not be run, or not be read as it says. Told before anything is spent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, get_args

from harness.api.designs.arms import EXPLANATIONS, SPLITS, Arm, ArmRole, Claim, Contrast, Recipe
from harness.api.designs.steps import Demonstrate, Examine, Learn, ProblemSet, Step, Train

if TYPE_CHECKING:
    from harness.api.designs.design import Design

MOST = 1_000_000
"""Problems of a set at most."""
MOST_WINDOWS = 99
RUNGS = 6
"""Of the ladder of claims."""
USUAL = ("test", "reflect", "train", "harder")
"""The splits of a task."""
MEASURED = ("test", "harder")
"""Those that claims rest on, and that nobody may learn from."""
SEVERAL: tuple[ArmRole, ...] = ("control", "variant", "learning")
"""Roles that several arms may have."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEYS = frozenset({"demonstrate", "demonstrations", "journal", "ledger", "plan", "practice", "probe", "result"})
_TAKEN = _KEYS | {"setting", "train", "unfit"}
"""Names by which a run records other things."""
_PLAIN = re.compile(r"[\w ,.;:'()/-]{1,100}")
"""A text that pages and terminals can show as it stands."""
_TEXT = "expected up to 100 letters, digits, spaces and , . ; : ' ( ) / -"
_VALUES: Mapping[str, tuple[Any, ...]] = {
    "answers": ("teacher", "student"),
    "role": get_args(ArmRole),
    "recipe": (None, *get_args(Recipe)),
    "control": (None, "standard", "all"),
}
Kind = tuple[str, bool, bool]
"""Who answers, whether it is told a strategy, and whether it was trained."""
_FITTING: Mapping[str, tuple[Kind, ...]] = {
    "base": (("student", False, False),),
    "untaught": (("teacher", False, False),),
    "learning": (("teacher", True, False),),
    "teacher": (("teacher", True, False),),
    "told": (("student", True, False),),
    "treatment": (("student", False, True),),
    "control": (("student", False, False), ("student", True, False), ("student", False, True)),
    "variant": (("student", True, False), ("student", False, True), ("student", True, True), ("teacher", True, False)),
}


def wrong(design: Design) -> Iterator[str]:
    """What is wrong, the first that a reader would look for first."""
    yield from chain(_sets(design), _arms(design), _steps(design), _contrasts(design), _claims(design))


def _sets(design: Design) -> Iterator[str]:
    for each in design.sets:
        yield from (f"problem set {each.name!r}: {what}" for what in _of_set(each))
    for name, times in Counter(each.name for each in design.sets).items():
        if times > 1:
            yield f"problem set {name!r}: stands twice in the design"


def _of_set(each: ProblemSet) -> Iterator[str]:
    if each.of not in USUAL:
        yield f"of is {each.of!r}; expected one of {', '.join(USUAL)}"
    if not _NAME.fullmatch(each.name) or each.name == "skills" or (each.name in USUAL and each.name != each.of):
        yield "expected a name of a-z, 0-9 and '-' that is no other split's"
    if each.size is not None and not 1 <= each.size <= MOST:
        yield f"size is {each.size!r}; expected 1 to {MOST}, or None"
    if not 1 <= each.windows <= MOST_WINDOWS:
        yield f"windows is {each.windows!r}; expected 1 to {MOST_WINDOWS}"
    elif each.size is not None and each.size < each.windows:
        yield f"{each.size} problems cannot be divided into {each.windows} windows"


def _arms(design: Design) -> Iterator[str]:
    known = {*SPLITS, *(each.name for each in design.sets)}
    for arm in design.arms:
        if not _NAME.fullmatch(arm.name) or arm.name in _TAKEN:
            yield f"arm {arm.name!r}: expected a name of a-z, 0-9 and '-' by which a run records nothing else"
        yield from (f"arm {arm.name!r}: {what}" for what in _of_arm(arm, known))
        if arm.rules_out is not None and arm.rules_out not in {*EXPLANATIONS, *design.explanations}:
            known_ones = ", ".join([*EXPLANATIONS, *design.explanations])
            yield f"arm {arm.name!r}: rules_out is {arm.rules_out!r}; expected one of {known_ones}"
    for name, times in Counter(arm.name for arm in design.arms).items():
        if times > 1:
            yield f"arm {name!r}: stands twice in the design"
    roles = Counter(arm.role for arm in design.arms)
    if not roles["treatment"]:
        yield "no arm is the treatment, so there is nothing to claim anything of"
    for role, times in roles.items():
        if times > 1 and role not in SEVERAL:
            yield f"{times} arms have the role {role!r}; expected one"
    for name, words in design.explanations.items():
        if not _NAME.fullmatch(name) or not _PLAIN.fullmatch(words) or not words.startswith("that "):
            yield f"explanation {name!r}: {_TEXT} that begin with 'that '"
    yield from (f"series: no arm {name!r}" for name in design.series if name not in design.names)


def _of_arm(arm: Arm, known: set[str]) -> Iterator[str]:
    """What of an arm is no value, or does not fit what it is for."""
    for name, values in _VALUES.items():
        if (given := getattr(arm, name)) not in values:
            yield f"{name} is {given!r}; expected one of {', '.join(map(str, values))}"
    if not _PLAIN.fullmatch(arm.summary):
        yield f"{_TEXT} as its summary"
    if arm.role in _FITTING and (arm.answers, arm.strategy, arm.recipe is not None) not in _FITTING[arm.role]:
        yield f"who answers, what it is told and what it is trained on do not fit the role {arm.role!r}"
    if (arm.role == "control") != (arm.control is not None) or (arm.role == "control") != (arm.rules_out is not None):
        yield "a control, and nothing else, has a set of controls and rules something out"
    if arm.role == "learning":
        if len(arm.splits) != 1 or not {*arm.splits} <= (known | {"reflect"}) - {*SPLITS}:
            yield "the teacher learns from one problem set, of which nobody is measured: reflect, or one of the design"
    elif "test" not in arm.splits or not set(arm.splits) <= known or len(set(arm.splits)) < len(arm.splits):
        yield f"expected test, and others of {', '.join(sorted(known - {'test'}))} once each, as its splits"


def _steps(design: Design) -> Iterator[str]:
    """Where a step names what there is not, or not yet."""
    made: set[tuple[str, str]] = set()
    examined: set[tuple[str, str, int | None]] = set()
    for step in design.steps:
        place = f"step {step.kind} of {step.arm}"
        if step.arm not in design.names:
            yield f"{place}: no arm {step.arm!r}"
            continue
        yield from (f"{place}: {what}" for what in _of_step(design, step, made, examined))
        match step:
            case Learn():
                made.add(("strategy", step.strategy))
            case Demonstrate():
                made.add(("solutions", step.solutions))
            case Train():
                made.add(("adapter", step.adapter))
            case Examine():
                examined |= {(step.arm, split, step.window) for split in step.splits}
    yield from _by_seed(design)
    if design.steps:
        learning = Counter(step.arm for step in design.steps if isinstance(step, Learn) and not step.wrong_of)
        for arm in design.arms:
            yield from _unmeasured(design, arm, examined, learning)


def _by_seed(design: Design) -> Iterator[str]:
    """Where what depends on a trained student is handed to somebody who is asked once, whatever the training seed."""
    amended = Counter(step.arm for step in design.steps if isinstance(step, Learn) and step.wrong_of)
    yield from (f"arm {name!r}: amends twice under one name; give each an arm" for name in amended if amended[name] > 1)
    for step in design.steps:
        once = isinstance(step, Examine) and not _is_trained(step)
        tries = isinstance(step, Learn) and step.wrong_of is None
        if (once or tries) and design.by_seed(step):
            place = f"step {step.kind} of {step.arm}"
            yield f"{place}: is told what a trained student's errors amended; only a trained student can be"


def _of_step(
    design: Design, step: Step, made: set[tuple[str, str]], examined: set[tuple[str, str, int | None]]
) -> Iterator[str]:
    needs: list[tuple[str, str | None]] = []
    makes: tuple[str, str] | None = None
    sets = {*USUAL, *(each.name for each in design.sets)}
    arm = design.arm(step.arm)
    match step:
        case Learn():
            makes, needs = ("strategy", step.strategy), [("strategy", step.start)]
            if step.wrong_of is None and (arm.role != "learning" or arm.splits != (step.problems,)):
                yield f"expected an arm in the role 'learning' that is measured on {step.problems} alone"
            if step.wrong_of is not None and step.start is None:
                yield "what a student got wrong amends a strategy; expected one as its start"
        case Demonstrate():
            makes = "solutions", step.solutions
            needs = [("strategy", step.strategy), ("solutions", step.as_many_as)]
        case Train():
            makes = "adapter", step.adapter
            needs = [*(("solutions", each) for each in (*step.solutions, *step.replay)), ("adapter", step.start)]
            if arm.recipe is None or not step.solutions:
                yield "expected an arm with a recipe, and worked solutions"
            if step.in_turn and len({_problems_of(design, each) for each in step.solutions}) > 1:
                yield "solutions that are taken in turn are of the same problems"
        case Examine():
            needs = [("strategy", step.strategy), ("adapter", step.adapter)]
            if (step.strategy is not None) != arm.strategy or _is_trained(step) != (arm.recipe is not None):
                yield "what it is told or trained on is not what its arm declares"
            if not step.splits or not {*step.splits} <= {*arm.splits} or arm.role == "learning":
                yield f"expected some of the problem sets of its arm: {', '.join(arm.splits)}"
            yield from _votes(design, step, examined)
    for kind, name in needs:
        if name is not None and (kind, name) not in made:
            yield f"no {kind} {name!r} is made before"
    if makes and (not _NAME.fullmatch(makes[1]) or makes in made):
        yield f"{makes[0]} {makes[1]!r}: expected a name of a-z, 0-9 and '-' that stands for nothing else"
    if isinstance(step, Learn | Demonstrate):
        if step.problems not in sets:
            yield f"no problem set {step.problems!r}"
        elif step.problems in MEASURED:
            yield f"nobody learns from {step.problems}, on which arms are measured"
        elif step.wrong_of is not None and not _seen(examined, step.wrong_of, step.problems):
            yield f"{step.wrong_of} is not examined on {step.problems} before"
    if isinstance(step, Demonstrate | Examine) and step.window is not None:
        for split in (step.problems,) if isinstance(step, Demonstrate) else step.splits:
            if not 1 <= step.window <= design.problem_set(split).windows:
                yield f"{split} has {design.problem_set(split).windows} windows, so none {step.window}"


def _votes(design: Design, step: Examine, examined: set[tuple[str, str, int | None]]) -> Iterator[str]:
    """What keeps votes from being counted."""
    if step.votes_of and step.adapter is not None:
        yield "answers by votes, and so by no adapter of its own"
    if len(set(step.votes_of)) < len(step.votes_of):
        yield "expected each of its voters once"
    for each in step.votes_of:
        absent = [split for split in step.splits if not _answered(design, examined, each, split, step.window)]
        yield from (f"{each} is not examined on {split} before" for split in absent)
        if not absent and (design.voters(each) or len(design.adapters(each)) != 1):
            yield f"{each} does not answer by one adapter; votes are of arms that do"


def _answered(
    design: Design, examined: set[tuple[str, str, int | None]], arm: str, split: str, window: int | None
) -> bool:
    """Whether an arm has answered a problem set, or a window of it, by now."""
    every = {(arm, split, each) for each in range(1, design.problem_set(split).windows + 1)}
    return bool(examined & {(arm, split, None), (arm, split, window)}) or (window is None and every <= examined)


def _is_trained(step: Examine) -> bool:
    return step.adapter is not None or bool(step.votes_of)


def _seen(examined: set[tuple[str, str, int | None]], arm: str, split: str) -> bool:
    return any((arm, split) == (name, where) for name, where, _ in examined)


def _problems_of(design: Design, solutions: str) -> object:
    step = design.made.get(("solutions", solutions))
    return (step.problems, step.window, step.wrong_of, step.as_many_as) if isinstance(step, Demonstrate) else None


def _unmeasured(
    design: Design, arm: Arm, examined: set[tuple[str, str, int | None]], learning: Counter[str]
) -> Iterator[str]:
    """Where an arm is not measured once on each problem of its splits."""
    if arm.role == "learning":
        if learning[arm.name] != 1:
            yield f"arm {arm.name!r}: {learning[arm.name]} steps in which it learns; expected one"
        return
    for split in arm.splits:
        windows = {window for name, where, window in examined if (name, where) == (arm.name, split)}
        if windows != {None} and windows != {*range(1, design.problem_set(split).windows + 1)}:
            yield f"arm {arm.name!r}: is not examined on all of {split}"
    steps = [step for step in design.steps if isinstance(step, Examine) and step.arm == arm.name]
    for (split, _), times in Counter((split, step.window) for step in steps for split in step.splits).items():
        if times > 1:
            yield f"arm {arm.name!r}: is examined twice on {split}"


def _contrasts(design: Design) -> Iterator[str]:
    for each in design.contrasts:
        pair = f"contrast {each.first} - {each.second}/{each.split}"
        unknown = [name for name in (each.first, each.second) if name not in design.names]
        if unknown:
            yield f"{pair}: no arm {unknown[0]!r}"
            continue
        yield from (f"{pair}: {what}" for what in _of_contrast(design, each))
    keys = Counter((each.first, each.second, each.split) for each in design.contrasts)
    yield from (f"contrast {one} - {other}/{split}: twice" for (one, other, split), n in keys.items() if n > 1)
    compared = {name for each in design.contrasts for name in (each.first, each.second)}
    for arm in design.arms:
        if arm.role == "control" and arm.name not in compared:
            yield f"control {arm.name!r}: is compared with nothing, so it rules nothing out"


def _of_contrast(design: Design, each: Contrast) -> Iterator[str]:
    for name in (each.first, each.second):
        if each.split not in design.arm(name).splits:
            yield f"{name} is not measured on {each.split}"
    if not _PLAIN.fullmatch(each.factor):
        yield f"{_TEXT} as its factor"
    found = design.differing(each.first, each.second)
    if not found or set(found) != set(each.varies):
        declared, differ = (", ".join(names) or "nothing" for names in (each.varies, found))
        yield f"declares that {declared} varies, and the arms differ in {differ}"


def _claims(design: Design) -> Iterator[str]:
    family = {(each.first, each.second, each.split) for each in design.contrasts if each.family}
    for claim in design.claims:
        yield from (f"claim {claim.text!r}: {what}" for what in _of_claim(design, claim, family))


def _of_claim(design: Design, claim: Claim, family: set[tuple[str, str, str]]) -> Iterator[str]:
    if not _PLAIN.fullmatch(claim.text):
        yield f"{_TEXT} as its text"
    if not claim.over:
        yield "is ahead of nothing; expected arms that it is compared with"
    if claim.split not in MEASURED:
        yield f"split is {claim.split!r}; expected one that no step learns from: {', '.join(MEASURED)}"
    if not 1 <= claim.rung <= RUNGS:
        yield f"rung is {claim.rung!r}; expected one of the ladder, from 1"
    for other in claim.over:
        if (claim.first, other, claim.split) not in family:
            yield f"no contrast {claim.first} - {other}/{claim.split} of the family"
        elif not (design.arm(claim.first).recipe and design.arm(other).recipe):
            yield f"{claim.first} and {other} are not both trained, so the luck of trainings cannot be told"
