"""Mistakes in a spec, located by the path of the key and later by the line of the file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from causalxai.errors import did_you_mean

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indices that lead from the whole spec to one of its values."""


@dataclass(frozen=True)
class Place:
    """The place where a value was written: a line of a file, an override, a Python mapping."""

    where: str
    line: float = math.inf
    """The order of problems; those without a line come last."""
    folder: Path | None = field(default=None, compare=False)
    """The folder of the file; ``None`` if it is not in a file."""

    @property
    def in_file(self) -> bool:
        """Whether it is in a file, and not in an override or a Python mapping."""
        return math.isfinite(self.line)


@dataclass(frozen=True)
class Mistake:
    """A mistake in the value at ``path``; ``place`` is set if it does not follow from the path."""

    path: KeyPath
    message: str
    place: Place | None = None
    kind: Literal["wrong", "missing", "unknown", "unreadable"] = "wrong"


def without_echoes(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Drop the mistakes that are only consequences of others.

    These are keys that are reported as missing because they are misspelt, and mistakes in values
    that could not be read.
    """
    found = list(mistakes)
    return [mistake for mistake in found if not any(_echoes(mistake, other) for other in found)]


def _echoes(mistake: Mistake, other: Mistake) -> bool:
    if other.kind == "unreadable":
        return mistake.kind != "unreadable" and mistake.path[: len(other.path)] == other.path
    if mistake.kind != "missing" or other.kind != "unknown" or not mistake.path:
        return False
    same_parent = mistake.path[:-1] == other.path[:-1]
    return same_parent and bool(did_you_mean(str(other.path[-1]), [str(mistake.path[-1])]))
