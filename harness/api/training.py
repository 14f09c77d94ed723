"""What trainers and students may be able to do besides, and the model that they share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from harness.api.protocols import OnStep, Student
from harness.api.records import Adapter, Completion, Example, Message, Request, Stop, TrainingReport

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@runtime_checkable
class Continuing(Protocol):
    """What a trainer may be able to do besides: to train an adapter further."""

    def train_further(
        self,
        student: Student,
        start: Adapter,
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        on_step: OnStep,
    ) -> TrainingReport:
        """As ``train``, from the weights of an adapter, which stays as it was.

        Raises UsageError for an adapter of another form than this trainer makes.
        """


class Desk(Protocol):
    """What a trainer that practises works at: its way to the student's replies, to the truth and to the teacher."""

    def sample(
        self, examples: Sequence[Example], told: bool, adapter: Adapter | None, seed: int, temperature: float = 1.0
    ) -> list[Completion]:
        """A reply of the student to each row's prompt, drawn at random by the seed; ``told``: with the strategy in it.

        A model that was lent must have been given back before.
        """

    def check(self, problem_id: str, reply: str) -> bool | None:
        """Whether a reply to a problem of the rows is right; None where it states no answer. Counts as supervision."""

    def ask(self, request: Request) -> Completion:
        """Has the teacher answer, once for each key, in this training and its resume.

        Raises CallError where no reply came, and BudgetError at the limit of the run: let them pass.
        """

    def adapter(self, folder: Path) -> Adapter:
        """The adapter that the trainer has saved there, in the folder of its training."""


@runtime_checkable
class Practising(Protocol):
    """What a trainer may be able to do besides: to have the student practise while it is trained."""

    def practise(
        self, student: Student, desk: Desk, examples: Sequence[Example], seed: int, folder: Path, on_step: OnStep
    ) -> TrainingReport:
        """Called in place of ``train``, as that. The same seed and the same replies train the same adapter."""


@runtime_checkable
class Sampling(Protocol):
    """What a student may be able to do besides: to reply at random."""

    def sample(
        self, requests: Sequence[Request], adapter: Adapter | None, seed: int, temperature: float
    ) -> list[Completion]:
        """One completion per request, in order, each drawn from the model. The same seed draws the same replies."""


@runtime_checkable
class Probing(Protocol):
    """What a student may be able to do besides: to show that an adapter does something, by its logits."""

    def probe(self, requests: Sequence[Request], adapter: Adapter) -> float:
        """The largest absolute change of a next-token logit that the adapter makes on these prompts."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One training row as tokens: the prompt, then the reply through the token that ends it."""

    ids: tuple[int, ...]
    prompt_tokens: int
    """How many of ``ids`` are prompt, and so carry no loss."""
    truncated: bool
    weight: float = 1.0
    """How much its loss counts."""

    @property
    def supervised_tokens(self) -> int:
        """Tokens that carry loss."""
        return len(self.ids) - self.prompt_tokens


class Tokens(Protocol):
    """Token ids of messages and replies, as a model was taught to read and write them."""

    @property
    def pad(self) -> int:
        """The id that fills up a shorter row of a batch. It may occur in a text, so padding is told by a mask."""

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The ids of a prompt, up to where the reply begins."""

    def row(self, example: Example, max_length: int) -> TokenRow:
        """The ids of a training row, cut at ``max_length``.

        Raises UnfitError where it cannot be written whole, and UsageError where the cut leaves nothing of the reply.
        """

    def reply(self, ids: Sequence[int]) -> tuple[str, Stop, int]:
        """Generated ids as text, why they stop, and how many there are without the padding after their end."""


@runtime_checkable
class LocalModel(Protocol):
    """What a student may be besides: a model of transformers whose weights are here, for a trainer to work with."""

    def chat(self) -> Tokens:
        """Its tokens. Loads no weights."""

    def blank(self) -> PreTrainedModel:
        """The model without its values; whoever puts something on it takes it off again."""

    def lend(self) -> AbstractContextManager[PreTrainedModel]:
        """The loaded model without any adapter, in evaluation mode; whoever borrows it takes off what they put on."""

    def memory(self) -> int | None:
        """Bytes of its GPU that may be used; None on a CPU."""

    def release(self) -> None:
        """Frees the memory that it takes until it is needed again."""
