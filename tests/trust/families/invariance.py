"""Tables of concepts in other units, with other zero points, in another order, by other names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from tests.trust.family import Case, Family
from tests.trust.observers import OBSERVERS, Edges, Values, warnings_are_errors

_NAMES = ("u", "v", "w", "x")
_ROWS, _TABLES = 200, 3
_FEWER_TABLES = {"glance's label search": 1, "resit": 2}  # They take seconds for each table.

_Change: TypeAlias = Callable[[Values, np.random.Generator], tuple[Values, Sequence[str]]]
"""Returns the changed table and, for each of its columns, the name that it had before."""


def _worlds(noise: str, count: int) -> Iterator[Values]:
    """Yield tables of random linear structural models."""
    for seed in range(count):
        rng = np.random.default_rng([seed, len(noise)])
        own = {
            "normal": rng.normal,
            "uniform": partial(rng.uniform, -1, 1),
            "exponential": partial(rng.exponential, 1),
            "rounded": rng.normal,
        }[noise](size=(_ROWS, 4))
        present = np.triu(rng.random((4, 4)) < 0.6, 1)
        weights = present * rng.uniform(0.5, 1.5, (4, 4)) * rng.choice([-1, 1], (4, 4))
        values = (own @ np.linalg.inv(np.eye(4) - weights))[:, rng.permutation(4)]
        yield np.round(values) if noise == "rounded" else values


def _units(values: Values, rng: np.random.Generator) -> tuple[Values, Sequence[str]]:
    return values * 10.0 ** rng.integers(-6, 7, 4), _NAMES


def _signs(values: Values, rng: np.random.Generator) -> tuple[Values, Sequence[str]]:
    return values * rng.choice([-1, 1], 4), _NAMES


def _shift(values: Values, rng: np.random.Generator) -> tuple[Values, Sequence[str]]:
    return values + rng.normal(size=4) * 1000 * values.std(axis=0), _NAMES


def _order(values: Values, rng: np.random.Generator) -> tuple[Values, Sequence[str]]:
    columns = rng.permutation(4)
    return values[:, columns], [_NAMES[column] for column in columns]


def _names(values: Values, rng: np.random.Generator) -> tuple[Values, Sequence[str]]:
    return values, [_NAMES[name] for name in rng.permutation(4)]


def _rows(values: Values, rng: np.random.Generator) -> tuple[Values, Sequence[str]]:
    return values[rng.permutation(len(values))], _NAMES


CHANGES: Mapping[str, _Change] = {
    "units from 1e-6 to 1e6": _units,
    "other signs": _signs,
    "other zero points": _shift,
    "another order of columns": _order,
    "other names": _names,
    "another order of rows": _rows,
}

_CHANCE = {
    ("random-order", "another order of columns"),  # draws an order
    ("rcd", "another order of rows"),  # draws the rows of its tests
    ("resit", "another order of rows"),
}
"""Changes after which another random draw answers."""


def _compare(who: str, noise: str, folder: Path) -> None:
    find = OBSERVERS[who]
    faults = []
    with warnings_are_errors():
        for number, values in enumerate(_worlds(noise, _FEWER_TABLES.get(who, _TABLES))):
            before = find(values, _NAMES)
            for what, change in CHANGES.items():
                if (who, what) in _CHANCE:
                    continue
                changed, names = change(values, np.random.default_rng(number))
                expected = before if what != "other names" else _renamed(before, names)
                now = find(changed, names)
                if now != expected:
                    faults.append(f"table {number}, {what}: {_said(expected)} → {_said(now)}")
    assert not faults, "; ".join(faults)


def _renamed(edges: Edges, names: Sequence[str]) -> Edges:
    called = dict(zip(_NAMES, names, strict=True))
    renamed = set()
    for source, mark, target in edges:
        pair = called[source], called[target]
        renamed.add((min(pair), mark, max(pair)) if mark in "—↔" else (pair[0], mark, pair[1]))
    return frozenset(renamed)


def _said(edges: Edges) -> str:
    return ", ".join(sorted(" ".join(edge) for edge in edges)) or "no edge"


def _cases() -> Iterator[Case]:
    for who in OBSERVERS:
        for noise in ("normal", "uniform", "exponential", "rounded"):
            quick = noise == "uniform" and who in ("ges", "direct-lingam")
            yield Case(f"{who}, {noise} noise", partial(_compare, who, noise), quick=quick)


FAMILY = Family(
    "invariance",
    "A graph that is found in observed concepts does not depend on their units, signs, zero "
    "points, names or order, nor on the order of the images unless the method draws some of them.",
    _cases,
)
