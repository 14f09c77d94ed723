"""Secrets of the environment, kept from code that has no business with them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = re.compile(
    r"(.*_)?((API)?KEYS?|TOKENS?|SECRETS?|PASSPHRASES?|CREDENTIALS?|\w*PASSW(OR)?D)(_.*)?", re.IGNORECASE
)
"""Names of variables that hold a secret: by whole words between underscores, so that ``KEYBOARD`` is none.

``PASSWORD`` may also end a word, as in ``PGPASSWORD``.
"""


@contextmanager
def hidden() -> Iterator[None]:
    """Takes every secret out of the environment meanwhile: from this process and from those that it starts."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if NAMES.fullmatch(name)}
    try:
        yield
    finally:
        os.environ.update(taken)
