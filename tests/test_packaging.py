"""What is installed is what the tree holds, and nothing else."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from importlib import import_module, metadata
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ROOTS = (".", "plugins", "tasks", "schemas")


@pytest.fixture(scope="module")
def setup() -> ConfigParser:
    parser = ConfigParser()
    parser.read(REPOSITORY / "setup.cfg")
    return parser


def _listed(setup: ConfigParser, key: str) -> list[str]:
    lines = [line.strip() for line in setup["options"][key].splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _found() -> set[str]:
    packages = set()
    for root in ROOTS:
        for top in (REPOSITORY / root).glob("harness*/__init__.py"):
            for inner in top.parent.rglob("__init__.py"):
                packages.add(".".join(inner.parent.relative_to(top.parents[1]).parts))
    return packages


def test_every_package_of_the_tree_is_listed(setup: ConfigParser) -> None:
    assert set(_listed(setup, "packages")) == _found()


def test_every_top_level_package_has_its_folder(setup: ConfigParser) -> None:
    folders = dict(line.split(" = ") for line in _listed(setup, "package_dir"))
    assert set(folders) == {name for name in _found() if "." not in name}
    for name, folder in folders.items():
        assert (REPOSITORY / folder / "__init__.py").is_file(), name
        assert (REPOSITORY / folder / "py.typed").is_file(), name


def test_every_entry_point_names_a_module_of_this_distribution(setup: ConfigParser) -> None:
    groups = [section.split("\n") for section in setup["options.entry_points"].values()]
    targets = {line.split(" = ")[1].split(":")[0] for group in groups for line in group if line}
    for target in targets:
        assert target.split(".")[0] in _found()
        import_module(target)


def test_the_seven_packages_of_the_design_are_required(setup: ConfigParser) -> None:
    required = {line.split(">")[0] for line in _listed(setup, "install_requires")}
    assert required >= {"pluggy", "torch", "transformers", "peft", "anthropic", "click", "jsonschema"}


def test_every_requirement_has_a_floor_and_a_locked_version(setup: ConfigParser) -> None:
    locked = {line.split("==")[0] for line in (REPOSITORY / "requirements.lock").read_text().splitlines()}
    for line in _listed(setup, "install_requires"):
        assert ">=" in line, line
        assert line.split(">=")[0] in locked, line


def test_every_tool_of_a_contributor_has_a_locked_version() -> None:
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    tools = {tool for group in groups.values() for tool in group if isinstance(tool, str)}
    locks = [REPOSITORY / name for name in ("requirements.lock", "requirements-dev.lock")]
    assert tools <= {line.split("==")[0] for path in locks for line in path.read_text().splitlines()}


def test_every_distribution_that_is_imported_is_required(setup: ConfigParser) -> None:
    required = {re.split(r"[<>=]", line)[0] for line in _listed(setup, "install_requires")}
    providers = metadata.packages_distributions()
    ours = {name.split(".")[0] for name in _found()}
    imported = {
        (name or "").split(".")[0]
        for package in _listed(setup, "package_dir")
        for path in (REPOSITORY / package.split(" = ")[1]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _names(node)
    }
    others = imported - ours - sys.stdlib_module_names - {""}
    assert [
        name for name in others if not required & {each.lower().replace("_", "-") for each in providers[name]}
    ] == []


def _names(node: ast.AST) -> list[str | None]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, level=0):
            return [module]
    return []


def test_the_version_comes_from_the_package(setup: ConfigParser) -> None:
    assert setup["metadata"]["version"] == "attr: harness.__version__"


def test_a_wheel_installs_harness_and_harness_packages_only(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a copy, since building leaves files behind that a later wheel would pick up
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(".*", "build", "runs", "*.egg-info"))
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {name for name in _found() if "." not in name}
    assert {f"harness_schemas/{name}.schema.json" for name in ("result", "plan", "item")} <= set(names)
    assert {"harness/output/report/templates/report.html", "harness/output/report/templates/style.css"} <= set(names)
    assert "harness_qwen_lora/tiny/model.safetensors" in names
