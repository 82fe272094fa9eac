"""A spec as plain data that remembers where each value was written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from causalxai.config.limits import BYTES, MISTAKES
from causalxai.config.messages import said, shortened
from causalxai.config.mistake import KeyPath, Mistake, Place
from causalxai.config.reader import Reader
from causalxai.errors import Problem, SpecError


@dataclass(frozen=True)
class Document:
    """The data of a spec, the places of its values, and the mistakes found while reading."""

    data: Mapping[str, Any]
    places: Mapping[KeyPath, Place]
    mistakes: tuple[Mistake, ...] = ()

    def place(self, path: KeyPath) -> Place:
        """Return where a value was written; for a missing value, where its mapping was."""
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
        """Return the mistakes as problems for the user, in the order of the lines."""
        return as_problems(self.placed(mistakes))


def as_problems(placed: Iterable[tuple[Place, Mistake]]) -> list[Problem]:
    """Return placed mistakes as problems for the user, in the order of the lines.

    The last one says how many there are if they are too many to list.
    """
    problems = [
        Problem(place.where, _key(mistake.path), mistake.message)
        for place, mistake in sorted(placed, key=lambda pair: pair[0].line)
    ]
    listed, further = problems[:MISTAKES], len(problems) - MISTAKES
    if further > 0:
        listed.append(Problem(listed[-1].where, "", f"here and below are {further} more mistakes"))
    return listed


def _key(path: KeyPath) -> str:
    return ".".join(shortened(str(part)) for part in path)


def read_document(source: str | Path | Mapping[str, Any]) -> Document:
    """Read a YAML file, or copy a mapping.

    Raises
    ------
    SpecError
        If the source cannot be read or is not a YAML mapping. Mistakes that leave the rest
        readable are kept in the document.
    """
    if isinstance(source, Mapping):
        place = Place("spec")
        reader = Reader(lambda _line: place)
        data = reader.copy(source)
    else:
        folder = Path(source).parent
        place = Place(f"{source}:1", 1, folder)
        reader = Reader(lambda line: Place(f"{source}:{line}", line, folder))
        data = reader.parse(_text(Path(source)))
    if isinstance(data, dict):
        return Document(data, reader.places, tuple(reader.mistakes))
    message = "is empty" if data is None else f"should be a mapping, not {said(data)}"
    mistakes = reader.mistakes or [Mistake((), message, place)]
    raise SpecError(Document({}, {(): place}).problems(mistakes))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
    except OSError as error:
        raise SpecError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from error
    except ValueError as error:
        # The path contains a character that no file system has.
        raise SpecError([Problem(str(path), "", f"cannot be read: {error}")]) from error
    if len(content) > BYTES:
        raise SpecError(
            [Problem(str(path), "", f"has more than {BYTES} bytes, too many for a spec")]
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError([Problem(str(path), "", "is not UTF-8 text")]) from error
