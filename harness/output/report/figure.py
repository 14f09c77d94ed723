"""The figure of a report: each arm's accuracy with its interval, beside what the best trivial rule scores, as SVG.

The same numbers stand in the table of arms. Equal input gives equal bytes on one set of library versions.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.api import Design
from harness.measures import formatting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, LEFT, RIGHT = 7.6, 2.2, 0.25
ROW, HEAD, FOOT = 0.25, 0.45, 0.95
"""Inches: the whole, its margins, a line of an arm, what stands above the arms of a problem set and below all."""
LABEL = 30
"""Characters of an arm's name that are shown."""


@dataclass(frozen=True, slots=True)
class Colours:
    """One of the two colour schemes."""

    text: str
    grid: str
    trivial: str
    kinds: Mapping[str, str]


LIGHT = Colours(
    "#1c2024",
    "#d5d9de",
    "#8a4b00",
    {"teacher": "#5b3fa0", "student": "#0b5cad", "trained": "#0b5cad", "control": "#4d5762"},
)
DARK = Colours(
    "#e8eaed",
    "#3b424a",
    "#f0b060",
    {"teacher": "#bda8f0", "student": "#7db8f5", "trained": "#7db8f5", "control": "#aab3bd"},
)
SHAPES = {"teacher": "s", "student": "^", "trained": "o", "control": "D"}
KINDS = {
    "teacher": "teacher",
    "student": "student, not trained",
    "trained": "student, trained on worked solutions",
    "control": "control",
}


def kind(arm: str, design: Design) -> str:
    """What an arm is in the figure: ``teacher``, ``student``, ``trained`` or ``control``, whatever it is trained on."""
    if arm not in design.names:
        return "control"
    known = design.arm(arm)
    if known.role == "control":
        return "control"
    return "trained" if known.recipe else known.answers


def svg(arms: Sequence[Mapping[str, Any]], design: Design, dark: bool = False) -> bytes:
    """The figure of a result's arms, a panel for each problem set. Text is drawn as shapes; nothing is referred to."""
    import matplotlib
    from matplotlib.figure import Figure

    splits = list(dict.fromkeys(arm["split"] for arm in arms))
    panels = [[arm for arm in arms if arm["split"] == split] for split in splits]
    height = sum(ROW * len(panel) + HEAD for panel in panels) + FOOT
    colours = DARK if dark else LIGHT
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own style would change the bytes
        matplotlib.rcParams.update({"svg.hashsalt": "report", "font.size": 9, "text.parse_math": False})
        matplotlib.rcParams["font.family"] = ["DejaVu Sans"]
        figure = Figure(figsize=(WIDTH, height))
        figure.patch.set_alpha(0)
        top = height
        for split, panel in zip(splits, panels, strict=True):
            top -= HEAD
            low = top - ROW * len(panel)
            place = (LEFT / WIDTH, low / height, 1 - (LEFT + RIGHT) / WIDTH, (top - low) / height)
            axes = figure.add_axes(place)
            _panel(axes, split, panel, [kind(arm["arm"], design) for arm in panel], colours, last=panel is panels[-1])
            top = low
        figure.legend(
            handles=_handles(colours),
            loc="lower left",
            bbox_to_anchor=(0.01, 0.0),
            ncols=3,
            frameon=False,
            labelcolor=colours.text,
            fontsize=8,
        )
        written = io.BytesIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(written, format="svg", metadata=nothing)
    text = written.getvalue()
    return text[text.index(b"<svg") :]


def _panel(
    axes: Axes, split: str, arms: Sequence[Mapping[str, Any]], kinds: Sequence[str], colours: Colours, last: bool
) -> None:
    axes.set_title(_label(split), loc="left", color=colours.text, fontsize=9, fontweight="bold", pad=4)
    axes.set_xlim(-2, 102)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xticks(range(0, 101, 20))
    axes.set_yticks(range(len(arms)), [_label(formatting.named(arm)) for arm in arms])
    axes.set_facecolor("none")
    axes.grid(axis="x", color=colours.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=colours.text, length=0, labelbottom=last)
    axes.spines[:].set_visible(False)
    if last:
        axes.set_xlabel("problems answered rightly, %", color=colours.text)
    for row, (arm, what) in enumerate(zip(arms, kinds, strict=True)):
        value, low, high = (100 * arm["accuracy"][name] for name in ("value", "low", "high"))
        colour = colours.kinds[what]
        axes.plot([low, high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
        _point(axes, value, row, what, colour)
        if arm["best_trivial"]:
            trivial = 100 * arm["best_trivial"]["accuracy"]
            axes.plot([trivial, trivial], [row - 0.5, row + 0.5], color=colours.trivial, linewidth=1.2, linestyle="--")


def _point(axes: Axes, value: float, row: float, what: str, colour: str) -> None:
    hollow = what in ("student", "control")
    axes.plot(
        [value],
        [row],
        linestyle="none",
        marker=SHAPES[what],
        markersize=5.5,
        markeredgecolor=colour,
        markerfacecolor="none" if hollow else colour,
    )


def _handles(colours: Colours) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=colours.kinds[what],
            marker=SHAPES[what],
            markersize=5.5,
            linewidth=1.6,
            markerfacecolor="none" if what in ("student", "control") else colours.kinds[what],
            label=name,
        )
        for what, name in KINDS.items()
    ]
    trivial = Line2D([], [], color=colours.trivial, linewidth=1.2, linestyle="--", label="best trivial rule")
    return [*handles, trivial]


def _label(text: str) -> str:
    """Plain ASCII, short: the font has no glyph for everything that a name may hold."""
    plain = text[: LABEL + 1].encode("ascii", "backslashreplace").decode()
    plain = "".join(char if char.isprintable() else "?" for char in plain)
    return plain if len(plain) <= LABEL else f"{plain[: LABEL - 3]}..."
