"""Whether a run has come to its end: then nothing of it is left to do, and none of its files is written anew."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from harness.api import JournalError
from harness.boundary import filenames, files, schemas
from harness.journal import keys
from harness.journal.store import ReadOnlyJournal
from harness.preflight import identity

TOLD = (
    f"this run is finished: nothing is done again, and its files stay as they are. To have them made anew, remove "
    f"{filenames.RESULT} and resume"
)
"""What a resume of a finished run says."""


def is_finished(run_dir: Path) -> bool:
    """Whether result, audit, report and notes of a run are all there, of the record as it stands.

    A result that is not the one that was noted last, or a call that failed and can be tried again, leaves something to
    do. What cannot be read is not finished: who goes on with the run is told why.
    """
    try:
        result, audit, meta = (
            files.read(run_dir / name) for name in (filenames.RESULT, filenames.AUDIT, filenames.RUN_META)
        )
        with closing(ReadOnlyJournal(run_dir / filenames.JOURNAL)) as journal:
            whole = not journal.open and _is_noted(journal, result)
    except (OSError, ValueError, JournalError):
        return False
    return (
        whole
        and not any(_broken(("result", result), ("audit", audit), ("run-meta", meta)))
        and audit["result_sha256"] == files.digest(result)
        and any(session["finished"] for session in meta["sessions"])
        and (run_dir / filenames.REPORT).is_file()
    )


def _is_noted(journal: ReadOnlyJournal, result: Any) -> bool:
    """Whether the last thing that a journal notes is this result. Versions that noted none also recorded no sources."""
    if identity.recorded_sources(journal) is None:
        return journal.last is not None
    return journal.last == keys.result(files.digest(result))


def _broken(*values: tuple[str, Any]) -> list[str]:
    return [violation for name, value in values for violation in schemas.violations(name, value)]
