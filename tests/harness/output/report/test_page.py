from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.audit import audit
from harness.boundary import files, schemas
from harness.output import report
from harness.output.report import figure
from harness.output.terminal import summary
from harness.results import disclosures
from tests.harness.audit import results
from tests.harness.output.report.pages import Page, audited, brief, complete

AGAIN = """
import sys
from pathlib import Path
from harness.boundary import files
from harness.output import report
result, audit = files.read(Path(sys.argv[1]))
sys.stdout.buffer.write(report.html(result, audit).encode())
"""


Shown = tuple[dict[str, Any], dict[str, Any], Page]


@pytest.fixture(scope="module")
def shown() -> Shown:
    """A result, its audit, and the page of both."""
    result, made = audited(complete())
    return result, made, Page(report.html(result, made))


def test_the_result_that_is_shown_is_a_valid_one() -> None:
    assert not list(schemas.violations("result", complete()))


def test_equal_input_gives_equal_bytes_in_another_process_with_another_style(tmp_path: Path) -> None:
    result, made = audited(complete())
    before = copy.deepcopy((result, made))
    (tmp_path / "both.json").write_text(files.pretty([result, made]))  # which sorts every object by its keys
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\nsvg.fonttype: none\n")
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path), "TZ": "Asia/Tokyo"}
    command = [sys.executable, "-c", AGAIN, str(tmp_path / "both.json")]
    again = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=environment).stdout
    assert report.html(result, made).encode() == again
    assert (result, made) == before


def _score(entry: dict[str, Any], best: dict[str, Any] | None) -> list[str]:
    """The cells without which no accuracy may stand."""
    value, low, high = (f"{100 * entry['accuracy'][name]:.1f}" for name in ("value", "low", "high"))
    rule = f"{best['rule']} {100 * best['accuracy']:.1f}" if best else "none"
    return [str(entry["n"]), f"{value} [{low}, {high}]", rule, str(entry["n"] - entry["outcomes"]["answered"])]


def _named(arm: dict[str, Any]) -> str:
    return arm["arm"] if arm["training_seed"] is None else f"{arm['arm']}, seed {arm['training_seed']}"


def test_no_accuracy_of_an_arm_stands_without_n_interval_trivial_score_and_blank_replies(shown: Shown) -> None:
    result, _, page = shown
    for arm in result["arms"]:
        assert page.row(_named(arm), arm["split"])[2:6] == _score(arm, arm["best_trivial"])


def test_nor_does_that_of_a_stratum(shown: Shown) -> None:
    result, _, page = shown
    best = {
        (problems["split"], stratum["stratum"]): (stratum["trivial"] or [None])[0]
        for problems in result["problems"]
        for stratum in problems["strata"]
    }
    for arm in result["arms"]:
        for inner in arm["strata"]:
            row = page.row(_named(arm), arm["split"], inner["stratum"])
            assert row[3:] == _score(inner, best[arm["split"], inner["stratum"]])


def test_every_contrast_has_its_interval_its_kind_of_p_value_and_the_fate_of_each_problem(shown: Shown) -> None:
    result, _, page = shown
    assert {entry["p_holm"] is None for entry in result["contrasts"]} == {True, False}
    for entry in result["contrasts"]:
        pair = f"{entry['first']} - {entry['second']}", entry["split"]
        row = page.row(*pair)
        assert row[4].endswith("[{low:+.1f}, {high:+.1f}]".format(**_times_100(entry["difference"])))
        assert row[5].startswith("exploratory, p " if entry["p_holm"] is None else "adjusted p ")
        for run in entry["by_seed"]:
            seed = "\N{EN DASH}" if run["training_seed"] is None else str(run["training_seed"])
            changes = [str(run[name]) for name in ("both", "only_first", "only_second", "neither")]
            assert page.row(*pair, seed)[4:8] == changes


def _times_100(interval: dict[str, float]) -> dict[str, float]:
    return {name: 100 * value for name, value in interval.items()}


def test_every_check_is_told_with_rule_findings_and_advice(shown: Shown) -> None:
    _, made, page = shown
    articles = [text for _, text in page.all("article")]
    assert len(articles) == len(made["checks"])
    for check, text in zip(made["checks"], articles, strict=True):
        assert check["id"] in text
        assert check["rule"] in text
        assert all(f"{row['subject']}: " in text and row["text"] in text for row in check["findings"])
        assert (check["advice"] in text) == any(row["status"] in ("fail", "unknown") for row in check["findings"])


def test_every_rung_is_told_with_its_reasons_and_what_is_missing(shown: Shown) -> None:
    _, made, page = shown
    ladder = page.one("ol")
    assert [rung["status"] for rung in made["claims"]["rungs"]][3:] == ["shown", "not-shown", "shown"]
    for rung in made["claims"]["rungs"]:
        assert rung["claim"] in ladder
        assert all(reason in ladder for reason in rung["reasons"])
        assert (f"needs {rung['needs']}" in ladder) == (rung["status"] != "shown")
    assert ladder.count("shown by itself, but a rung below it is missing") == 1


def test_a_clean_audit_is_headed_by_its_claim_and_the_score_of_every_seed(shown: Shown) -> None:
    result, made, page = shown
    assert made["verdict"] == "clean"
    verdict = _verdict(page)
    assert f"Claim {made['claims']['rung']} of 6: {made['claims']['claim']}" in verdict
    seeds = {run["training_seed"] for run in result["training"]}
    assert len(seeds) == 2
    assert all(f"student-lora, seed {seed}: " in verdict for seed in seeds)
    assert "best trivial rule: shortcut gets" in verdict


