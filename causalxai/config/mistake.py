"""A mistake as the phases find it: by its path in the spec, not yet by its place in a file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from causalxai.errors import did_you_mean

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indices that lead from the whole spec to one of its values."""


@dataclass(frozen=True)
class Place:
    """Where something was written: a line of a file, an override, a Python mapping."""

    where: str
    line: float = math.inf
    """Sorts problems; what has no line comes last."""


@dataclass(frozen=True)
class Mistake:
    """What is wrong with the value at ``path``; ``place`` is given where the path doesn't tell."""

    path: KeyPath
    message: str
    place: Place | None = None
    kind: Literal["wrong", "missing", "unknown", "unreadable"] = "wrong"


def without_echoes(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Drop what is wrong only because of another mistake.

    That is a key that is missing because it stands there misspelt, and whatever is said of a
    value that could not be read.
    """
    told = list(mistakes)
    return [mistake for mistake in told if not any(_echoes(mistake, other) for other in told)]


def _echoes(mistake: Mistake, other: Mistake) -> bool:
    if other.kind == "unreadable":
        return mistake.kind != "unreadable" and mistake.path[: len(other.path)] == other.path
    if mistake.kind != "missing" or other.kind != "unknown":
        return False
    same_parent = mistake.path[:-1] == other.path[:-1]
    return same_parent and bool(did_you_mean(str(other.path[-1]), [str(mistake.path[-1])]))
