"""What became of a request: a completion read for an answer, and judged into the row of its arm.

The only place where a completion becomes an outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.api import (
    Answered,
    Completion,
    Failed,
    Message,
    Outcome,
    Problem,
    Refused,
    StepCheck,
    Truncated,
    Truth,
    Unparsed,
    Verifier,
)
from harness.boundary import files


@dataclass(frozen=True, slots=True)
class Trained:
    """Which training an adapter came from, and its digest as it was loaded."""

    seed: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The messages that were sent, and what they would have been without a strategy."""

    messages: Sequence[Message]
    wording: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Item:
    """One problem in one arm: a row of items.jsonl. The text of its completion is untrusted: see thoughts.jsonl."""

    arm: str
    problem: Problem
    truth: Truth
    outcome: Outcome
    correct: bool
    steps: StepCheck | None
    prompt_sha256: str
    """Digest of the messages that were sent."""
    wording_sha256: str
    """Digest of the messages without a strategy: the same for two arms that are asked in the same words."""
    completion: Completion
    adapter: Trained | None = None
    """The adapter that answered; None for a model as it comes."""


class Reader(Protocol):
    """Reads a reply for its answer: a task, or the student's own skills."""

    def parse(self, reply: str) -> str | None:
        """The answer that a reply states, or None."""


def judge(reader: Reader, completion: Completion) -> Outcome:
    """What became of a request. A reply that did not end by itself is never read for an answer."""
    match completion.stop:
        case "error":
            return Failed(completion.error or "no reason given")
        case "refusal":
            return Refused()
        case "length":
            return Truncated()
        case "end":
            label = reader.parse(completion.text)
            return Unparsed() if label is None else Answered(label)


def score(
    arm: str,
    reader: Reader,
    verifier: Verifier,
    problem: Problem,
    truth: Truth,
    asked: Asked,
    completion: Completion,
    adapter: Trained | None = None,
) -> Item:
    """The row of one problem in one arm."""
    outcome = judge(reader, completion)
    correct = isinstance(outcome, Answered) and bool(verifier.check(problem, outcome.label))
    steps = verifier.steps(problem, completion.text) if completion.stop == "end" else None
    sent = files.digest(asked.messages)
    wording = sent if asked.wording is asked.messages else files.digest(asked.wording)
    return Item(arm, problem, truth, outcome, correct, steps, sent, wording, completion, adapter)