def _verdict(page: Page) -> str:
    return next(text for attributes, text in page.all("section") if "verdict" in str(attributes.get("class")))


def test_a_blocked_audit_has_findings_in_place_of_a_headline() -> None:
    result = complete()
    result["overlaps"][0]["shared"] = 3
    made = audit(result, ["arms[0].correct: says 1, the rows give 2"])
    assert set(made["blocking"]) == {"overlap", "recompute"}
    verdict = _verdict(Page(report.html(result, made)))
    assert "Audit: blocked" in verdict
    assert "No score of this result shows a transfer." in verdict
    assert "says 1, the rows give 2" in verdict
    assert "Claim" not in verdict
    assert "student-lora, seed" not in verdict


def test_what_is_simulated_is_said_above_all_else() -> None:
    result, made = audited(brief())
    assert "SIMULATED: teacher toy" in Page(report.html(result, made)).one("header")
    result["simulated"] = []
    assert "SIMULATED" not in Page(report.html(result, made)).one("header")


def test_the_page_and_the_terminal_have_one_source_of_remarks_and_of_what_blocks_or_warns() -> None:
    result, made = audited(brief())
    result["identities"]["teacher"] = {"provider": "recorded", "model": "toy-1", "recorded": {"teacher": {}}}
    page = Page(report.html(result, made))
    assert [remark.split(":")[0] for remark in disclosures.remarks(result)] == ["SIMULATED", "RECORDED"]
    printed = " ".join(summary.text(result).split())
    for remark in disclosures.remarks(result):
        assert remark in page.one("header")
        assert remark in printed
    verdict = _verdict(page)
    for check in made["checks"]:
        weighs = check["weight"] in ("block", "warn")
        for row in check["findings"]:
            told = weighs and row["severity"] == check["weight"] and row["status"] in ("fail", "unknown")
            assert (f"{row['subject']}: {row['text']}" in verdict.replace("unknown: ", "")) == told, check["id"]


def test_a_gap_that_is_refused_is_told_with_the_reason() -> None:
    result, made = audited(brief())
    result["transfer"][0] |= {"gap_closed": None, "refused": "there is no gap"}
    assert "refused: there is no gap" in Page(report.html(result, made)).one("main")


def test_a_table_of_counts_says_unknown_where_a_run_has_numbers() -> None:
    result = results.table(results.honest())
    result["plan"]["plugins"] |= dict.fromkeys(("teacher", "student", "reflection", "trainer"))
    page = Page(report.html(result, audit(result, None)))
    assert "published counts" in page.one("h1")
    assert page.row("student-base", "test")[5:7] == ["unknown", "unknown"]
    assert "Paired differences: none in this result." in page.one("main")
    assert not page.faults


def test_a_result_without_an_arm_is_a_page_without_a_figure() -> None:
    result = complete() | {"arms": [], "contrasts": [], "transfer": []}
    page = Page(report.html(result, audit(result, None)))
    assert not list(page.all("img"))
    assert not page.faults


def test_costs_are_summed_and_unknown_where_one_is(shown: Shown) -> None:
    result, made, page = shown
    assert page.row("in all")[-1] == f"{sum(row['cost_usd'] for row in result['teacher_calls']):.4f}"
    result = brief()
    result["teacher_calls"][0]["cost_usd"] = None
    assert Page(report.html(result, made)).row("in all")[-1] == "unknown"


def test_the_page_can_be_heard_and_walked(shown: Shown) -> None:
    *_, page = shown
    tags = [tag for tag, _ in page.elements]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert {attributes.get("scope") for attributes, _ in page.all("th")} == {"col", "row"}
    assert [attributes.get("lang") for attributes, _ in page.all("html")] == ["en"]
    assert all("95% interval" in str(attributes.get("alt")) for attributes, _ in page.all("img"))
    assert tags.count("table") == tags.count("caption")
    scrolled = [place for place, (tag, attributes) in enumerate(page.elements) if attributes.get("class") == "scroll"]
    assert {tags[place + 1] for place in scrolled} == {"table", "img"}
    assert sum(tags[place + 1] == "table" for place in scrolled) == tags.count("table")


def test_every_row_has_a_cell_for_each_column(shown: Shown) -> None:
    *_, page = shown
    for head, *rows in page.tables():
        assert {len(row) for row in rows} == {len(head)}


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(first: str, second: str) -> float:
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_and_figure_contrast_enough_in_both_colour_schemes() -> None:
    style = resources.files(report).joinpath("templates", "style.css").read_text()
    schemes = [dict(re.findall(r"--(\w+): (#\w{6});", part)) for part in style.split("@media", 2)[:2]]
    assert [len(scheme) for scheme in schemes] == [8, 8]
    for scheme, drawn in zip(schemes, (figure.LIGHT, figure.DARK), strict=True):
        for ground in ("page", "raised"):
            for text in ("text", "quiet", "bad", "doubt", "good"):
                assert _contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
        for colour in (drawn.text, drawn.trivial, *drawn.kinds.values()):
            assert _contrast(colour, scheme["page"]) >= 4.5, colour


def test_the_page_is_written_beside_the_result(tmp_path: Path) -> None:
    result, made = audited(complete())
    assert report.write(tmp_path, result, made) == tmp_path / "report.html"
    assert (tmp_path / "report.html").read_text() == report.html(result, made)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]  # no adapters, so no cards
