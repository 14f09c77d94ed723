"""The rows beside a result, read once: whether each is sound, and what numbers are made of.

Line by line, so that a file may have any size; what is kept of a row is what ``harness.measures.kept`` keeps.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.boundary import differences, filenames, files, schemas
from harness.design import designs
from harness.measures import accounts
from harness.measures.kept import Kept
from harness.measures.problems import quotations

BESIDE = (filenames.PROBLEMS, filenames.ITEMS)
"""The rows that numbers are recomputed from."""
ROWS = {filenames.PROBLEMS: "problem", filenames.ITEMS: "item"}
"""The schema of the rows of a JSON Lines file by its name."""
Place = tuple[str, int | None, str]
"""Arm, training seed and problem of a reply."""


def broken_rows(path: Path) -> Iterator[str]:
    """Where a row of a file breaks its schema. Raises OSError, ValueError."""
    if path.name not in ROWS:
        yield f"the file: no schema for {path.name}; known: {', '.join(ROWS)}"
        return
    for number, row in enumerate(files.stream_lines(path), 1):
        yield from (f"line {number}: {violation}" for violation in schemas.violations(ROWS[path.name], row))


class Beside:
    """The rows beside a result that ``read`` found sound."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sound: set[str] = set()
        self._replies: dict[Place, str] = {}
        self._no_reply: str | None = None
        self.kept = Kept()

    def read(self, name: str) -> Iterator[str]:
        """Reads the rows of a file, if it is one of rows, and tells where they break their schema."""
        whole = True
        try:
            if name == filenames.THOUGHTS:
                self._read_replies()
            elif name in ROWS:
                keep = self.kept.problem if name == filenames.PROBLEMS else self.kept.item
                for number, row in enumerate(files.stream_lines(self._folder / name), 1):
                    for violation in schemas.violations(ROWS[name], row):
                        yield f"{name}: line {number}: {violation}"
                        whole = False
                    if whole:
                        keep(row)
        except ValueError as error:
            yield f"{name}: not sound JSON ({error})"
            whole = False
        if whole:
            self._sound.add(name)

    def _read_replies(self) -> None:
        try:
            for row in files.stream_lines(self._folder / filenames.THOUGHTS):
                place = row["arm"], row["training_seed"], row["problem"]
                self._replies[place] = hashlib.sha256(row["text"].encode()).hexdigest()
        except (KeyError, TypeError, AttributeError) as error:
            self._no_reply = f"{filenames.THOUGHTS}: a row is not a reply ({type(error).__name__}: {error})"

    def has(self, *names: str) -> bool:
        """Whether all of these files were read and are sound."""
        return self._sound.issuperset(names)

    def misquoted(self) -> Iterator[str]:
        """Where an item's digest is not that of its raw reply."""
        if self._no_reply is not None:
            yield self._no_reply
            return
        for number, row in enumerate(self.kept.items, 1):
            if self._replies.get((row.arm, row.training_seed, row.problem)) != row.text_sha256:
                yield (
                    f"{filenames.ITEMS}: line {number}: text_sha256 is not that of the reply in {filenames.THOUGHTS}"
                )


def labelled_by(row: Any) -> str:
    """Who made the label of a training row. Raises KeyError, TypeError or ValueError for what is no such row."""
    source: str = row["label_source"]
    if not 0 < row.get("weight", 1.0) < math.inf:
        raise ValueError(f"its weight is {row['weight']}")
    return source


def trained_differently(folder: Path, result: Mapping[str, Any], kept: Kept) -> Iterator[tuple[str, Any, Any]]:
    """Place, what the result says, and what the rows give, of right labels, quoted problems and changed replies.

    What an older result does not say is not held against it, and a file that holds no such rows gives nothing: these
    are for others to tell. Free-form labels can be right in several ways, so that their count is known from below.
    """
    truths = {row.id: row.truth for row in kept.problems}
    design = designs.of(result)
    search = quotations.Search(kept.problems if result["training"] else ())
    for index, training in enumerate(result["training"]):
        changed = accounts.replies_changed(kept.items, design, training["arm"], training["training_seed"])
        place, said = f"training[{index}].replies_changed", training.get("replies_changed", changed)
        yield from differences.between(said, changed, place)
        path = folder / filenames.examples(accounts.training_name(result, training))
        try:
            rows = files.read_lines(path)
            exact = sum(row["label"] == truths[row["problem_id"]] for row in rows)
            quoted = search.quotations(rows)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        most = exact if result["labels"] is not None else len(rows)
        said = training["examples"].get("right", exact)
        if not exact <= said <= most:
            yield f"training[{index}].examples.right", said, exact
        yield from differences.between(training.get("quoted", quoted), quoted, f"training[{index}].quoted")
