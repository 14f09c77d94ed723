"""Reading replies, which are untrusted text: the answer and the peak that one states.

No regular expressions: both are a fixed number of passes over the text, at the speed of the string methods.
"""

from __future__ import annotations

from harness_scheduling.domain import NO, YES

_IGNORED = " \t*_`#>.!"
_LONGEST_NUMBER = 9


def parse(reply: str) -> str | None:
    """The label that a reply states, or None.

    A line states a label if it reads ``ANSWER: YES`` or ``ANSWER: NO`` in any case, spaces, markdown decoration and
    full stops aside. None if no line does, if two lines state different labels, or if the last line that starts with
    ``ANSWER:`` states none, such as ``ANSWER: YES or NO``.
    """
    text = _bare(reply)
    stated = {label for label in (YES, NO) if f"\nANSWER:{label}\n" in text}
    last = text[text.rfind("\nANSWER:") + len("\nANSWER:") :].partition("\n")[0]
    return last if stated == {last} else None


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


def _bare(reply: str) -> str:
    """The reply in capitals, each line between two line feeds, without what is ignored in a line."""
    text = reply.upper().replace("\r", "\n")
    for character in _IGNORED:
        text = text.replace(character, "")
    return f"\n{text}\n"
