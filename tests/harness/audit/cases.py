"""A fixture in two amounts for every way in which a check can fire: one change apart, it fires and it does not.

An honest run has 120 test problems of two labels in three strata, and 80 harder ones; see ``results``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.audit import audit
from tests.harness.audit import changes as by
from tests.harness.audit.results import Made, Row, honest, table


def nothing_differs(amount: Any) -> Sequence[str] | None:  # noqa: ARG001 - the signature of Case.mismatches
    """Every number follows from the rows."""
    return []


@dataclass(frozen=True)
class Case:
    """A change in two amounts: with ``trips`` the check fires, with ``spares`` it does not."""

    check: str
    about: str
    made: Callable[[Any], Made]
    """The run with the change in an amount."""
    trips: Any
    spares: Any
    weight: str = "block"
    """What the check weighs with ``trips``."""
    spared: str = "none"
    """What it weighs with ``spares``."""
    status: str = "fail"
    """What it says with ``trips``."""
    counts: bool = False
    """Whether the run is known as a table of counts alone."""
    mismatches: Callable[[Any], Sequence[str] | None] = nothing_differs

    @cached_property
    def tripped(self) -> Row:
        """The audit of the run in which the check fires."""
        return self.audit(self.trips)

    @cached_property
    def spared_run(self) -> Row:
        """The audit of the run in which it does not."""
        return self.audit(self.spares)

    def audit(self, amount: Any) -> Row:
        """The audit of the run."""
        run = self.made(amount)
        return audit(table(run) if self.counts else run.result(), self.mismatches(amount))


def after(change: by.Change, **made: Any) -> Callable[[Any], Made]:
    """An honest run after a change; ``made`` are keywords of ``honest``."""

    def run(amount: Any) -> Made:
        run = honest(**{"seeds": 1, **made})
        change(run, amount)
        return run

    return run


def after_of_size(change: by.Change, split: str) -> Callable[[Any], Made]:
    """An honest run with ``amount`` problems in a split, after a change."""

    def run(amount: int) -> Made:
        run = honest(seeds=1, sizes={split: amount})
        change(run, amount)
        return run

    return run


def honestly(amount: Any) -> Made:  # noqa: ARG001 - the signature of Case.made
    """An honest run, whatever the amount."""
    return honest(seeds=1)


def by_teacher_lead(amount: int) -> Made:
    """An honest run in which the taught teacher gets ``amount`` problems right that the untaught one does not."""
    return honest(wrong={"test": {"teacher-base": 3 + amount}})


BASE, LORA, TAUGHT = "student-base", "student-lora", "teacher-strategy"
HARD = "the harder problems"

OF_SCORES = (
    Case("constant-score", "answers", after(by.constant(BASE)), 2, 3),
    Case("constant-score", "a constant in few answers", after(by.few_answers), 20, 19),
    Case("constant-score", HARD, after(by.constant(BASE, "harder")), 1, 2, "warn"),
    Case("constant-score", "a student that is told", after(by.constant("student-prompted")), 2, 3, "warn"),
    Case("constant-score", "a control", after(by.constant("lora-shuffled")), 2, 3, "note"),
    Case("constant-score", "most trainings", after(by.constant_in_trainings, seeds=3), 2, 1, spared="warn"),
    Case("constant-score", "free-form answers", after(by.freely(by.constant(BASE))), 2, 3),
    Case("constant-score", "counts by stratum", after(by.wrong(BASE)), 60, 59, spared="note", counts=True),
    Case("constant-score", "counts in all", after(by.wrong_in_all), 60, 59, "block", "note", "unknown", True),
    Case("no-information", "answers", after(by.wrong(LORA)), 49, 48, spared="note"),
    Case("no-information", "the opposite of the truth", after(by.wrong(LORA)), 110, 10, spared="note"),
    Case("no-information", "blank replies", after(by.blank(LORA)), 50, 40, spared="note"),
    Case("no-information", "the taught teacher", after(by.wrong(TAUGHT)), 49, 48, "warn", "note"),
    Case("no-information", HARD, after(by.wrong(LORA, "harder")), 31, 30, "warn", "note"),
    Case("no-information", "most trainings", after(by.blind_in_trainings, seeds=3), 2, 1, spared="warn"),
    Case("no-information", "free-form answers", after(by.freely(by.wrong(LORA))), 50, 49, spared="note"),
    Case(
        "no-information", "several right answers", after(by.freely(by.right_otherwise)), 1, 0, "warn", "note", "unknown"
    ),
    Case("below-trivial", "answers", after(by.wrong(LORA)), 38, 37, spared="note"),
    Case("below-trivial", "most trainings", after(by.in_trainings, seeds=3), 2, 1, spared="warn"),
    Case("below-trivial", "the taught teacher", after(by.wrong(TAUGHT)), 38, 37, "warn", "note"),
    Case("below-trivial", HARD, after(by.wrong(LORA, "harder")), 24, 23, "warn", "note"),
    Case("below-trivial", "a student that is told", after(by.wrong("student-prompted")), 38, 37, "note"),
    Case("below-trivial", "counts", after(by.wrong(LORA)), 38, 25, spared="note", counts=True),
    Case("below-trivial", "counts, by their overlap", after(by.wrong(LORA)), 37, 25, "block", "note", "unknown", True),
    Case("below-trivial", "the commonest label of the stratum", after(by.by_truth), 120, 60, spared="note"),
    Case("below-trivial", "the commonest free-form answer", after(by.freely(by.by_truth)), 120, 60, spared="note"),
    Case("below-trivial", "the label in the text", after(by.said_in_text), 120, 60, spared="note"),
    Case("below-trivial", "a free-form truth in the text", after(by.freely(by.said_in_text)), 1, 0, "note", "note"),
    Case("below-trivial", "no rule of a free-form task", after(by.freely(by.unruled)), 1, 0, "warn", "note", "unknown"),
    Case("imbalance", "a majority", lambda n: honest(seeds=1, firsts={"test": n}), 73, 72),
    Case("imbalance", HARD, lambda n: honest(seeds=1, firsts={"harder": n}), 49, 48, "warn"),
    Case("imbalance", "a small minority", lambda n: honest(seeds=1, sizes={"test": n}), 59, 60),
    Case("imbalance", "a majority of a stratum", after(by.stratum), (29, 11), (28, 12)),
    Case("imbalance", "a stratum of one label", after(by.stratum), (10, 0), (9, 0)),
    Case("imbalance", "small strata of one label", after(by.strata), [(6, 0), (6, 0)], [(3, 3), (3, 3)]),
    Case("imbalance", "small strata that tell their label", after(by.strata), [(6, 0), (0, 6)], [(5, 1), (1, 5)]),
    Case("imbalance", "few free-form problems", after_of_size(by.freely(by.nothing), "test"), 59, 60),
    Case("imbalance", "few harder free-form problems", after_of_size(by.freely(by.nothing), "harder"), 59, 60, "warn"),
)

OF_CONDITIONS = (
    Case("unparsed", "2% are blank", after(by.blank(LORA)), 3, 2, "warn"),
    Case("unparsed", "5% are blank", after(by.blank_everywhere), 7, 6, spared="warn"),
    Case("unparsed", "a refusal counts", after(by.blank(LORA, kind="refused")), 7, 2),
    Case("unparsed", "a cut reply counts", after(by.blank(LORA, kind="truncated")), 7, 2),
    Case("unparsed", HARD, after(by.blank(LORA, "harder")), 5, 1, "warn"),
    Case("unparsed", "no comparison depends on it", after(by.blank("lora-labels")), 20, 2, "warn"),
    Case("unparsed", "a comparison depends on it", after(by.blank("lora-labels")), 40, 38, spared="warn"),
    Case("unparsed", "rates differ", after(by.blank_beside_a_small_lead), 5, 4, spared="warn"),
    Case("unparsed", "rates differ outside the family", after(by.blank(BASE)), 5, 2, "warn"),
    Case("errors-present", "a call failed", after(by.ends(LORA)), "failed", "unparsed"),
    Case("errors-present", HARD, after(by.ends(LORA, "harder")), "failed", "unparsed", "warn"),
    Case(
        "errors-present", "while the teacher learned", after(by.ends("bootstrap", "reflect")), "failed", "cut", "warn"
    ),
    Case("errors-present", "worked solutions", after(by.unsolved), 1, 0, "warn"),
    Case("errors-present", "solutions nobody knows of", after(by.unaccounted), 1, 0, status="unknown"),
    Case("coverage", "fewer problems", after(by.cut(LORA)), 1, 0),
    Case("coverage", HARD, after(by.cut(LORA, "harder")), 1, 0, "warn"),
    Case("coverage", "a smaller plan", after(by.in_plan("limit")), 119, 120),
    Case("coverage", "an arm is missing", after(by.cut("lora-labels")), 120, 0),
    Case("coverage", "a training seed is missing", after(by.cut(LORA, seed=1), seeds=2), 120, 0),
    Case("coverage", "more trainings than planned", after(by.in_plan("training_seeds"), seeds=2), 1, 2),
    Case("coverage", "an arm that is not planned", after(by.unplanned_arm), 120, 0),
    Case("coverage", "a split that is not planned", after(by.unplanned_split), 80, 0),
    Case("coverage", "fewer problems to learn from", after(by.fewer("train")), 1, 0),
    Case("prompt-mismatch", "the wording", after(by.in_items(BASE, "wording_sha256")), 1, 0),
    Case("prompt-mismatch", "the prompt", after(by.in_items(BASE, "prompt_sha256")), 1, 0),
    Case("prompt-mismatch", HARD, after(by.in_items(BASE, "prompt_sha256", "harder")), 1, 0, "warn"),
    Case("prompt-mismatch", "the model", after(by.in_items(BASE, "model")), 1, 0),
    Case("prompt-mismatch", "stages in words of their own", after(by.in_plan("prompts")), "separate", "same"),
    Case("prompt-mismatch", "the strategy for the teacher", after(by.never_told(TAUGHT)), 120, 119),
    Case("prompt-mismatch", "the strategy for the student", after(by.never_told("student-prompted")), 120, 119),
    Case("prompt-mismatch", "while it learned", after(by.never_told("bootstrap", "reflect")), 20, 19, "warn"),
    Case("prompt-mismatch", "no identity", after(by.identified("student")), None, {"model": "m"}, status="unknown"),
    Case("prompt-mismatch", "an empty identity", after(by.identified("teacher")), {}, {"model": "m"}, status="unknown"),
    Case("model-drift", "in an arm", after(by.in_items(LORA, "model")), 1, 0),
    Case("model-drift", "between arms", after(by.in_items(LORA, "model")), 120, 0),
    Case("model-drift", "while the teacher learned", after(by.in_items("bootstrap", "model", "reflect")), 1, 0),
)

OF_PROVENANCE = (
    Case("overlap", "training problems", after(by.shared("train")), 1, 0),
    Case("overlap", "reflection problems", after(by.shared("reflect")), 1, 0),
    Case("overlap", HARD, after(by.shared("train", "harder")), 1, 0, "warn"),
    Case("overlap", "harder problems among the test problems", after(by.shared("test", "harder")), 1, 0, "warn"),
    Case("overlap", "the same data", after(by.shared("train", form="data")), 1, 0),
    Case("overlap", "the same text", after(by.shared("reflect", form="text")), 1, 0),
    Case("overlap", "the same data in another order", after(by.rearranged), (1, 0), (0, 0)),
    Case("overlap", "data of which the order decides", after(by.rearranged), (2, 0), (2, 1)),
    Case("overlap", "the same lines", after(by.lines), "Ann sits beside Bob.", "Ann sits beside Dan."),
    Case("overlap", "a training target", after(by.trained_on(LORA, by.first_of)), "test", "reflect"),
    Case("overlap", "a training target of a harder one", after(by.trained_on(LORA, by.first_of)), "harder", "reflect"),
    Case("overlap", "a training prompt", after(by.trained_on(LORA, by.first_of, "prompt")), "test", "reflect"),
    Case("overlap", "training of a control", after(by.trained_on("lora-naive", by.first_of)), "test", "reflect"),
    Case(
        "overlap",
        "a training target in another order",
        after(by.trained_on(LORA, by.on_its_own_lines)),
        "Ann sits beside Bob.",
        "Ann sits beside Dan.",
    ),
    Case(
        "overlap",
        "a part of a training problem",
        after(by.trained_on(LORA, by.part_of_a_training_problem)),
        " NO. Now 8 9",
        " 8 9",
    ),
    Case(
        "overlap",
        "too short to be looked for in rows",
        after(by.trained_on(LORA, by.too_short)),
        "11 letters.",
        "12 letters..",
        "warn",
        status="unknown",
    ),
    Case("overlap", "a given strategy", after(by.given), "Sort.", None, "warn", status="unknown"),
    Case("overlap", "a given strategy that quotes", after(by.given_quotation), "test", "reflect", spared="warn"),
    Case("overlap", "not compared", after(by.unseen), "train", "", status="unknown"),
    Case("overlap", "quoted by the teacher", after(by.quoted), "test", "reflect"),
    Case("overlap", "too short to be a quotation", after(by.quoted_text), "a problem of", "a problem o", spared="warn"),
    Case("overlap", "problems that are the same", after(by.twins), 7, 6, "warn"),
    Case("overlap", "many problems that are the same", after(by.twins), 25, 24, spared="warn"),
    Case("label-source", "by the verifier", after(by.in_plan("labels")), "verifier", "teacher"),
    Case("label-source", "a foreign answer", after(by.in_training(LORA, "labelled_by_teacher")), 19, 20),
    Case("label-source", "a control", after(by.in_training("lora-naive", "labelled_by_teacher")), 19, 20),
    Case("label-source", "selected answers", after(by.wrong(TAUGHT)), 27, 26, "warn"),
    Case("label-source", "selected by another", after(by.in_training("lora-naive", "right")), 20, 19, "warn"),
    Case("label-source", "not judged", after(by.unjudged), 1, 0, "warn", status="unknown"),
    Case("label-source", "practised by the truth", after(by.practised), 30, 0, "warn"),
    Case("label-source", "nothing known", after(by.untrained), 1, 0, status="unknown"),
    Case("loss-on-prompt", "tokens of a prompt", after(by.in_training(LORA, "supervised_prompt_tokens")), 1, 0),
    Case("loss-on-prompt", "rows without loss", after(by.in_training(LORA, "rows_without_loss")), 1, 0),
    Case("loss-on-prompt", "no loss at all", after(by.in_training(LORA, "supervised_tokens")), 0, 1),
    Case("loss-on-prompt", "cut rows", after(by.in_training(LORA, "truncated_rows")), 1, 0, "warn"),
    Case("loss-on-prompt", "not told", after(by.in_training(LORA, "rows_without_loss")), None, 0, status="unknown"),
    Case("adapter", "another one answered", after(by.in_items(LORA, "adapter_sha256")), 120, 0),
    Case("adapter", "two of them answered", after(by.in_items(LORA, "adapter_sha256")), 1, 0),
    Case("adapter", "one answered for the untrained student", after(by.in_items(BASE, "adapter_sha256")), 120, 0),
    Case("adapter", "no logit changes", after(by.in_training(LORA, "logit_change")), 0, 0.001),
    Case("adapter", "no logit can be seen", after(by.unprobed), 0, 1, status="unknown"),
    Case("adapter", "of another training", after(by.in_training(LORA, "training_seed")), 5, 999, status="unknown"),
    Case("underpowered", "few training seeds", lambda n: honest(seeds=n), 2, 3, "warn"),
    Case("underpowered", "one adapter of several trainings", after(by.same_adapters, seeds=3), 3, 1, "warn"),
    Case("underpowered", "two adapters of three trainings", after(by.same_adapters, seeds=3), 2, 1, "warn"),
    Case("underpowered", "a small difference", after(by.against(TAUGHT, "teacher-base"), seeds=3), 11, 12, "warn"),
    Case("underpowered", "too few differ to find any", by_teacher_lead, 6, 12, "warn"),
    Case("recompute", "a number differs", honestly, ["arms[0].n: says 1"], [], mismatches=lambda given: given),
    Case("recompute", "no rows", honestly, None, [], status="unknown", mismatches=lambda given: given),
)

CASES = (*OF_SCORES, *OF_CONDITIONS, *OF_PROVENANCE)
