"""Reading and writing files with care: canonical JSON, strict parsing, atomic replacement, digests.

The only place that knows how bytes reach the disk, but for the journal, which appends.
"""

from __future__ import annotations

import codecs
import dataclasses
import hashlib
import itertools
import json
import os
import re
import stat
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

import orjson

from harness.boundary import folders

MAX_BYTES = 64 * 1024 * 1024
"""Largest JSON file that is read, and the longest line of a JSON Lines file, which itself may have any size."""
MAX_DEPTH = 100
"""How deeply JSON may be nested."""
MAX_DIGITS = 300
"""Digits of the longest integer that is written and read: a float holds as many."""
TEMPORARY = ".tmp"
"""How the name of a file ends that is not whole yet. A kill can leave one behind; it begins with a point."""


_HALF_OF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_LARGEST = 10**MAX_DIGITS
_MARKS = {  # UTF-32 first: one of its marks begins with one of UTF-16
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_SCALARS = frozenset({str, bool, float, type(None)})
_AS_IT_IS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_LOOKED_AT = 1024
"""Bytes at the start of a text from which its encoding is told."""
UNKNOWN = object()
"""That a value is not known."""


def plain(value: Any) -> Any:
    """A record as plain JSON data. Paths are refused: they belong to one machine.

    Raises TypeError for what has no JSON form, and ValueError for an integer that could not be read again.
    """
    kind: Any = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {str(key): plain(inner) for key, inner in value.items()}
    if kind is list or kind is tuple:
        return [plain(inner) for inner in value]
    if isinstance(value, int):
        if -_LARGEST < value < _LARGEST:
            return value
        raise ValueError(f"an integer of more than {MAX_DIGITS} digits is out of range")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(inner) for name, inner in fields(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float | str):
        return value
    raise TypeError(f"{kind.__name__} has no JSON form")


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The fields that are left out where they have these values."""
    later = [field for field in dataclasses.fields(kind) if "written" in field.metadata]
    made = dataclasses.MISSING
    return tuple(
        (field.name, field.default if field.default_factory is made else field.default_factory()) for field in later
    )


def fields(record: Any) -> dict[str, Any]:
    """The fields of a record as they are written. Raises TypeError for anything else, which ``plain`` may know."""
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"{type(record).__name__} is no record")
    kind = type(record)
    found = {name: getattr(record, name) for name in _field_names(kind)}
    for name, default in _defaults(kind):
        if found[name] == default:
            del found[name]
    return found


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=fields
).encode


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    try:
        orjson.dumps(value, fields, _AS_IT_IS)  # sees that nothing but records is to be made plain, and quickly
    except orjson.JSONEncodeError:
        value = plain(value)
    return _CANONICAL(value)


def reads_back(text: str, value: Any) -> bool:
    """Whether canonical JSON can be read, and is that of a value all of which is JSON already."""
    try:
        return bool(orjson.loads(text) == value)
    except orjson.JSONDecodeError:
        return False


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


def line(row: Any) -> str:
    """A line of a JSON Lines file."""
    return canonical(row) + "\n"


def lines(rows: Iterable[Any]) -> str:
    """JSON Lines."""
    return "".join(map(line, rows))


def parse(text: str) -> Any:
    """JSON read strictly.

    Raises ValueError for NaN, infinities, an integer of more than MAX_DIGITS, a key that occurs twice, half a surrogate
    pair, or nesting over MAX_DEPTH.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    def number(literal: str) -> float:
        value = float(literal)
        if value in (float("inf"), float("-inf")):
            raise ValueError(f"{literal[:40]} is out of range")
        return value

    def integer(literal: str) -> int:
        if len(literal.removeprefix("-")) > MAX_DIGITS:
            raise ValueError(f"an integer of more than {MAX_DIGITS} digits is out of range")
        return int(literal)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(pairs)
        if len(seen) != len(pairs):
            (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
            raise ValueError(f"the key {key[:80]!r} occurs twice")
        return seen

    try:
        value = json.loads(text, parse_constant=refuse, parse_float=number, parse_int=integer, object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _check_depth(value)
    if _HALF_OF_A_PAIR.search(text):
        try:
            canonical(value).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair is no text") from None
    return value


def if_canonical(data: bytes) -> Any:
    """The value of JSON that is written as ``canonical`` writes it, else UNKNOWN: far quicker than ``parse``.

    What is the same again when it is written holds no key twice, no number out of range and no half of a surrogate
    pair. Some floats are written in another way; their lines are UNKNOWN.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return UNKNOWN
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != data:
        return UNKNOWN
    return value


def _check_depth(value: Any) -> None:
    """Raises ValueError for a value that code which walks it step by step could not get to the ground of."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
    raise ValueError(f"nested too deeply; at most {MAX_DEPTH} levels are read")


def read(path: Path) -> Any:
    """A JSON file, read strictly. Raises OSError, or ValueError with one line on what is wrong."""
    return parse(read_text(path))


def read_lines(path: Path) -> list[Any]:
    """The rows of a JSON Lines file, read strictly. Raises OSError, or ValueError naming the line."""
    return list(stream_lines(path))


def stream_lines(path: Path) -> Iterator[Any]:
    """As ``read_lines``, one by one."""
    _require_regular(path)
    with path.open("rb") as stream:
        for number in itertools.count(1):
            line = stream.readline(MAX_BYTES + 1)
            if not line:
                return
            try:
                _require_size(len(line))
                value = if_canonical(line.removesuffix(b"\n"))
                if value is UNKNOWN:
                    if not (text := decoded(line).removesuffix("\n")):
                        continue
                    value = parse(text)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error
            yield value


def read_text(path: Path) -> str:
    """A text file of bounded size. Raises OSError, or ValueError for one that is too large, no file or not UTF-8."""
    _require_size(_require_regular(path))
    return decoded(path.read_bytes())


def decoded(data: bytes) -> str:
    """UTF-8 as text, without the byte order mark that some editors put before it.

    Raises ValueError that says what else the bytes are, as far as that can be told.
    """
    if other := _other_encoding(data):
        raise ValueError(f"{other} text; save it as UTF-8")
    while data.startswith(codecs.BOM_UTF8):  # one more with each editor that adds its own
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"not UTF-8 text (byte {error.start} is 0x{data[error.start]:02x}); save it as UTF-8"
        ) from None


def _other_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32: by its mark, or by the NUL bytes at every other place, or more, of a Latin text in it."""
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return name
    head = data[:_LOOKED_AT]
    if not head or head.count(0) * 4 < len(head):
        return None
    for name in ("UTF-32", "UTF-16"):
        for order in ("le", "be"):
            try:
                text = codecs.getincrementaldecoder(f"{name}-{order}")().decode(head)
            except UnicodeDecodeError:
                continue
            if text and "\0" not in text:
                return name
    return None


def _require_regular(path: Path) -> int:
    """The size of a file in bytes. Raises OSError, or ValueError for what is no file."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("not a regular file")
    return found.st_size


def _require_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"too large; at most {MAX_BYTES} bytes are read")


def write(path: Path, text: str | Iterable[str]) -> str:
    """Replaces a file in one step: readers see the old one or the new one, whole.

    ``text``: as a whole, or in pieces. Returns its SHA-256, in hexadecimal.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            written = _written(stream, (text,) if isinstance(text, str) else text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a write or a sync does not say what it is to
        raise
    folders.sync_folder(path.parent)
    return written


def _written(stream: IO[bytes], pieces: Iterable[str]) -> str:
    sha256 = hashlib.sha256()
    for piece in pieces:
        data = piece.encode()
        sha256.update(data)
        stream.write(data)
    return sha256.hexdigest()


def leftovers(folder: Path) -> list[Path]:
    """The files that a kill left in a folder before ``write`` could give them their name."""
    return [path for path in folder.iterdir() if path.name.startswith(".") and path.name.endswith(TEMPORARY)]
