"""The numbers in the rules of the audit. ``harness.audit.checks`` says the rules in words; to change one, change both.

Shares are fractions of 1.
"""

SIGNIFICANT = 0.05
"""P-value below which a hypothesis is rejected."""

CONSTANT = 0.98
"""Share of one answer among the answers from which on they count as constant."""
FEWEST = 20
"""Answers from which on a constant is no coincidence."""

MAJORITY, MAJORITY_IN_STRATUM = 0.60, 0.70
"""Share of one label among the problems, at most."""
MINORITY = 30
"""Problems of the rarest label, at least."""
SMALL_STRATUM = 10
"""Strata with fewer problems are judged together."""
FREE_FORM = 60
"""Problems of a free-form task, at least: as many as a closed one of two labels needs, with MINORITY of each.

From here on the 95% interval of any accuracy reaches no further than 13 points to either side.
"""

SELECTED = 0.05
"""How far the teacher's training answers may be above its test answers, at most, by the lower limit of the difference.

Below it at most one row in 20 can have been exchanged for a right one; a teacher may well slip so much less where it
writes down its work.
"""

BLANK, BLANK_TO_WARN = 0.05, 0.02
"""Share of replies without an answer, at most."""
APART = 0.02
"""Difference of that share between two arms that are compared, at most."""

DISTINCT, DISTINCT_TO_WARN = 0.80, 0.95
"""Share of a problem set that is left when problems that are the same count once, at least."""
FEWEST_SEEDS = 3
"""Trainings of an arm, at least."""
