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
    kind: Literal["wrong", "missing", "unknown"] = "wrong"


def without_echoes(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Drop what is missing only because it stands there under a misspelt name."""
    mistakes = list(mistakes)
    unknown = [mistake.path for mistake in mistakes if mistake.kind == "unknown"]
    return [
        mistake
        for mistake in mistakes
        if mistake.kind != "missing"
        or not any(_is_misspelling(path, mistake.path) for path in unknown)
    ]


def _is_misspelling(path: KeyPath, meant: KeyPath) -> bool:
    same_parent = path[:-1] == meant[:-1]
    return same_parent and bool(did_you_mean(str(path[-1]), [str(meant[-1])]))
