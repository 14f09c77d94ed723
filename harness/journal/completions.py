"""What the records of a journal hold, by their keys: checked on the way in, and read strictly on the way out.

The one place that knows the form of a recorded value. Whoever works with one can rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from harness.api import Completion, HarnessError, JournalError, Practice, Purpose, Stop, TrainingReport, Usage
from harness.boundary import files
from harness.boundary.text import one_line, shortened
from harness.journal import keys

MOST_TOKENS = 10**12
MOST = 1e15
"""No time, cost or loss is as large."""
LONGEST = 200
"""Characters of what is wrong that are told."""

Count = Annotated[int, Field(ge=0, lt=MOST_TOKENS)]
Amount = Annotated[float, Field(ge=0, lt=MOST)]
Number = Annotated[float, Field(gt=-MOST, lt=MOST)]
Object = dict[str, JsonValue]


class _Form(BaseModel):
    """A recorded object: with these fields and no others, and nothing taken for something else."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class _Usage(_Form):
    input_tokens: Count
    output_tokens: Count
    thinking_tokens: Count
    cache_read_tokens: Count
    cache_write_tokens: Count
    batched: bool


class _Completion(_Form):
    key: str
    text: str
    stop: Stop
    model: str
    usage: _Usage
    error: str | None


class _Batch(_Form):
    completions: list[_Completion]
    seconds: Amount


class _Practice(_Form):
    divergence: Number | None
    replies: Count
    tokens: Count
    checked: Count
    accepted: Count
    asked: Count
    sha256: str


class _Report(_Form):
    settings: Object
    examples: Count
    steps: Count
    losses: list[Number]
    supervised_tokens: Count
    prompt_tokens: Count
    truncated_rows: Count
    seconds: Amount
    peak_memory_bytes: Annotated[int, Field(ge=0, lt=2**63)]
    supervised_prompt_tokens: Count | None
    rows_without_loss: Count | None
    practice: _Practice | None = None


class _Training(_Form):
    adapter: str
    files: dict[str, str]
    report: _Report
    asked: dict[str, Purpose] = {}


class _Student(_Form):
    identity: Object
    batch_size: Annotated[int, Field(ge=1, lt=MOST_TOKENS)]


