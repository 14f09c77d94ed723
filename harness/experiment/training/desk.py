"""What a trainer that practises works at: the student's samples, the verifier, and the teacher, all of it counted."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from harness.api import (
    ADAPTER_WEIGHTS,
    Adapter,
    CallError,
    Completion,
    Example,
    PluginError,
    Practice,
    Problem,
    Purpose,
    Request,
    Sampling,
    Solve,
    UsageError,
)
from harness.boundary import files
from harness.experiment import returned
from harness.journal import keys
from harness.preflight.components import Components

Ask = Callable[[Request], Completion]
"""Has the teacher answer one request, through the journal."""


class RunDesk:
    """See ``harness.api.Desk``. ``folder`` is where the training works; ``problems`` are those of its rows, by id.

    ``shown`` is entered while the teacher is asked: a training has its keys taken out of the environment.
    """

    def __init__(
        self,
        components: Components,
        name: str,
        folder: Path,
        problems: Mapping[str, Problem],
        ask: Ask,
        shown: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._components, self._name, self._folder = components, name, folder
        self._problems, self._ask, self._shown = problems, ask, shown
        self._digest = hashlib.sha256()
        self._replies = self._tokens = self._checked = self._accepted = 0
        self.asked: dict[str, Purpose] = {}
        """The keys under which the teacher's replies are recorded, with what they were for."""

    def sample(
        self, examples: Sequence[Example], told: bool, adapter: Adapter | None, seed: int, temperature: float = 1.0
    ) -> list[Completion]:
        """See ``harness.api.Desk``."""
        student, named = self._components.student, self._components.named["student"]
        if not isinstance(student, Sampling):
            raise UsageError(f"{named} cannot be sampled; choose one that can")
        requests = [self._request(place, example, told) for place, example in enumerate(examples)]
        made: list[Completion] = []
        for start in range(0, len(requests), student.batch_size):
            batch = requests[start : start + student.batch_size]
            made += returned.replies(named, student.sample(batch, adapter, _drawn(seed, start), temperature), batch)
        for completion in made:
            self._digest.update(hashlib.sha256(completion.text.encode("utf-8", "replace")).digest())
        self._replies += len(made)
        self._tokens += sum(completion.usage.output_tokens for completion in made)
        return made

    def check(self, problem_id: str, reply: str) -> bool | None:
        """See ``harness.api.Desk``."""
        label = self._components.task.parse(reply)
        if label is None:
            return None
        right = bool(self._components.verifier.check(self._problem(problem_id), label))
        self._checked += 1
        self._accepted += right
        return right

    def ask(self, request: Request) -> Completion:
        """See ``harness.api.Desk``."""
        if not isinstance(request, Request):
            raise self._broken("asks something that is no Request")
        with self._shown():
            completion = self._ask(request)
        if completion.stop == "error":
            raise CallError(
                f"the teacher's reply to {request.key} failed ({completion.error}), and the training {self._name} "
                "cannot go on without it. What is recorded is kept; resume tries it again"
            )
        self.asked[keys.practice(self._name, request.key)] = request.context.purpose
        return completion

    def adapter(self, folder: Path) -> Adapter:
        """See ``harness.api.Desk``."""
        weights = folder / ADAPTER_WEIGHTS
        if not weights.resolve().is_relative_to(self._folder.resolve()) or not weights.is_file():
            raise self._broken(f"has no {ADAPTER_WEIGHTS} in the folder of its training where it says that it has one")
        return Adapter(folder, files.file_digest(weights))

    def practice(self, given: Practice | None) -> Practice:
        """What was done at this desk; of what the trainer gives, the divergence is taken."""
        return Practice(
            divergence=given.divergence if given else None,
            replies=self._replies,
            tokens=self._tokens,
            checked=self._checked,
            accepted=self._accepted,
            asked=len(self.asked),
            sha256=self._digest.hexdigest(),
        )

    def _request(self, place: int, example: Example, told: bool) -> Request:
        if told and example.told is None:
            raise self._broken(f"samples {example.problem_id} with a strategy in the prompt, and its row has none")
        messages = example.told if told and example.told else example.prompt
        problem = self._problem(example.problem_id)
        return Request(f"sample/{place:04d}/{problem.id}", messages, Solve(problem, None))

    def _problem(self, problem_id: str) -> Problem:
        if problem_id not in self._problems:
            raise self._broken(f"asks for {problem_id!r}, which is none of its problems")
        return self._problems[problem_id]

    def _broken(self, what: str) -> PluginError:
        return PluginError(f"{self._components.named['trainer']} breaks its contract: it {what}")


def _drawn(seed: int, start: int) -> int:
    """The seed of a batch, that of another one neither here nor with the next seed."""
    return random.Random(f"practice {seed} {start}").getrandbits(63)
