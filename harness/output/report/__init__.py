"""The report of a run: one static HTML page of a result and its audit, and the model cards of its adapters.

A page is a pure function of both. It holds no script, loads nothing and links nowhere; whatever was written by a model
or stands in a file is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.boundary import filenames, files
from harness.design import designs
from harness.results import disclosures

if TYPE_CHECKING:
    from jinja2 import Environment


def html(result: Mapping[str, Any], audit: Mapping[str, Any]) -> str:
    """The page of a valid result and the audit of it. Equal input gives equal bytes on one set of library versions."""
    from markupsafe import Markup

    from harness.output.report import history, scores, verdict

    style = resources.files(__name__).joinpath("templates", "style.css").read_text("utf-8")
    template = _environment().get_template("report.html")
    return template.render(
        style=Markup(style),  # noqa: S704 - a file of this package, with nothing of a result in it
        policy=_policy(style),
        title=_title(result),
        subtitle=_subtitle(result),
        remarks=disclosures.remarks(result),
        verdict=verdict.verdict(result, audit),
        figures=_figures(result),
        arms=scores.arms(result),
        sections=[
            scores.contrasts(result),
            *scores.course(result),
            scores.transitions(result),
            scores.transfer(result),
            scores.strata(result),
            history.problems(result),
            history.training(result),
            history.learning(result),
            history.calls(result),
            history.plan(result),
            history.beside(result),
        ],
        result_sha256=audit["result_sha256"],
        schema=result["schema"],
    )


def write(run_dir: Path, result: Mapping[str, Any], audit: Mapping[str, Any]) -> Path:
    """Writes report.html into a run directory, and the card of each adapter beside its weights. Returns the page."""
    from harness.output.report import card

    files.write(run_dir / filenames.REPORT, html(result, audit))
    for training in result["training"]:
        card.write(run_dir, result, audit, training)
    return run_dir / filenames.REPORT


@cache
def _environment() -> Environment:
    """Templates of the package alone; everything that is put into them is made visible and escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from harness.measures import formatting

    def told(value: object) -> object:
        if isinstance(value, Markup) or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str):
            return formatting.visible(value)
        raise TypeError(f"{type(value).__name__} has no form on a page")

    return Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=told,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _policy(style: str) -> str:
    """The page's content security policy: its own style and images within it, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _figures(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figure as an image within the page, for each of the two colour schemes; none where there is no arm."""
    from markupsafe import Markup

    from harness.output.report import figure

    schemes = {"light": False, "dark": True} if result["arms"] else {}
    design = designs.of(result)
    drawn = {n: base64.b64encode(figure.svg(result["arms"], design, dark)).decode() for n, dark in schemes.items()}
    return [(name, Markup(f"data:image/svg+xml;base64,{svg}")) for name, svg in drawn.items()]  # noqa: S704 - base64


def _title(result: Mapping[str, Any]) -> str:
    plugins = result["plan"]["plugins"]
    teacher, student = (plugins[kind]["name"] if plugins[kind] else None for kind in ("teacher", "student"))
    task = plugins["task"]["name"]
    if result["source"] == "table":
        return f"{task}: published counts"
    return f"{task}: {' to '.join(name for name in (teacher, student) if name)}"


def _subtitle(result: Mapping[str, Any]) -> str:
    made = result["plan"]
    preset = f"preset {made['preset']}, " if made["preset"] else ""
    source = "from a table, without the evidence that a run leaves; " if result["source"] == "table" else ""
    chosen = made["plugins"].get("design")
    design = f"design {chosen['name']}, " if chosen else ""
    return (
        f"{source}{design}{preset}seed {made['seed']}, plan {result['plan_sha256'][:12]}, harness {result['harness']}"
    )
