from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.registry.sources import digest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package on the import path that must not be imported."""
    folder = tmp_path / "site" / "source_seen"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('was imported')\n")
    (folder / "inner" / "parsing.py").write_text("A = 1\n")
    (folder / "prices.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return folder


def _digest(target: str = "source_seen.inner.parsing:Plugin", distribution: str = "none") -> str | None:
    return digest(target, distribution)


def test_a_source_has_a_digest_and_nothing_is_imported_for_it(package: Path) -> None:
    assert package.is_dir()
    found = _digest()
    assert found is not None
    assert len(found) == 64
    assert _digest() == _digest("source_seen") == found
    assert "source_seen" not in sys.modules


@pytest.mark.parametrize("name", ["__init__.py", "inner/parsing.py", "prices.json", "inner/new.py"])
def test_every_file_of_the_package_counts(package: Path, name: str) -> None:
    before = _digest()
    with (package / name).open("a") as stream:
        stream.write(" ")
    assert _digest() != before


def test_a_file_of_another_name_is_another_source(package: Path) -> None:
    before = _digest()
    (package / "prices.json").rename(package / "price.json")
    assert _digest() != before


@pytest.mark.parametrize("name", ["__pycache__/parsing.cpython-311.pyc", "inner/parsing.pyc", ".parsing.py.swp"])
def test_what_is_compiled_or_hidden_does_not(package: Path, name: str) -> None:
    before = _digest()
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_bytes(b"x")
    assert _digest() == before


def test_a_single_module_has_one_too(package: Path) -> None:
    (package.parent / "source_alone.py").write_text("A = 1\n")
    before = digest("source_alone:plugin", "none")
    (package.parent / "source_alone.py").write_text("A = 2\n")
    assert None is not before != digest("source_alone:plugin", "none")


def test_of_a_namespace_only_the_part_that_holds_the_plugin_counts(package: Path) -> None:
    for name in ("mine", "other"):
        (package.parent / "source_space" / name).mkdir(parents=True)
        (package.parent / "source_space" / name / "__init__.py").write_text("")
    before = digest("source_space.mine.deep", "none")
    assert before is not None
    (package.parent / "source_space" / "other" / "__init__.py").write_text("A = 1\n")
    assert digest("source_space.mine.deep", "none") == before
    (package.parent / "source_space" / "mine" / "__init__.py").write_text("A = 1\n")
    assert digest("source_space.mine.deep", "none") != before


def test_another_module_of_the_same_distribution_counts(package: Path) -> None:
    info = package.parent / "seen_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: seen-dist\nVersion: 1.0\n")
    (info / "RECORD").write_text("source_helper.py,,\nsource_seen/__init__.py,,\nseen_dist-1.0.dist-info/METADATA,,\n")
    (package.parent / "source_helper.py").write_text("A = 1\n")
    before = _digest(distribution="seen-dist")
    (package.parent / "source_helper.py").write_text("A = 2\n")
    assert _digest(distribution="seen-dist") != before


def test_it_is_the_same_wherever_the_package_lies(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _digest()
    package.parent.rename(package.parents[1] / "moved")
    monkeypatch.syspath_prepend(package.parents[1] / "moved")
    assert _digest() == before


def test_what_cannot_be_found_has_none() -> None:
    for target in ("no_such_module", "", "os.nowhere.at:all", "..", "a b"):
        assert digest(target, "none") is None or target.startswith("os")
