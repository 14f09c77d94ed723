"""The errors that a user can mend. Each is one line: what was given, what was expected, what to do."""

from __future__ import annotations


class HarnessError(Exception):
    """Anything that ends a command with one clear line. ``exit_code`` is what the command exits with."""

    exit_code = 1


class UsageError(HarnessError):
    """Bad input: found before anything is spent or written."""

    exit_code = 2


class PluginError(UsageError):
    """A plugin that is missing, ambiguous, broken, or breaks its contract."""


class CallError(HarnessError):
    """A teacher call that learning cannot do without gave no usable reply. Resuming the run tries it again."""


class UnfitError(HarnessError):
    """A training row that a student cannot be trained on; the text is the reason."""


class BudgetError(HarnessError):
    """The next call might pass the limit of the run. What is paid for is kept; a higher limit goes on from there."""

    exit_code = 4


class StoppedError(BudgetError):
    """The user asked the run to stop, so nothing more is bought. A teacher treats it as a limit that was reached."""

    exit_code = 130


class JournalError(HarnessError):
    """A journal that cannot be written, or that cannot be trusted."""


class MissingEvidenceError(HarnessError):
    """An audit check needs a value of the result that is not there. Makes the check unknown."""
