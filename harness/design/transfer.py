"""The design ``transfer``: does what a teacher learns in words move into a student by training?

The design of every plan and result that names none, so that it can be read without a plugin. It is offered as plugins
offer theirs, and uses the plugin interface alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from harness.api import Arm, Contrast, Design, DesignSpec, hookimpl

NAME = "transfer"

TRANSFER = Design(
    arms=(
        Arm("student-base", "student", "base", "the student as it comes", splits=("test", "harder", "skills")),
        Arm("teacher-base", "teacher", "untaught", "the teacher without a strategy"),
        Arm("bootstrap", "teacher", "learning", "the teacher while it learns", strategy=True, splits=("reflect",)),
        Arm("teacher-strategy", "teacher", "teacher", "the teacher with the learned strategy", strategy=True),
        Arm(
            "student-prompted", "student", "told", "the student with the learned strategy in its prompt", strategy=True
        ),
        Arm(
            "student-lora",
            "student",
            "treatment",
            "the student trained on the teacher's worked solutions",
            recipe="worked",
            splits=("test", "harder", "skills"),
        ),
        Arm(
            "lora-labels",
            "student",
            "control",
            "trained on the same answers without the work",
            recipe="labels",
            control="standard",
            rules_out="answers",
        ),
        Arm(
            "lora-naive",
            "student",
            "control",
            "trained on the teacher's work from before it learned",
            recipe="naive",
            control="standard",
            rules_out="prior",
        ),
        Arm(
            "lora-shuffled",
            "student",
            "control",
            "trained on the same texts under other problems",
            recipe="shuffled",
            control="standard",
            rules_out="texts",
        ),
        Arm(
            "lora-random",
            "student",
            "control",
            "trained on answers that are drawn at random",
            recipe="random",
            control="all",
            rules_out="form",
        ),
    ),
    contrasts=(
        Contrast("student-lora", "student-base", "training", ("adapter",), family=True),
        Contrast("student-lora", "lora-labels", "the worked steps", ("adapter",), family=True),
        Contrast("student-lora", "lora-shuffled", "the match of problem and solution", ("adapter",), family=True),
        Contrast("student-lora", "lora-naive", "what the teacher had learned", ("adapter",), family=True),
        Contrast("teacher-strategy", "teacher-base", "the learned strategy in the prompt", ("strategy",), family=True),
        Contrast("student-prompted", "student-base", "the learned strategy in the prompt", ("strategy",)),
        Contrast("student-lora", "student-prompted", "training in place of telling", ("strategy", "adapter")),
        Contrast(
            "student-lora",
            "teacher-strategy",
            "the student in place of its teacher",
            ("answerer", "strategy", "adapter"),
            non_inferiority=True,
        ),
        Contrast("lora-labels", "lora-random", "right answers in place of the form of an answer", ("adapter",)),
        Contrast("student-lora", "student-base", "training", ("adapter",), split="harder"),
        Contrast("student-lora", "student-base", "training", ("adapter",), split="skills", non_inferiority=True),
    ),
)


class NoOptions(BaseModel):
    """It has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@hookimpl
def harness_designs() -> Iterable[DesignSpec[NoOptions]]:
    """The design of the harness itself."""
    return [
        DesignSpec(
            name=NAME,
            summary="A strategy that the teacher learns in words, handed to the student by training, with controls.",
            options=NoOptions,
            create=lambda _: TRANSFER,
        )
    ]
