"""That imports point down from package to package, and that a plugin uses the plugin interface alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from harness.design.transfer import TRANSFER

ROOT = Path(__file__).parents[1]
FLOORS = (
    "api",
    "boundary",
    "registry",
    "design",
    "journal",
    "preflight",
    "experiment",
    "measures",
    "results",
    "audit",
    "output",
    "run",
    "cli",
    "__main__",
)
"""The packages of the harness, each above those that it may import."""
INTERFACE = "harness.api"
"""All that a plugin may import of the harness, in this very form: none of its modules."""
SHIPPED_DESIGN = "harness/design/transfer.py"
"""The one module of the harness that names arms; it is offered as the design of a plugin is."""
MOST_ENTRIES, MOST_MODULES, MOST_LINES = 16, 12, 1600
"""Of the top folder, and of one package: beyond these nobody finds anything."""
PLUGINS = sorted(path.parent for kind in ("plugins", "tasks") for path in ROOT.glob(f"{kind}/*/__init__.py"))
PACKAGES = sorted(path.parent for path in (ROOT / "harness").rglob("__init__.py"))


def imported(source: str) -> Iterator[str]:
    """Every module that a source imports, as ``package.module``; names taken from a bare package count as modules."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" if "." not in module else module for alias in names)


def upward(source: str, package: str) -> set[str]:
    """What a source in a package of the harness imports of the harness's higher packages, or of a plugin."""
    below = FLOORS[: FLOORS.index(package) + 1]
    found = {name for name in imported(source) if re.match(r"harness(_|\.|$)", name)}
    allowed = {"harness.__version__", "harness_schemas", *(f"harness.{name}" for name in below)}
    return {name for name in found if ".".join(name.split(".")[:2]) not in allowed}


def beyond(source: str, plugin: str) -> set[str]:
    """What a plugin imports of the harness and of other plugins, and should not."""
    ours = {name for name in imported(source) if re.match(r"harness(_|\.|$)", name)}
    return {name for name in ours if name != INTERFACE and name.split(".")[0] != plugin}


def _sources(folder: Path) -> Iterable[tuple[str, str]]:
    return ((str(path.relative_to(ROOT)), path.read_text()) for path in sorted(folder.rglob("*.py")))


def test_the_page_of_the_architecture_tells_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    floors = re.search(r"Imports point down: (.*?), each above", page, re.DOTALL)
    assert floors
    assert tuple(re.findall(r"`(\w+)`", floors[1])) == FLOORS[:-1]
    named = set(re.findall(r"`((?:harness|tests|docs|plugins|tasks|schemas)/[\w/.]*)`", page))
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_package_has_its_floor() -> None:
    entries = {
        path.stem for path in (ROOT / "harness").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert entries - {"__init__"} == set(FLOORS)


@pytest.mark.parametrize("package", FLOORS)
def test_imports_point_down_and_the_core_knows_no_plugin(package: str) -> None:
    top = ROOT / "harness" / package
    sources = _sources(top) if top.is_dir() else [(f"harness/{package}.py", top.with_suffix(".py").read_text())]
    found = {path: upward(source, package) for path, source in sources}
    assert {path: names for path, names in found.items() if names} == {}


def test_an_import_that_is_turned_round_is_found() -> None:
    source = (ROOT / "harness" / "experiment" / "judging.py").read_text()
    assert "from harness.boundary import files" in source
    assert upward(source, "experiment") == set()
    turned = source.replace("from harness.boundary import files", "from harness.results import validation as files")
    assert upward(turned, "experiment") == {"harness.results"}


@pytest.mark.parametrize(
    "source",
    [
        "from harness import run",
        "import harness.cli.run",
        "from harness.audit.checks import checks",
        "import harness_lrl",
        "from harness_claude.prices import Prices",
    ],
)
def test_an_import_of_a_higher_package_or_of_a_plugin_is_found(source: str) -> None:
    assert upward(source, "measures")
    assert not upward("from harness import __version__\nfrom harness.api import Problem\nimport torch", "measures")


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_a_plugin_imports_nothing_but_the_plugin_interface(plugin: Path) -> None:
    found = {path: beyond(source, plugin.name) for path, source in _sources(plugin)}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from harness.boundary import files",
        "from harness.api.records import Problem",
        "import harness.journal",
        "from harness_claude.prices import Prices",
        "import harness",
    ],
)
def test_an_import_beyond_the_interface_is_found(source: str) -> None:
    assert beyond(source, "harness_lrl")
    assert not beyond("from harness.api import Problem\nimport harness_lrl.prompts\nimport torch", "harness_lrl")


def told_by_name(source: str, names: Iterable[str]) -> set[str]:
    """The texts in a source, but for what documents it, that hold one of these names as a word of its own."""
    tree = ast.parse(source)
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documents]
    words = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?![\w-])")
    return {text for text in texts if isinstance(text, str) and words.search(text)}


def test_no_arm_is_known_by_its_name_but_in_its_design() -> None:
    sources = [(path, source) for path, source in _sources(ROOT / "harness") if path != SHIPPED_DESIGN]
    found = {path: told_by_name(source, TRANSFER.names) for path, source in sources}
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_an_arm_that_is_known_by_its_name_is_found() -> None:
    source = '"""Of student-lora."""\nname = f"the arm student-lora of {plan}"\nother = "student-lora-2"'
    assert told_by_name(source, TRANSFER.names) == {"the arm student-lora of "}


def test_the_design_that_ships_uses_the_plugin_interface_alone() -> None:
    assert beyond((ROOT / SHIPPED_DESIGN).read_text(), "harness_transfer") == set()


def test_the_top_folder_can_be_taken_in_at_a_glance() -> None:
    entries = [path.name for path in (ROOT / "harness").iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_package_is_too_large_to_find_one_s_way_in(package: Path) -> None:
    modules = list(package.glob("*.py"))
    assert len(modules) <= MOST_MODULES
    assert sum(len(path.read_text().splitlines()) for path in modules) <= MOST_LINES
