"""Reading and writing files with care: canonical JSON, strict parsing, atomic replacement, digests.

The only place that knows how bytes reach the disk, but for the journal, which appends.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

MAX_BYTES = 64 * 1024 * 1024
"""Largest JSON file that is read."""


def plain(value: Any) -> Any:
    """A record as plain JSON data. Paths are refused: they belong to one machine."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form")


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def pretty(value: Any) -> str:
    """JSON for people: indented, sorted keys, one final newline."""
    return json.dumps(plain(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def lines(rows: Iterable[Any]) -> str:
    """JSON Lines."""
    return "".join(canonical(row) + "\n" for row in rows)


def differences(was: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Where two JSON values differ: path such as ``arms[2].accuracy.value``, first value, second value."""
    if isinstance(was, dict) and isinstance(now, dict):
        return [
            found
            for key in sorted(was.keys() | now.keys())
            for found in differences(was.get(key), now.get(key), f"{path}.{key}" if path else key)
        ]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [
            found
            for index, (first, second) in enumerate(zip(was, now, strict=True))
            for found in differences(first, second, f"{path}[{index}]")
        ]
    return [] if was == now and isinstance(was, bool) == isinstance(now, bool) else [(path, was, now)]


def parse(text: str) -> Any:
    """JSON read strictly. Raises ValueError for NaN, infinities, a key that occurs twice, or nesting without end."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    def number(literal: str) -> float:
        value = float(literal)
        if value in (float("inf"), float("-inf")):
            raise ValueError(f"{literal} is out of range")
        return value

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(pairs)
        if len(seen) != len(pairs):
            keys = [key for key, _ in pairs]
            raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice")
        return seen

    try:
        return json.loads(text, parse_constant=refuse, parse_float=number, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read(path: Path) -> Any:
    """A JSON file, read strictly. Raises OSError, or ValueError with one line on what is wrong."""
    return parse(read_text(path))


def read_lines(path: Path) -> list[Any]:
    """The rows of a JSON Lines file, read strictly. Raises OSError, or ValueError naming the line."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line:
            try:
                rows.append(parse(line))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
    return rows


def read_text(path: Path) -> str:
    """A text file of bounded size. Raises OSError, or ValueError for one that is too large or not UTF-8."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes; at most {MAX_BYTES} are read")
    return path.read_bytes().decode("utf-8")


def write(path: Path, text: str) -> None:
    """Replaces a file in one step: readers see the old one or the new one, whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
