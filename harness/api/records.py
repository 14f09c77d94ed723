"""The values that travel between plugins and harness: frozen, made of plain data, without behaviour of their own.

Everything that is written to a run directory is one of these, or made from them. Nothing here knows a task, a vendor or
a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What JSON can say."""

Role = Literal["system", "user", "assistant"]
Stop = Literal["end", "length", "refusal", "error"]
Purpose = Literal["solve", "reflect", "distil", "demonstrate"]

LATER = {"written": "unless default"}
"""Metadata of a field that came later: left out of what is written where it has its default, as before."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a task. Its truth is not part of it: that is the verifier's to say."""

    id: str
    """Unique in a run: split and position, such as ``test/0017``."""
    split: str
    stratum: str
    data: Mapping[str, Json]
    """The task's own description of the problem, as JSON."""
    canonical: str
    """A form that two problems share exactly if they are the same problem in another dress."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The right answer, and why it is right."""

    label: str
    witness: Mapping[str, Json]
    """Evidence that can be checked without solving the problem again."""
    reason: str
    """The witness in one sentence, as feedback to a teacher."""


@dataclass(frozen=True, slots=True)
class Worked:
    """A solution with its steps written out. ``text`` ends with ``label`` stated in the form that the task asks for."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class StepCheck:
    """What a reply's written steps say of a quantity on the way to the answer, and what is true of it."""

    claimed: Json
    true: Json


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one completion took."""

    input_tokens: int = 0
    """All of the prompt, cached or not."""
    output_tokens: int = 0
    """All that was written, thinking included."""
    thinking_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    batched: bool = False
    """Whether it was billed as part of a batch."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back for one request. ``text`` is untrusted; unless ``stop`` is ``end`` it is no answer."""

    key: str
    text: str
    stop: Stop
    model: str
    """The model id as the provider returned it."""
    usage: Usage = Usage()
    error: str | None = None
    """Class and status of the failure; set exactly when ``stop`` is ``error``."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply states one label."""

    label: str
    kind: Literal["answered"] = field(default="answered", init=False)


@dataclass(frozen=True, slots=True)
class Unparsed:
    """The reply is whole and states no label, or more than one."""

    kind: Literal["unparsed"] = field(default="unparsed", init=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The model declined to answer."""

    kind: Literal["refused"] = field(default="refused", init=False)


@dataclass(frozen=True, slots=True)
class Truncated:
    """The reply was cut at its length limit."""

    kind: Literal["truncated"] = field(default="truncated", init=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """No reply came."""

    error: str
    kind: Literal["failed"] = field(default="failed", init=False)


Outcome = Answered | Unparsed | Refused | Truncated | Failed
"""What became of one problem in one arm. Only ``Answered`` has a label; nothing turns the others into one."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A problem that was tried, with its feedback: what a reflection may look at."""

    problem: Problem
    reply: str
    outcome: Outcome
    truth: Truth
    correct: bool
    """As the verifier judges the answer: a free-form task may have several right ones."""


@dataclass(frozen=True, slots=True)
class Solve:
    """The context of a request to solve a problem. It holds no truth."""

    problem: Problem
    strategy: str | None
    purpose: Literal["solve", "demonstrate"] = "solve"


@dataclass(frozen=True, slots=True)
class Reflect:
    """The context of a request to reflect on a batch."""

    attempts: tuple[Attempt, ...]
    strategy: str
    by: Literal["teacher", "student"] = "teacher"
    """Whose attempts they are: the teacher's, with the strategy in its prompt, or of a student that was taught it."""
    purpose: Literal["reflect"] = field(default="reflect", init=False)


@dataclass(frozen=True, slots=True)
class Distil:
    """The context of a request to distil journal entries into a strategy."""

    entries: tuple[str, ...]
    strategy: str
    purpose: Literal["distil"] = field(default="distil", init=False)


Context = Solve | Reflect | Distil


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to a teacher or a student."""

    key: str
    """Unique in a run, and the same in every run of one plan."""
    messages: tuple[Message, ...]
    context: Context
    """The structure behind the messages: a simulated teacher reads it in place of the text; no other sees it."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What the teacher wrote after one batch."""

    batch: int
    correct: int
    n: int
    strategy: str
    """Id of the strategy that the batch was solved with."""
    text: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy text with its descent."""

    id: str
    text: str
    parent: str | None
    after_batch: int
    """How many batches had been seen when it was written; 0 for the one that learning starts from."""
    correct: int = 0
    n: int = 0
    """Score of the batches since the parent was written, under the parent."""
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Skill:
    """Something that a student could do before any training, and should still be able to do after it."""

    name: str
    prompt: tuple[Message, ...]
    reply: str
    """The one right reply."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row of training data: the student's prompt and the reply to learn."""

    problem_id: str
    prompt: tuple[Message, ...]
    target: str
    label: str | None
    """The label that the target states."""
    label_source: Literal["teacher", "verifier", "chance"]
    told: tuple[Message, ...] | None = field(default=None, metadata=LATER)
    """The prompt with the strategy in it, for a trainer that has the student answer it; None where it needs none."""
    weight: float = field(default=1.0, metadata=LATER)
    """How much its loss counts beside that of a row of weight 1; above 0."""


@dataclass(frozen=True, slots=True)
class Practice:
    """What a trainer had the student practise. The counts are the harness's own, whatever the trainer gives."""

    divergence: float | None = None
    """How far the trained student is from where it began, as the trainer measures it; None where it does not say."""
    replies: int = 0
    """Replies that the student wrote, and their tokens."""
    tokens: int = 0
    checked: int = 0
    """Replies that the verifier judged, and those of them that it found right."""
    accepted: int = 0
    asked: int = 0
    """Requests to the teacher."""
    sha256: str = ""
    """Digest of all replies."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a training did."""

    settings: Mapping[str, Json]
    """Hyper-parameters as they were used."""
    examples: int
    steps: int
    losses: tuple[float, ...]
    """Mean loss per supervised token, one value per epoch."""
    supervised_tokens: int
    """Tokens that carry loss, over one pass of the data."""
    prompt_tokens: int
    """Tokens that carry none, over one pass."""
    truncated_rows: int
    seconds: float
    peak_memory_bytes: int
    supervised_prompt_tokens: int | None = None
    """Tokens of the prompt that carry loss, which should be none; None where the trainer does not say."""
    rows_without_loss: int | None = None
    """Rows of which no token carries loss; None where the trainer does not say."""
    practice: Practice | None = field(default=None, metadata=LATER)
    """What the student practised; None where it did not."""


Severity = Literal["block", "warn", "note"]
Status = Literal["fail", "unknown", "pass", "not-applicable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What an audit check says of one subject."""

    subject: str
    """What was looked at: an arm and split (``student-lora/test``), a contrast, a split, or ``run``."""
    status: Status
    text: str
    """One sentence with the figures. It holds no text that a model wrote."""
    severity: Severity | None = None
    """Where it weighs less for this subject than the check does in general."""
    split: str | None = None
    """The split that it is about, if it is about one. A fault on ``harder`` withholds the claim that rests on it."""


ADAPTER_WEIGHTS = "adapter_model.safetensors"
"""The weights file of an adapter folder. No other format is loaded."""
ADAPTER_CARD = "README.md"
"""The model card of an adapter folder: its one file that changes later, when the results are known."""
CARD_RESULTS, CARD_END = "<!-- results -->", "<!-- end of results -->"
"""Lines of the card between which the harness writes what the adapter scored."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A trained adapter on disk."""

    folder: Path
    sha256: str
    """Digest of its weights file."""
