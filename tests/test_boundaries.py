"""That a plugin that ships uses the plugin interface alone, as any other plugin does, and no other plugin."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INTERFACE = {"errors", "events", "hookspecs", "protocols", "recording", "records", "specs"}
PACKAGES = sorted(path.parent for kind in ("plugins", "tasks") for path in ROOT.glob(f"{kind}/*/__init__.py"))


def imported(source: str) -> Iterator[str]:
    """Every module that a source imports, as ``package.module``; names taken from a bare package count as modules."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" if "." not in module else module for alias in names)


def beyond(source: str, package: str) -> set[str]:
    """The modules of the harness and of other plugins that a plugin imports and should not."""
    allowed = {f"harness.{name}" for name in INTERFACE}
    found = {".".join(name.split(".")[:2]) for name in imported(source)}
    ours = {name for name in found if re.fullmatch(r"harness(_\w+)?", name.split(".")[0])}
    return {name for name in ours if name not in allowed and name.split(".")[0] != package}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_plugin_imports_nothing_but_the_plugin_interface(package: Path) -> None:
    found = {str(path.relative_to(ROOT)): beyond(path.read_text(), package.name) for path in package.rglob("*.py")}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_guide_names_the_modules_of_the_interface() -> None:
    guide = (ROOT / "docs" / "plugins.md").read_text()
    _, _, after = guide.partition("are the plugin interface")
    table = after.split("\n\n")[1]
    assert set(re.findall(r"`harness\.(\w+)`", table)) == INTERFACE


@pytest.mark.parametrize(
    "source",
    [
        "from harness import files",
        "from harness.plan import Plan",
        "import harness.journal",
        "from harness.audit.checks import checks",
        "from harness_claude.prices import Prices",
        "import harness",
    ],
)
def test_an_import_beyond_the_interface_is_found(source: str) -> None:
    assert beyond(source, "harness_lrl")
    assert not beyond("from harness.records import Problem\nfrom harness import errors\nimport torch", "harness_lrl")
