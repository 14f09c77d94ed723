"""How values are told to a person: shares in per cent, differences in points, text from outside made harmless to read.

Escaping for HTML is the template's work, and for Markdown the card's; here characters are made visible. How lines of a
terminal are laid out is in ``harness.output.terminal``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from harness.measures.rows import blanks

LONGEST = 4000
"""Characters of one text that are shown."""
UNKNOWN = "unknown"
NOTHING = "\N{EN DASH}"
"""Where a value makes no sense."""


def visible(text: str) -> str:
    """``text`` with every character named that would be invisible, or would act on its surroundings.

    These are control and format characters, such as those that turn the direction of text round: ``[U+202E]``. Lines
    stay lines. Of a text longer than LONGEST, its start, and how much was left out.
    """
    shown = "".join(char if _harmless(char) else f"[U+{ord(char):04X}]" for char in text[:LONGEST])
    rest = len(text) - LONGEST
    return shown if rest <= 0 else f"{shown} [{rest:,} more characters]"


def _harmless(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or unicodedata.category(char) == "Zs"


def percent(share: float) -> str:
    """``98.7``."""
    return f"{100 * share:.1f}"


def share(interval: Mapping[str, Any]) -> str:
    """An interval of a share, in per cent: ``98.7 [96.6, 99.5]``."""
    return f"{percent(interval['value'])} [{percent(interval['low'])}, {percent(interval['high'])}]"


def signed(share: float) -> str:
    """A difference in percentage points, with no minus before a nought: ``+21.3``."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def limits(interval: Mapping[str, Any]) -> str:
    """The limits of a difference, in percentage points: ``[+16.7, +26.4]``."""
    return f"[{signed(interval['low'])}, {signed(interval['high'])}]"


def points(interval: Mapping[str, Any]) -> str:
    """An interval of a difference, in percentage points: ``+21.3 [+16.7, +26.4]``."""
    return f"{signed(interval['value'])} {limits(interval)}"


def p_value(value: float) -> str:
    """``<0.001`` or ``0.042``."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def count(value: int | None) -> str:
    """A count with its thousands apart; ``unknown`` for None."""
    return UNKNOWN if value is None else f"{value:,}"


def cost(value: float | None) -> str:
    """US dollars; ``unknown`` for None."""
    return UNKNOWN if value is None else f"{value:.4f}"


def seed(value: int | None) -> str:
    """A training seed; a dash for an arm without training."""
    return NOTHING if value is None else str(value)


def blank(entry: Mapping[str, Any]) -> str:
    """How many replies of an arm, or of one of its strata, state no answer."""
    return UNKNOWN if entry["outcomes"] is None else str(blanks(entry))


def trivial(best: Mapping[str, Any] | None) -> str:
    """The best trivial rule with its score in per cent: ``first-crowd 77.3``; ``none`` where there is none."""
    return "none" if best is None else f"{best['rule']} {percent(best['accuracy'])}"


def named(entry: Mapping[str, Any]) -> str:
    """An arm with its training seed: ``student-lora, seed 999``."""
    seed = entry["training_seed"]
    return str(entry["arm"]) if seed is None else f"{entry['arm']}, seed {seed}"
