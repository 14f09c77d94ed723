"""The checks of the harness, as data: id, rule, severity, what to do. Their order is that of the audit's table.

Every rule is said here in full; ``docs/audit.md`` has a section for each. To change a rule or a threshold is to change
RULESET.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from harness.api import Evidence, Finding, Severity
from harness.audit.checks import baselines, conditions, provenance

RULESET = "1.2"
"""Version of rules and thresholds. Two audits compare only if it is the same."""


@dataclass(frozen=True, slots=True)
class CoreCheck:
    """A check of the harness itself. See ``harness.api.Check``."""

    id: str
    rule: str
    severity: Severity
    advice: str
    look: Callable[[Evidence], Iterable[Finding]]


def checks(mismatches: Sequence[str] | None) -> tuple[CoreCheck, ...]:
    """All checks of the harness. ``mismatches``: what of a result differs from its rows; None where it has none."""
    recomputed = CoreCheck(
        "recompute",
        "What the result says is what its own rows and files give. Plan, identities, every row, the training data and "
        "the trainings are those of the journal beside it, every file is the one named, and the replies read the same "
        "again. What is missing is unknown; that the plugins of the run are not at hand to read replies warns.",
        "block",
        "Put the files of the run back beside result.json as the run wrote them; harness validate names what differs.",
        partial(provenance.recompute, mismatches=mismatches),
    )
    return (*CHECKS, recomputed)


CHECKS = (
    CoreCheck(
        "constant-score",
        "No arm gives one answer in 98% of its answers (20 or more), or, where only scores are known, gets in every "
        "stratum what a constant answer gets. A control may, and a student that is only told warns.",
        "block",
        "Read the raw replies: a model that always says the same, or a parser that reads the same into everything, was "
        "not measured. Fix the prompt or the parser, and measure again.",
        baselines.constant_score,
    ),
    CoreCheck(
        "no-information",
        "Answers depend on the truth: independence is rejected at 0.05, and the interval of balanced accuracy lies "
        "above chance; where answers are free-form, that of accuracy above what always the most common truth gets. "
        "Blocks for the trained student, unless more than half of its trainings pass; warns for the taught teacher.",
        "block",
        "The arm knows nothing of the task on these problems: claim nothing of it.",
        baselines.no_information,
    ),
    CoreCheck(
        "below-trivial",
        "The paired 95% interval of an arm minus the best trivial rule lies above 0. Among the rules are two of every "
        "task: stratum-majority, the commonest truth among the other problems of the stratum, and, where labels are "
        "closed, label-in-text, the label that stands most often in the problem's text. Blocks for the trained "
        "student, unless more than half of its trainings lie above; warns for the taught teacher. That a free-form "
        "task without a rule of its own is beaten is not known, which warns; how often its truth stands in the text is "
        "noted.",
        "block",
        "A rule without any skill does as well. Measure on a set where it does not, or claim nothing.",
        baselines.below_trivial,
    ),
    CoreCheck(
        "imbalance",
        "No label has over 60% of the problems, or over 70% of a stratum of 10 or more; no such stratum has one label "
        "alone; each label has 30 problems or more. Smaller strata are judged together as one, to which the next "
        "larger are added until it has 10 problems; nor do over 70% of these, with a 95% interval above 60%, have the "
        "commonest label of the others of their own stratum. A set with free-form answers has 60 problems or more.",
        "block",
        "Where a label has too many problems, a constant answer looks like skill: draw a balanced set. Where it or the "
        "set has too few, so does luck: draw a larger one.",
        baselines.imbalance,
    ),
    CoreCheck(
        "unparsed",
        "At most 2% of an arm's replies state no answer (to 5% it warns), and not more in one of two compared arms "
        "than in the other. Only warns where every comparison of the family holds though each blank reply of the arm "
        "it is made against counts as right, and for arms and comparisons outside the family.",
        "block",
        "Read the raw replies; mend prompt or parser, or raise the token limit. Otherwise a gain may be one of form.",
        conditions.unparsed,
    ),
    CoreCheck(
        "errors-present",
        "No call is left failed: a problem without a reply is missing, not wrong. Calls that only the reflection or "
        "the training needed warn.",
        "block",
        "Resume the run until every call has its reply. What the teacher learned and the student was trained on cannot "
        "change any more: where calls of these failed, a new run is needed.",
        conditions.errors_present,
    ),
    CoreCheck(
        "coverage",
        "Every arm of the plan was measured, as often as planned, on as many problems as planned; two arms that are "
        "compared, on the same ones.",
        "block",
        "Measure every arm on every problem of the plan: resume the run, or plan fewer beforehand.",
        conditions.coverage,
    ),
    CoreCheck(
        "prompt-mismatch",
        "Two arms that are compared were asked in the same words and answered by the same model with the same "
        "decoding, but for what the comparison is about. An arm that is told a strategy has it in its prompts.",
        "block",
        "Measure both arms in the same words: otherwise the wording is what is compared. Where a strategy never "
        "reached the prompts, the task's prompt leaves it out.",
        conditions.prompt_mismatch,
    ),
    CoreCheck(
        "overlap",
        "No test problem is the same, in canonical form, data or text, as one that teacher or student learned from, "
        "or differs from one in the order of lists in its data or lines in its text alone, unless order decides in "
        "this task. No test or harder problem stands word for word in what the teacher wrote, or in a row that the "
        "student was trained on. 95% of the problem set differ in each (below 80% it blocks).",
        "block",
        "Draw sets that share no problem in canonical form, data or text, in whatever order, and train on rows that "
        "quote none.",
        provenance.overlap,
    ),
    CoreCheck(
        "label-source",
        "Every training answer is the teacher's, unfiltered by the truth; answers by chance only in the control that "
        "has them by design. Warns where the share of its training answers that are right is above that of its answers "
        "to the test in the same condition, with or without strategy, by over 5 points (lower limit of Newcombe's 95% "
        "interval of two independent shares), unless the test drifts: they seem selected, which the claim then says. "
        "Warns where the verifier judged what the student practised.",
        "block",
        "Train on the teacher's own answers, or call it supervised training rather than transfer. Where they seem "
        "selected, train on all of them, or say how they were chosen.",
        provenance.label_source,
    ),
    CoreCheck(
        "loss-on-prompt",
        "No token of a prompt carries loss, every row has tokens that do, and no row is cut (which warns).",
        "block",
        "Mask the prompt and raise the trainer's length limit.",
        provenance.loss_on_prompt,
    ),
    CoreCheck(
        "adapter",
        "The adapter that answered is the one that was trained, by digest, and it changes a logit on probe prompts; "
        "where the student's logits cannot be seen, a reply to the test.",
        "block",
        "Evaluate the adapter that was trained; one that changes nothing was not applied.",
        provenance.adapter,
    ),
    CoreCheck(
        "model-drift",
        "One model id came back in each arm, and the same in all arms that one model answers.",
        "block",
        "Pin the model to a dated id, and measure the arms anew.",
        conditions.model_drift,
    ),
    CoreCheck(
        "underpowered",
        "Each trained arm has 3 training seeds or more, and no difference of the family is claimed that is smaller "
        "than what the design finds 4 times in 5.",
        "warn",
        "Where there are too few trainings, use --training-seeds 3; where a difference is too small, more problems.",
        provenance.underpowered,
    ),
)
