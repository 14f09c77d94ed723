"""Text from outside, made fit to show: a plugin's error, a model's reply, a name typed by a user.

Nothing here decides what to show, or where.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

_PLAIN = re.compile(r"[\w/. -]", re.ASCII)


def one_line(text: str) -> str:
    """``text`` on one line: whitespace runs become one space, and what a terminal might act on is dropped."""
    return " ".join("".join(char if char.isprintable() else _byte(char) or " " for char in text).split())


def printable(text: str) -> str:
    """``text`` as a terminal may have it: lines stay lines, and every character that it might act on is dropped.

    These are control characters, escape sequences among them, and the marks that turn the direction of text round. A
    byte of a file's name that is no UTF-8 is shown by its number.
    """
    return "".join(char if char.isprintable() or char == "\n" else _byte(char) for char in text)


def in_shell(path: Path) -> str:
    """A path as it can be typed, whatever bytes are in its name."""
    text = str(path)
    if text.isprintable():
        return shlex.quote(text)
    codes = (chr(byte) if _PLAIN.match(chr(byte)) else f"\\x{byte:02x}" for byte in os.fsencode(text))
    return f"$'{''.join(codes)}'"


def in_unicode(name: str) -> str:
    """The name of a file as text that every file can hold, with the number of each byte that is no UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _byte(char: str) -> str:
    """A byte of a file's name that is no UTF-8, as Python holds it in text; nothing for any other character."""
    return f"\\x{ord(char) - 0xDC00:02x}" if "\udc80" <= char <= "\udcff" else ""


def harmless(text: str) -> str:
    """``text`` as a file may have it that people read with whatever they like, a terminal among them.

    Lines and tabs stay, other white space becomes a space, and every other character that ``printable`` drops is
    dropped. What is harmless stays the same.
    """
    kept = (
        char if char.isprintable() or char in "\n\t" else " " if char.isspace() else ""
        for char in text.replace("\r\n", "\n")
    )
    return "".join(kept)


def shortened(text: str, most: int) -> str:
    """``text`` of at most so many characters: of a longer one its start, and three points."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def counted(count: int, noun: str) -> str:
    """``1 call``, ``2 calls``: for nouns that take an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """``" did you mean 'x'?"`` for the known name nearest to the given one, or nothing where none is near."""
    near = difflib.get_close_matches(given, list(known), n=1)
    return f" did you mean {near[0]!r}?" if near else ""
