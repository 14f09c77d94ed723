"""The source of a plugin as it is installed: its files as one digest, found without importing any of it.

A version says what a distribution calls itself; the digest says what it is. Both an installed and an editable
one has it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from importlib import metadata, util
from importlib.machinery import ModuleSpec
from pathlib import Path

OWN = "transfer-harness"
"""The distribution of the harness, in which many plugins ship: of it only the package of a plugin counts."""
COMPILED = {".pyc", ".pyo"}


def digest(target: str, distribution: str) -> str | None:
    """SHA-256 over names and bytes of all files that belong to the plugin with an entry point's target.

    These are the package or module that the target lies in, and the others at the top of its distribution, as far as
    that names them: every file in them but compiled ones and those with a name that begins with a point. None where
    the source cannot be found or read.
    """
    try:
        found: dict[str, Path] = {}
        for module in sorted({_home(target), *_beside(distribution)}):
            found |= _files(module)
        if not found:
            return None
        made = hashlib.sha256()
        for name, path in sorted(found.items()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            made.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
        return made.hexdigest()
    except (OSError, ImportError, ValueError, AttributeError):
        return None


def _home(target: str) -> str:
    """The outermost package or module of a target, below those that are nothing but a namespace."""
    parts = target.partition(":")[0].strip().split(".")
    for count in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:count]))
        if spec is None or _origin(spec) is not None:
            return ".".join(parts[:count])
    return ".".join(parts)


def _beside(distribution: str) -> Iterator[str]:
    """The other packages and modules at the top of a distribution."""
    if distribution == OWN:
        return
    try:
        installed = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return
    names = set((installed.read_text("top_level.txt") or "").split())
    for path in installed.files or ():
        top = path.parts[0]
        if path.suffix == ".py" and top.removesuffix(".py").isidentifier():
            names.add(top.removesuffix(".py"))
    for name in names:
        spec = _spec(name)
        if spec is not None and _origin(spec) is not None:
            yield name


def _files(module: str) -> dict[str, Path]:
    """Every file of a package or module by its name, which begins with that of the module."""
    spec = _spec(module)
    if spec is None:
        return {}
    if not spec.submodule_search_locations:
        path = _origin(spec)
        return {} if path is None else {f"{module}/{path.name}": path}
    return {
        f"{module}/{path.relative_to(folder).as_posix()}": path
        for folder in map(Path, spec.submodule_search_locations)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in COMPILED and not _hidden(path.relative_to(folder))
    }


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is: from the finders, since one that is loaded may have been found elsewhere. Runs none of it."""
    if "." in module:
        return util.find_spec(module)  # its parents are namespaces, and hold no code
    for finder in sys.meta_path:
        spec = finder.find_spec(module, None)
        if spec is not None:
            return spec
    return None


def _origin(spec: ModuleSpec) -> Path | None:
    """The file of a module, of a package its first; None for a namespace."""
    return Path(spec.origin) if spec.has_location and spec.origin else None
