"""A spec as plain data that remembers where each value was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from causalxai.config.messages import said
from causalxai.config.mistake import KeyPath, Mistake, Place
from causalxai.config.reader import Reader
from causalxai.errors import Problem, SpecError


@dataclass(frozen=True)
class Document:
    """A spec's data, the places of its values and the mistakes that were found in reading it."""

    data: Mapping[str, Any]
    places: Mapping[KeyPath, Place]
    mistakes: tuple[Mistake, ...] = ()

    def place(self, path: KeyPath) -> Place:
        """Return where a value was written; for one that was not, where its mapping was."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def noting(self, *mistakes: Mistake) -> Document:
        """Return the document with further mistakes."""
        return replace(self, mistakes=(*self.mistakes, *mistakes))

    def placed(self, mistakes: Iterable[Mistake]) -> list[tuple[Place, Mistake]]:
        """Return the mistakes with their places."""
        return [(mistake.place or self.place(mistake.path), mistake) for mistake in mistakes]

    def problems(self, mistakes: Iterable[Mistake]) -> list[Problem]:
        """Return the mistakes as the user is told them, in the order of the lines."""
        return as_problems(self.placed(mistakes))


def as_problems(placed: Iterable[tuple[Place, Mistake]]) -> list[Problem]:
    """Return placed mistakes as the user is told them, in the order of the lines."""
    return [
        Problem(place.where, ".".join(map(str, mistake.path)), mistake.message)
        for place, mistake in sorted(placed, key=lambda pair: pair[0].line)
    ]


def read_document(source: str | Path | Mapping[str, Any]) -> Document:
    """Read a YAML file, or take a mapping as it is.

    Raises
    ------
    SpecError
        If there is nothing to read, or it is no YAML mapping at all. Mistakes that leave the
        rest readable are kept in the document.
    """
    if isinstance(source, Mapping):
        place = Place("spec")
        reader = Reader(lambda _line: place)
        data = reader.copy(source, ())
    else:
        reader = Reader(lambda line: Place(f"{source}:{line}", line))
        data = reader.parse(_text(Path(source)))
    if isinstance(data, dict):
        return Document(data, reader.places, tuple(reader.mistakes))
    place = Place(f"{source}:1", 1)
    message = "is empty" if data is None else f"should be a mapping, not {said(data)}"
    mistakes = reader.mistakes or [Mistake((), message, place)]
    raise SpecError(Document({}, {(): place}).problems(mistakes))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SpecError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise SpecError([Problem(str(path), "", "is not UTF-8 text")]) from error
