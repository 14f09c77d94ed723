from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.design.transfer import TRANSFER
from harness.output.report import figure
from tests.harness.output.report.hostile import PAYLOADS
from tests.harness.output.report.pages import complete

ELEMENTS = {"svg", "defs", "style", "g", "path", "use", "clipPath", "rect"}
SVG = "{http://www.w3.org/2000/svg}"


def _arm(**changes: Any) -> dict[str, Any]:
    return {**complete()["arms"][0], **changes}


@pytest.mark.parametrize("dark", [False, True])
def test_the_figure_is_shapes_alone_and_refers_to_nothing_outside_itself(dark: bool) -> None:
    svg = figure.svg(complete()["arms"], TRANSFER, dark)
    tree = ElementTree.fromstring(svg)  # noqa: S314 - our own output
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= ELEMENTS
    targets = re.findall(rb'href="([^"]*)"|url\(([^)]*)\)', svg)
    assert targets
    assert all((link or reference).startswith(b"#") for link, reference in targets)


def test_the_two_schemes_differ_in_colours_alone() -> None:
    light, dark = (figure.svg(complete()["arms"], TRANSFER, scheme) for scheme in (False, True))
    plain = [re.sub(rb"#[0-9a-f]{6}|[mp][0-9a-f]{10}", b"", svg) for svg in (light, dark)]
    assert light != dark
    assert plain[0] == plain[1]


def test_an_interval_is_drawn_where_its_numbers_say() -> None:
    """Positions along the axis are linear in the share, so three arms give away two ratios."""
    arms = [
        _arm(accuracy={"value": value, "low": value - 0.1, "high": value + 0.1}, best_trivial=None)
        for value in (0.2, 0.4, 0.8)
    ]
    lines = re.findall(
        r'd="M ([\d.]+) ([\d.]+) \nL ([\d.]+) \2 \n"[^>]*stroke-width: 1.6', figure.svg(arms, TRANSFER).decode()
    )
    starts = [float(left) for left, _, _ in lines[:3]]
    widths = [float(right) - float(left) for left, _, right in lines[:3]]
    assert widths == pytest.approx([widths[0]] * 3, rel=1e-6)
    assert starts[1] - starts[0] == pytest.approx(widths[0], rel=1e-6)
    assert starts[2] - starts[1] == pytest.approx(2 * widths[0], rel=1e-6)


def test_an_arm_without_a_trivial_rule_has_no_line_of_one() -> None:
    def dashed(arm: dict[str, Any]) -> int:
        return figure.svg([arm], TRANSFER).decode().count("stroke-dasharray: 4.44,1.92")

    assert dashed(_arm()) == dashed(_arm(best_trivial=None)) + 1


@pytest.mark.parametrize("payload", [*PAYLOADS, "\u4f60" * 5000])
def test_no_name_disturbs_the_figure(payload: str) -> None:
    svg = figure.svg([_arm(arm=payload, split=payload)], TRANSFER)
    tree = ElementTree.fromstring(svg)  # noqa: S314 - our own output
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= ELEMENTS
    assert len(svg) < 200_000


def test_every_arm_has_its_kind() -> None:
    kinds = {arm.name: figure.kind(arm.name, TRANSFER) for arm in TRANSFER.arms}
    assert kinds["student-lora"] == "trained"
    assert {kinds["student-base"], kinds["student-prompted"]} == {"student"}
    assert {kinds["teacher-base"], kinds["bootstrap"], kinds["teacher-strategy"]} == {"teacher"}
    assert {kind for name, kind in kinds.items() if name.startswith("lora-")} == {"control"}
    assert figure.kind("no-such-arm", TRANSFER) == "control"
