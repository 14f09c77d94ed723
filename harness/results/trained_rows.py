"""What a result says of the rows that a student was trained on, held against these rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.boundary import differences, filenames, files
from harness.measures import accounts
from harness.measures.problems import quotations
from harness.measures.rows import Row


def differing(folder: Path, result: Mapping[str, Any], problems: Sequence[Row]) -> Iterator[tuple[str, Any, Any]]:
    """Place, what the result says, and what the rows give, of right labels and of problems that are quoted.

    What an older result does not say is not held against it, and a file that holds no such rows gives nothing: these
    are for others to tell. Free-form labels can be right in several ways, so that their count is known from below.
    """
    truths = {row["id"]: row["truth"] for row in problems}
    search = quotations.Search(problems if result["training"] else ())
    for index, training in enumerate(result["training"]):
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
