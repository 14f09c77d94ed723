"""Arms and contrasts that every design of this plugin has: the student before, the teacher, the usual controls."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api import Arm, Contrast, Demonstrate, Examine, Learn, Step, Train

BASE = Arm("student-base", "student", "base", "the student as it comes", splits=("test", "skills"))
UNTAUGHT = Arm("teacher-base", "teacher", "untaught", "the teacher without a strategy")
TAUGHT = Arm("teacher-strategy", "teacher", "teacher", "the teacher with the learned strategy", strategy=True)
LEARNING = Arm("bootstrap", "teacher", "learning", "the teacher while it learns", strategy=True, splits=("reflect",))
LABELS = Arm(
    "labels",
    "student",
    "control",
    "trained on the same answers without the work",
    recipe="labels",
    control="standard",
    rules_out="answers",
)
NAIVE = Arm(
    "naive",
    "student",
    "control",
    "trained on the teacher's work from before it learned",
    recipe="naive",
    control="standard",
    rules_out="prior",
)
SHUFFLED = Arm(
    "shuffled",
    "student",
    "control",
    "trained on the same texts under other problems",
    recipe="shuffled",
    control="standard",
    rules_out="texts",
)
CONTROLS = (LABELS, NAIVE, SHUFFLED)


def opening(strategy: str) -> list[Step]:
    """What comes first: student and teacher as they come, the lesson, and the taught teacher."""
    return [
        Examine(BASE.name, BASE.splits),
        Examine(UNTAUGHT.name, UNTAUGHT.splits),
        Learn(strategy, LEARNING.name, "reflect"),
        Examine(TAUGHT.name, TAUGHT.splits, strategy=strategy),
    ]


def untaught(taught: Demonstrate) -> Demonstrate:
    """Worked solutions of the same problems by the teacher as it comes.

    They are written before anyone is trained on the taught ones: a problem that lacks one of both is left out of every
    training.
    """
    name = f"{taught.solutions}-naive"
    return Demonstrate(name, NAIVE.name, taught.problems, None, taught.window, taught.wrong_of)


def controls(solutions: Sequence[str], naive: Sequence[str], in_turn: bool = False) -> tuple[Step, ...]:
    """The usual controls, trained and measured: on these worked solutions, and on those of the untaught teacher."""
    trained = [
        Train(LABELS.name, LABELS.name, tuple(solutions), in_turn),
        Train(NAIVE.name, NAIVE.name, tuple(naive)),
        Train(SHUFFLED.name, SHUFFLED.name, tuple(solutions), in_turn),
    ]
    return tuple(step for each in trained for step in (each, Examine(each.arm, ("test",), adapter=each.adapter)))


def contrasts(treatment: str, trained: str | None = None) -> tuple[Contrast, ...]:
    """What every treatment is compared with. ``trained``: who is asked for its own skills, if another."""
    return (
        Contrast(treatment, BASE.name, "training", ("adapter",), family=True),
        Contrast(treatment, LABELS.name, "the worked steps", ("adapter",), family=True),
        Contrast(treatment, SHUFFLED.name, "the match of problem and solution", ("adapter",), family=True),
        Contrast(treatment, NAIVE.name, "what the teacher had learned", ("adapter",), family=True),
        Contrast(TAUGHT.name, UNTAUGHT.name, "the learned strategy in the prompt", ("strategy",), family=True),
        Contrast(
            treatment,
            TAUGHT.name,
            "the student in place of its teacher",
            ("answerer", "strategy", "adapter"),
            non_inferiority=True,
        ),
        Contrast(trained or treatment, BASE.name, "training", ("adapter",), split="skills", non_inferiority=True),
    )