class _Identity(BaseModel):
    """Later versions may record more of a run than this one knows."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    teacher: Object | None
    student: _Student | None
    trainer: Object | None
    sources: dict[str, str | None] | None = None


class _Sending(_Form):
    key: str
    attempt: Annotated[int, Field(ge=1, lt=MOST_TOKENS)]
    worst_cost: Amount | None


class _Failed(_Form):
    key: str
    attempt: Annotated[int, Field(ge=1, lt=MOST_TOKENS)]
    error: Any
    billed: bool
    usage: _Usage | None


class _Note(_Form):
    name: str
    value: Any


class _Dropped(_Form):
    key: str
    value: JsonValue


COMPLETION: TypeAdapter[Any] = TypeAdapter(_Completion)
BATCH: TypeAdapter[Any] = TypeAdapter(_Batch)
BY_KEY: Mapping[str, TypeAdapter[Any]] = {
    keys.PLAN: TypeAdapter(str),
    keys.IDENTITY: TypeAdapter(_Identity),
    keys.SENDING: TypeAdapter(_Sending),
    keys.FAILED: TypeAdapter(_Failed),
    keys.NOTE: TypeAdapter(_Note),
    keys.DROPPED: TypeAdapter(_Dropped),
}
BY_BEGINNING: Mapping[str, TypeAdapter[Any]] = {
    keys.TRAININGS: TypeAdapter(_Training),
    keys.PROBES: TypeAdapter(Number),
    keys.UNFIT: TypeAdapter(dict[str, str]),
}


def require(path: Path, key: str, given: Mapping[str, str], value: Any) -> None:
    """Checks a record that was read from a file: whether its value has the form that its key and its input stand for.

    A key that nothing is known of may hold anything. Raises JournalError, naming file and key.
    """
    wrong = None
    if not all(isinstance(digest, str) for digest in given.values()):
        wrong = "its input is no digests"
    wrong = wrong or _wrong(_form(key, given), key, value)
    if wrong is not None:
        raise JournalError(f"{path}: {_told(key, wrong)}")


def require_recordable(key: str, value: Any) -> None:
    """Checks a value before it is recorded, where its key says what it must be; for completions see ``recordable``.

    Raises HarnessError: what no reader would take must not get into a journal.
    """
    form = _form(key, {})
    wrong = None if form is None else _wrong(form, key, files.plain(value))
    if wrong is not None:
        raise HarnessError(one_line(f"{key}: a plugin gave what cannot be recorded ({wrong}); its plugin is broken"))


def recordable(completion: Completion) -> dict[str, Any]:
    """A completion as JSON data. Half of a surrogate pair cannot be written as UTF-8 and becomes ``?``.

    Raises HarnessError for one that no journal may hold: with an unknown stop, or a count out of range.
    """
    value = files.fields(completion) | {"usage": files.fields(completion.usage)}
    for name in ("text", "model", "error"):
        if isinstance(value[name], str) and not value[name].isascii():
            value[name] = value[name].encode("utf-8", "replace").decode("utf-8")
    try:
        COMPLETION.validate_python(value)
    except ValidationError as error:
        told = _first(error.errors(include_url=False))
        raise HarnessError(
            one_line(f"the reply to {completion.key} has a stop, a text or a count that no reply can have ({told})")
        ) from None
    return value


def restored(value: Mapping[str, Any]) -> Completion:
    """A completion from its JSON data, as the journal holds it."""
    return Completion(**{**value, "usage": Usage(**value["usage"])})


def restored_batch(key: str, value: Mapping[str, Any], asked: Sequence[str]) -> list[Completion]:
    """The completions of a student's batch. Raises JournalError where they are not those of the requests, in order."""
    made = [restored(completion) for completion in value["completions"]]
    if [completion.key for completion in made] != list(asked):
        raise JournalError(_told(key, "its replies are not those to what was asked"))
    return made


def restored_report(value: Mapping[str, Any]) -> TrainingReport:
    """The report of a training, from the value of its record."""
    report = {**value["report"], "losses": tuple(value["report"]["losses"])}
    if report.get("practice") is not None:
        report["practice"] = Practice(**report["practice"])
    return TrainingReport(**report)


def _form(key: str, given: Mapping[str, str]) -> TypeAdapter[Any] | None:
    """What the value of a record must be; None where nothing is known of it."""
    if key in BY_KEY:
        return BY_KEY[key]
    for beginning, form in BY_BEGINNING.items():
        if key.startswith(beginning):
            return form
    if {"model", "messages"} <= given.keys():
        return BATCH if "adapter" in given else COMPLETION
    return None


def _wrong(form: TypeAdapter[Any] | None, key: str, value: Any) -> str | None:
    """What is wrong with a value, or None."""
    if form is None:
        return None
    try:
        if not key.startswith(keys.LEDGER):  # what a provider said of a failure goes into no file of the result
            files.canonical([key, value]).encode()
        form.validate_python(value)
    except UnicodeEncodeError:
        return "half of a surrogate pair is no text"
    except ValidationError as error:
        return shortened(_first(error.errors(include_url=False)), LONGEST)
    except (ValueError, TypeError, RecursionError) as error:
        return shortened(str(error), LONGEST)
    return None


def _first(errors: Sequence[ErrorDetails]) -> str:
    """The first thing that is wrong with a value, by its place."""
    place = ".".join(map(str, errors[0]["loc"]))
    return f"{place}: {errors[0]['msg']}" if place else errors[0]["msg"]


def _told(key: str, what: str) -> str:
    return one_line(
        f"the record {shortened(repr(key), LONGEST)} does not hold what belongs there ({what}); "
        "restore the file, or start a new run"
    )
