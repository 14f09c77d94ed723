"""What the terminal shows, in 80 columns: a result, its audit, a comparison, a forecast. Here is what they share.

Nothing is computed here, and nothing printed: each module gives text for a verb to print.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from harness.boundary.text import one_line
from harness.measures import formatting
from harness.output.parts import Table

WIDTH = 80
BLANK = "blank: replies without an answer (unparsed, refused, cut or failed), never right"


def filled(text: str, first: str = "", rest: str = "  ") -> str:
    """``text`` in lines of at most WIDTH, the first and the others indented so. A word is never broken."""
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False
    )


def laid_out(table: Table) -> list[str]:
    """A table in lines, its caption first. Where they would be too long, columns go on in a second block of lines."""
    every = [table.columns, *table.rows]
    widths = [max(len(row[place]) for row in every) for place in range(len(table.columns))]
    blocks: list[list[int]] = [[]]
    for place in range(1, len(widths)):
        if blocks[-1] and widths[0] + sum(widths[each] + 2 for each in (*blocks[-1], place)) > WIDTH:
            blocks.append([])
        blocks[-1].append(place)
    lines = [filled(table.caption)]
    for block in blocks:
        for row in every:
            cells = (
                f"{row[place]:>{widths[place]}}"
                if table.columns[place] in table.numbers
                else f"{row[place]:<{widths[place]}}"
                for place in block
            )
            lines.append("  ".join([f"{row[0]:<{widths[0]}}", *cells]).rstrip())
    return lines


def accuracy(entry: Mapping[str, Any]) -> str:
    """An accuracy with what must stand beside it: n, interval, best trivial rule, blank replies. 49 columns.

    The rule stands after its score, so that a long name is what is cut.
    """
    best = entry["best_trivial"]
    rule = f"{formatting.percent(best['accuracy'])} {one_line(best['rule'])}"[:24] if best else "none"
    return f"{entry['n']:>4} {formatting.share(entry['accuracy']):<19} {rule:<24}"
