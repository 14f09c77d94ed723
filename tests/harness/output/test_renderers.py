"""Nothing that a person reads shows an accuracy without n, interval, best trivial rule and blank replies beside it.

Files for programs (JSON, items.jsonl) hold all of these under their names, and are not looked at here.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.audit import audit
from harness.boundary import filenames, files
from harness.cli import main
from harness.design.transfer import TRANSFER
from harness.output import report
from harness.output.report import card, figure
from harness.output.terminal import audit as text
from harness.output.terminal import summary
from tests.harness.audit import changes as by
from tests.harness.audit.results import Made, honest
from tests.toys import CHOSEN
from tools import seed_table

ROOT = Path(__file__).parents[3]
Row = Mapping[str, Any]
Groups = list[str]
"""What is read together: the text of a line, of a table's row, of a paragraph."""

SIZES = {"test": 211, "harder": 97, "skills": 43, "reflect": 53}
WRONG = {
    "test": {"student-base": 93, "teacher-base": 54, "teacher-strategy": 8, "student-prompted": 97, "student-lora": 12}
    | {"lora-labels": 83, "lora-naive": 59, "lora-shuffled": 103},
    "harder": {"student-base": 47, "student-lora": 9},
    "skills": {"student-base": 4, "student-lora": 5},
    "reflect": {"bootstrap": 11},
}


def _odd_run() -> Made:
    """A run, not blocked, whose accuracies are like no other number in it."""
    run = honest(sizes=SIZES, wrong=WRONG, seeds=1)
    by.blank("student-base")(run, 4)
    by.blank("student-lora")(run, 3)
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _odd_run().write(tmp_path_factory.mktemp("odd") / "run")


@pytest.fixture(scope="module")
def result(folder: Path) -> Row:
    found = files.read(folder / filenames.RESULT)
    assert isinstance(found, dict)
    return found


def _lines(told: str) -> Groups:
    return told.splitlines()


def _blocks(page: str) -> Groups:
    """The rows, paragraphs and headings of a page, and the texts that stand for its images."""
    page = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    alternatives = re.findall(r'alt="([^"]*)"', page)
    parts = re.split(r"</?(?:tr|p|li|h\d|dt|dd|pre|caption|figcaption|summary|section|header)\b[^>]*>", page)
    texts = [html.unescape(re.sub(r"<[^>]*>", " ", part)) for part in (*parts, *alternatives)]
    return [line for told in texts for line in (told.splitlines() if "audit:" in told else [" ".join(told.split())])]


def _card(result: Row) -> Groups:
    """The lines of a card, and each metric of its front matter."""
    training = next(row for row in result["training"] if row["arm"] == "student-lora")
    _, front, body = card.card(result, audit(result, []), training).split("---\n", 2)
    return [*(" ".join(part.split()) for part in re.split(r"\n *- task:", front)), *body.splitlines()]


def _command(*arguments: object) -> Groups:
    shown = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert shown.exit_code in (0, 3), shown.output
    return shown.output.splitlines()


RENDERERS: Mapping[str, Callable[[Row, Path], Groups]] = {
    "summary": lambda result, _: _lines(summary.text(result)),
    "seed table": lambda result, _: _lines(seed_table.table([result])),
    "report": lambda result, _: _blocks(report.html(result, audit(result, []))),
    "report of a blocked run": lambda result, _: _blocks(report.html(result, audit(result, None))),
    "card": lambda result, _: _card(result),
    "compare": lambda _, folder: _command("compare", folder, folder),
}
"""What shows accuracies."""

SILENT: Mapping[str, Callable[[Row, Path], Groups]] = {
    "audit in full": lambda result, _: _lines(text.full(audit(result, []))),
    "audit, blocked": lambda result, _: _lines(text.full(audit(result, None))),
    "audit in brief": lambda result, _: _lines(text.brief(audit(result, []))),
    "audit, what is wrong": lambda result, _: _lines(text.wrong(audit(result, ["arms[0].n: says 1"]))),
    "audit command": lambda _, folder: _command("audit", folder),
    "validate command": lambda _, folder: _command("validate", folder),
}
"""What speaks of scores, and shows counts and differences alone."""

SPEAKS = {
    "harness/output/terminal/__init__.py": "summary",
    "tools/seed_table.py": "seed table",
    "harness/output/terminal/comparison.py": "compare",
    "harness/output/report/scores.py": "report",
    "harness/output/report/verdict.py": "report",
    "harness/output/report/history.py": "report",
    "harness/output/report/figure.py": "report",
    "harness/measures/formatting.py": "report",
    "harness/output/report/card.py": "card",
    "harness/audit/checks/baselines.py": "audit in full",
    "harness/audit/checks/provenance.py": "audit in full",
    "harness/audit/queries.py": "audit in full",
    "harness/audit/claims.py": "audit in full",
    "harness/results/markdown.py": "harness run",
    "tools/prompts_page.py": "no score at all",
}
"""The modules that write about right answers for people, with what is looked at here."""
COUNTS = {
    "harness/experiment/context.py",
    "harness/experiment/learning.py",
    "harness/experiment/returned.py",
    "harness/experiment/teaching.py",
    "harness/measures/contradictions.py",
    "harness/measures/contrasts.py",
    "harness/measures/kept.py",
    "harness/measures/problem_sets.py",
    "harness/measures/scores.py",
    "harness/output/comparison/compare.py",
    "harness/output/comparison/compatibility.py",
    "harness/results/result.py",
    "harness/results/checking/validation.py",
}
"""Those that make numbers of them for programs."""
IN_SHORT = {"harness/output/course.py"}
"""Those that tell scores again, in short, of arms whose scores stand in full on the same page."""


