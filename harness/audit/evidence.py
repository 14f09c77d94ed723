"""A result as a check reads it: what is absent or null cannot be read, and what was read is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.api import Design, MissingEvidenceError
from harness.boundary import files
from harness.boundary.schemas import path_text
from harness.design import designs


class Evidence:
    """One value of a result with its place. See ``harness.api.Evidence``."""

    def __init__(
        self,
        value: Any,
        path: tuple[str | int, ...] = (),
        read: dict[str, str | None] | None = None,
        design: Design | None = None,
    ) -> None:
        self._value = value
        self._path = path
        self._read: dict[str, str | None] = {} if read is None else read
        self.design = designs.of(value) if design is None else design

    @property
    def read(self) -> list[str]:
        """Paths of the values that were read, in order."""
        return list(self._read)

    def __getitem__(self, key: str | int) -> Any:
        """The value under a key. Raises MissingEvidenceError if there is none."""
        value = self.maybe(key)
        if value is None:
            raise MissingEvidenceError(f"{path_text((*self._path, key))} is not known")
        return value

    def maybe(self, key: str | int) -> Any:
        """The value under a key, or None where it is null. Raises MissingEvidenceError if the key itself is absent."""
        path = (*self._path, key)
        self._note(path)
        try:
            value = self._value[key]
        except (KeyError, IndexError, TypeError):
            raise MissingEvidenceError(f"{path_text(path)} is missing") from None
        return Evidence(value, path, self._read, self.design) if isinstance(value, dict | list) else value

    def __iter__(self) -> Iterator[Any]:
        """The members of a list as evidence, or the keys of an object."""
        self._note(self._path)
        if isinstance(self._value, dict):
            return iter(sorted(self._value))
        return (self[index] for index in range(len(self._value)))

    def __len__(self) -> int:
        """How many members there are."""
        self._note(self._path)
        return len(self._value)

    def digest(self) -> str:
        """SHA-256 of the whole value, as ``harness.boundary.files.digest`` takes it."""
        place = self._note(self._path)
        known = self._read[place]
        if known is None:
            known = self._read[place] = files.digest(self._value)
        return known

    def _note(self, path: tuple[str | int, ...]) -> str:
        """Remembers that a value was read, by its place; beside it stands its digest, once that was asked for."""
        place = path_text(path)
        self._read.setdefault(place, None)
        return place
