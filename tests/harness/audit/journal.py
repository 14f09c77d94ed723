"""The journal of a run that is made up: what would have been recorded if its rows were those of a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.boundary import files
from harness.design.transfer import TRANSFER
from harness.journal import encoding, keys
from harness.journal.encoding import Record
from harness.measures import accounts
from tests.harness.audit import results

if TYPE_CHECKING:
    from tests.harness.audit.results import Made, Row

STOPS = {"answered": "end", "unparsed": "end", "truncated": "length", "refused": "refusal", "failed": "error"}


def write(path: Path, made: Made) -> None:
    """Writes the journal. It knows no sources, as one that an earlier version began."""
    reseal(path, _records(made))


def reseal(path: Path, records: Iterator[Record] | list[Record]) -> None:
    """Writes records as a journal whose checksums fit."""
    last, lines = encoding.FIRST, []
    for record in records:
        lines.append(encoding.seal(record, last))
        last = encoding.checksum(lines[-1])
    path.write_bytes(b"".join(lines))


def _records(made: Made) -> Iterator[Record]:
    nothing = encoding.digests(None)
    student = made.identities["student"] and {"identity": made.identities["student"], "batch_size": 1}
    yield Record(keys.PLAN, nothing, files.digest(made.plan), final=True)
    yield Record(keys.IDENTITY, nothing, {**made.identities, "student": student}, final=True)
    for training in made.training:
        yield from _training(made, training)
    for row in made.items:
        yield _answer(made, row["arm"], row)


def _training(made: Made, training: Row) -> Iterator[Record]:
    name = accounts.training_name({"training": made.training}, training)
    report = {
        "settings": {},
        "examples": training["examples"]["rows"],
        "seconds": 1.0,
        "peak_memory_bytes": 0,
        **{key: training[key] for key in ("steps", "losses", "supervised_tokens", "prompt_tokens", "truncated_rows")},
        **{key: training[key] for key in ("supervised_prompt_tokens", "rows_without_loss")},
        **{key: training[key] for key in ("practice",) if key in training},
    }
    given = encoding.digests({"seed": training["training_seed"], "examples": made.trained_on(training)})
    value: dict[str, Any] = {"adapter": training["adapter_sha256"], "files": {}, "report": report}
    yield Record(keys.training(name), given, value, final=True)
    if training["logit_change"] is None:
        return
    yield Record(keys.probe(name), encoding.digests({"adapter": ""}), training["logit_change"], final=True)


def _answer(made: Made, arm: str, row: Row) -> Record:
    kind = row["outcome"]["kind"]
    completion = {
        "key": row["problem"],
        "text": results.reply(row),
        "stop": STOPS[kind],
        "model": row["model"],
        "usage": row["usage"],
        "error": row["outcome"].get("error"),
    }
    given = {"model": files.digest(arm), "messages": row["prompt_sha256"]}
    if TRANSFER.arm(arm).answers == "teacher":
        key = f"{arm}/{row['problem']}"
        return Record(key, given, completion | {"key": key}, final=True)
    named = row["training_seed"] is not None and made.training
    name = accounts.training_name({"training": made.training}, row) if named else arm
    given["adapter"] = files.digest(row["adapter_sha256"])
    value = {"completions": [completion], "seconds": 1.0}
    return Record(f"{name}/{row['split']}/batch-{row['problem'][-4:]}", given, value, final=True)
