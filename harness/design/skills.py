"""The student's own skills as a problem set: what it could do before training, and may have lost by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.api import Message, Problem, Skill, StepCheck, Truth

SPLIT = "skills"


class Skills:
    """Reads and checks replies by the one right reply. Stands in for task and verifier on its split."""

    def __init__(self, skills: Sequence[Skill]) -> None:
        self.problems: list[Problem] = []
        self._by_id: Mapping[str, Skill] = {f"{SPLIT}/{index:04d}": skill for index, skill in enumerate(skills)}
        for name, skill in self._by_id.items():
            text = "\n".join(message.text for message in skill.prompt)
            self.problems.append(Problem(name, SPLIT, skill.name, {"prompt": text}, text))

    def prompt(self, problem: Problem) -> tuple[Message, ...]:
        """The messages of a skill."""
        return self._by_id[problem.id].prompt

    def parse(self, reply: str) -> str | None:
        """The reply itself; None for a blank one."""
        return reply.strip() or None

    def truth(self, problem: Problem) -> Truth:
        """The right reply is its own witness."""
        return Truth(self._by_id[problem.id].reply.strip(), {}, "the one right reply")

    def check(self, problem: Problem, label: str) -> bool:
        """Whether the reply is the right one."""
        return label == self.truth(problem).label

    def steps(self, problem: Problem, reply: str) -> StepCheck | None:  # noqa: ARG002 - the verifier's signature
        """A skill has no steps."""
        return None