def _number(*forms: str) -> str:
    """A pattern for a number that stands by itself, in one of these forms."""
    return rf"(?<![\w.,+/-])(?:{'|'.join(re.escape(form) for form in forms)})(?![\d]|[.,]\d)"


def _share(value: float) -> list[str]:
    return [f"{100 * value:.1f}", f"{100 * value:.2f}", f"{value:.3f}", f"{value:.4f}", str(value)]


def _scores(result: Row) -> list[Row]:
    """The arms, and each of their strata in the form of an arm.

    But for those whose accuracy is a number that stands for something else, too: a round one, or a trivial rule's.
    """
    rules = {
        (problems["split"], stratum["stratum"]): stratum["trivial"]
        for problems in result["problems"]
        for stratum in problems["strata"]
    }
    strata = [
        {**arm, **stratum, "best_trivial": next(iter(rules[arm["split"], stratum["stratum"]]), None)}
        for arm in result["arms"]
        for stratum in arm["strata"]
    ]
    of_rules = {rule["accuracy"] for problems in result["problems"] for rule in problems["trivial"]}
    scores = [*result["arms"], *strata]
    return [score for score in scores if 20 * (value := score["accuracy"]["value"]) % 1 and value not in of_rules]


def _shown(arm: Row) -> str:
    """A pattern for an accuracy, as percent, as a fraction or as right of all."""
    value = arm["accuracy"]["value"]
    counts = f"{arm['correct']}/{arm['n']}"
    return f"{_number(*_share(value), counts)}|{_number(f'{100 * value:.0f}')} ?%"


def _complete(arm: Row, group: str) -> bool:
    accuracy, best = arm["accuracy"], arm["best_trivial"]
    limits = ([*_share(accuracy[limit]), f"{100 * accuracy[limit]:.0f}"] for limit in ("low", "high"))
    trivial = [*_share(best["accuracy"]), str(best["correct"])] if best else ["none"]
    needed = [[str(arm["n"])], *limits, trivial, [str(arm["n"] - arm["outcomes"]["answered"])]]
    told = group.replace("/", " / ")
    return all(re.search(_number(*forms), told) for forms in needed)


def _bare(arms: list[Row], groups: Groups) -> Iterator[str]:
    """Groups that show an accuracy of an arm, and of no such arm all that belongs to it."""
    for group in groups:
        shown = [arm for arm in arms if re.search(_shown(arm), group)]
        if shown and not any(_complete(arm, group) for arm in shown):
            yield group


def _hits(arms: list[Row], groups: Groups) -> set[tuple[str, str]]:
    return {(arm["arm"], arm["split"]) for arm in arms for group in groups if re.search(_shown(arm), group)}


@pytest.mark.parametrize("name", RENDERERS)
def test_no_accuracy_stands_alone(result: Row, folder: Path, name: str) -> None:
    groups = RENDERERS[name](result, folder)
    assert list(_bare(_scores(result), groups)) == []
    assert ("student-lora", "test") in _hits(_scores(result), groups) or name == "report of a blocked run"


@pytest.mark.parametrize("name", SILENT)
def test_what_shows_no_accuracies_shows_none(result: Row, folder: Path, name: str) -> None:
    groups = SILENT[name](result, folder)
    assert groups
    assert _hits(_scores(result), groups) == set()


def test_no_accuracy_stands_alone_in_what_a_run_prints_and_leaves(toy_site: Path, tmp_path: Path) -> None:
    assert toy_site
    chosen = [word for kind, name in CHOSEN.items() for word in (f"--{kind}", name)]
    sizes = [word for split, size in SIZES.items() for word in ("-o", f"sizes.{split}={size}")]
    groups = _command("run", *chosen, *sizes, "--out", tmp_path / "run")
    for page in [*sorted((tmp_path / "run").glob("*.md")), tmp_path / "run" / "strategy.txt"]:
        groups += page.read_text().splitlines()
    scores = _scores(files.read(tmp_path / "run" / filenames.RESULT))
    assert list(_bare(scores, groups)) == []
    assert ("student-base", "test") in _hits(scores, groups)
    assert files.read(tmp_path / "run" / filenames.AUDIT)["verdict"] == "blocked"


def test_a_bare_accuracy_would_be_found(result: Row) -> None:
    (lora,) = (arm for arm in result["arms"] if (arm["arm"], arm["split"]) == ("student-lora", "test"))
    value = lora["accuracy"]["value"]
    whole = next(line for line in summary.text(result).splitlines() if line.startswith("student-lora     test"))
    assert list(_bare([lora], [whole])) == []
    for told in (
        f"{100 * value:.1f}% right",
        f"accuracy {value:.3f}",
        f"{value:.0%}",
        f"{lora['correct']}/{lora['n']}",
    ):
        assert list(_bare([lora], [told])) == [told]
    for part in (
        str(lora["n"]),
        f"{100 * lora['accuracy']['low']:.1f}",
        f"{100 * lora['best_trivial']['accuracy']:.1f}",
    ):
        assert list(_bare([lora], [whole.replace(part, "?")]))


def test_every_module_that_reads_right_answers_is_known_here() -> None:
    reads = re.compile(r"""\[["'](?:accuracy|correct)["']\]|\.correct\b""")
    folders = [path for name in ("harness", "tools") for path in sorted((ROOT / name).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)) for path in folders if reads.search(path.read_text())}
    assert found - COUNTS - IN_SHORT - SPEAKS.keys() == set()
    assert set(SPEAKS.values()) <= {*RENDERERS, *SILENT, "harness run", "no score at all"}


def test_the_figure_of_a_page_is_an_image_of_the_same_arms(result: Row) -> None:
    page = report.html(result, audit(result, []))
    images = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page)
    assert base64.b64decode(images[0]) == figure.svg(result["arms"], TRANSFER)
