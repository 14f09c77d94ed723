from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measures import formatting
from harness.output import report
from tests.harness.output.report.hostile import BRACKETS, PAYLOADS, poisoned
from tests.harness.output.report.pages import Page, audited, brief, complete

EVERYTHING = " ".join(PAYLOADS)


Data = dict[str, Any]


def _poisoned(payload: str, result: Data, made: Data) -> str:
    """The page of a result in which every string, and every string of its audit, is ``payload``."""
    return report.html(poisoned(result, payload), poisoned(made, payload))


@pytest.fixture(scope="module")
def page() -> str:
    """Every payload in every string at once."""
    assert len(EVERYTHING) < formatting.LONGEST
    return _poisoned(EVERYTHING, *audited(complete()))


@pytest.fixture(scope="module")
def small() -> tuple[Data, Data]:
    """A result and its audit, for pages that are quickly made."""
    return audited(brief())


def test_hostile_text_adds_no_element_and_no_attribute(page: str) -> None:
    parsed = Page(page)
    assert not parsed.faults
    sound = Page(report.html(*audited(complete())))
    # verdicts and marks are strings too, so a poisoned page has fewer elements of its own, never more
    assert {tag for tag, _ in parsed.elements} <= {tag for tag, _ in sound.elements}


def test_hostile_text_can_be_read(page: str) -> None:
    text = html.unescape(page)
    for payload in PAYLOADS:
        assert formatting.visible(payload) in text


def test_no_character_of_a_page_is_invisible_or_acts_on_others(page: str) -> None:
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", page
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_each_payload_alone_is_harmless(payload: str, small: tuple[Data, Data]) -> None:
    assert not Page(_poisoned(payload, *small)).faults


def test_a_megabyte_of_brackets_in_every_string_is_cut() -> None:
    page = _poisoned(BRACKETS, *audited(complete()))
    assert not Page(page).faults
    assert "[996,000 more characters]" in page
    assert len(page) < 20_000_000


@given(payload=st.text(st.characters(codec=None), max_size=300))
@settings(max_examples=30)
def test_no_text_gets_out_of_its_place(small: tuple[Data, Data], payload: str) -> None:
    assert not Page(_poisoned(payload, *small)).faults


def test_the_policy_allows_the_own_style_and_inlined_images_alone() -> None:
    page = Page(report.html(*audited(brief())))
    (style,) = (text for _, text in page.all("style"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policies = [attributes["content"] for attributes, _ in page.all("meta") if "http-equiv" in attributes]
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    ]


def test_the_policy_stands_before_everything_that_it_rules() -> None:
    tags = [tag for tag, attributes in Page(report.html(*audited(brief()))).elements if tag not in ("html", "head")]
    assert tags[:2] == ["meta", "meta"]
    assert tags.index("style") > 1


def test_nothing_is_referred_to_outside_the_page() -> None:
    page = report.html(*audited(complete()))
    images = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', page)
    assert len(images) == 2
    for text in (page, *(base64.b64decode(image).decode() for image in images)):
        names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)
        assert not re.search(
            r"https?:|//|url\((?!#)|@import|javascript:|<script|<foreignObject", names.split("base64,")[0]
        )


def test_a_value_that_is_no_text_is_refused_rather_than_shown() -> None:
    result, made = audited(brief())
    result["harness"] = None
    result["schema"] = 1.5
    with pytest.raises(TypeError, match="float has no form on a page"):
        report.html(result, made)
