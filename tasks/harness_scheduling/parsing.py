"""Reading replies, which are untrusted text: the answer and the peak that one states.

No regular expressions: both are a fixed number of passes over the text, at the speed of the string methods.
"""

from __future__ import annotations

import codecs

from harness_scheduling.domain import NO, YES

_IGNORED = " \t*_`#>.!"
"""What is ignored beside a number."""
_LONGEST_NUMBER = 9

_MARKUP = " \t*_`#<>()[]{}$\\\"'.,;-+"
"""What is ignored in a line with an answer: spaces, bullets, quotation marks, brackets, full stops."""
_MARKS = "‘’‚“”„«»‹›「」『』【】《》〈〉（）［］｛｝＊＿＃＄．，；＂＇。、·•‣◦▪–—‐‑−"  # noqa: RUF001 - they are looked for because they look alike
"""The same beyond ASCII."""
_SPACES = "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_INVISIBLE = (
    "\xad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0f\ufeff"
)
_BREAKS = "\r\x0b\x0c\x85\u2028\u2029"
"""What ends a line, as a line feed does."""
_WIDE = dict(zip("ＡＮＳＷＥＲＹＯａｎｓｗｅｒｙｏ：﹕！＜＞◁▷", "ANSWERYOANSWERYO::!<><>", strict=True))  # noqa: RUF001 - they are looked for because they look alike
"""The letters and signs of an answer as East Asian text has them, and the triangles that mark a thought."""
_NAMES = (b"THINK", b"THINKING", b"THOUGHT", b"REASONING")
_THOUGHTS = {
    b"".join((left, slash, name, right)): b"".join((b"<", slash, b"THINK>"))
    for name in _NAMES
    for left, right in ((b"<", b">"), (b"[", b"]"))
    for slash in (b"", b"/")
}
"""How models mark where a thought begins and where it ends, and the one mark for each."""
_LATEX = tuple(
    f"\\{name}".encode()
    for name in ("BOXED", "FBOX", "UNDERLINE", "TEXTBF", "TEXTIT", "TEXTRM", "TEXTTT", "TEXT", "MATHBF", "MATHRM")
)
"""Commands in which a label is set, each before the one that it begins with."""

_PAGE = "".join(map(chr, range(128))) + "".join(dict.fromkeys((*_MARKS, *_SPACES, *_INVISIBLE, *_BREAKS[3:], *_WIDE)))
"""A code page of ASCII and of all that is of interest here: with it a text becomes bytes, of which reading is quick."""
_CODES = codecs.charmap_build(f"{_PAGE:\ufffe<256}")


def _bytes(text: str) -> bytes:
    """A text in the code page; for any other character a question mark."""
    return codecs.charmap_encode(text, "replace", _CODES)[0]


_PLAIN = bytes.maketrans(
    _bytes("".join(map(chr, range(97, 123))) + _BREAKS + "".join(_WIDE)),
    _bytes("".join(map(chr, range(65, 91))) + "\n" * len(_BREAKS) + "".join(_WIDE.values())),
)
"""Capitals, one mark for the end of a line, and East Asian forms as ASCII."""
_DROPPED = _bytes(_MARKUP + _MARKS + _SPACES + _INVISIBLE)
_ANSWER = b"\nANSWER:"
_LINES = {_ANSWER + label.encode() + b"\n": label for label in (YES, NO)}


def parse(reply: str) -> str | None:
    """The label that a reply states, or None.

    A line states a label if it reads ``ANSWER: YES`` or ``ANSWER: NO`` in any case and width, spaces, markdown, LaTeX,
    quotation marks and full stops aside. None if no line does, if two lines state different labels, or if the last line
    that starts with ``ANSWER:`` states none, such as ``ANSWER: YES or NO``. What stands in a thought states nothing,
    and a thought that is not closed goes on to the end.
    """
    text = _bare(_said(_bytes(reply).translate(_PLAIN)))
    stated = [label for line, label in _LINES.items() if line in text]
    if len(stated) != 1:
        return None
    last = text[text.rfind(_ANSWER) + len(_ANSWER) :].partition(b"\n")[0]
    return stated[0] if last == stated[0].encode() else None


def claimed_peak(reply: str) -> int | None:
    """The number on the last line that reads ``Peak: 3``, or None if there is no such line."""
    text = f"\n{reply.upper()}\n".replace("\r", "\n")
    end = len(text)
    while (place := text.rfind("PEAK", 0, end)) >= 0:
        end = text.rfind("\n", 0, place)
        head, _, tail = text[end + 1 : text.find("\n", place)].partition(":")
        if head.strip(_IGNORED) == "PEAK":
            number = tail.strip(_IGNORED)
            return int(number) if number.isascii() and number.isdecimal() and len(number) <= _LONGEST_NUMBER else None
    return None


def _said(text: bytes) -> bytes:
    """A text in capitals without its thoughts.

    What comes before an end without a beginning is a thought too: there the prompt has begun it.
    """
    if not any(map(text.__contains__, _NAMES)):
        return text
    for mark, one in _THOUGHTS.items():
        text = text.replace(mark, one)
    last, *before = reversed(text.split(b"</THINK>"))
    said = [last.partition(b"<THINK>")[0]]
    for part in before:
        outside, begun, _ = part.partition(b"<THINK>")
        if not begun:
            break
        said.append(outside)
    return b"\n".join(reversed(said))


def _bare(text: bytes) -> bytes:
    """A text in capitals, each line between two line feeds, without what is ignored in a line."""
    if b"\\" in text:
        for command in _LATEX:
            text = text.replace(command, b"")
    text = text.translate(None, _DROPPED)
    text = text.replace(b":!", b":?").replace(b"!", b"")  # a mark before a label may deny it
    return b"\n" + text + b"\n"
