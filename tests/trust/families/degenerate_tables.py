"""Tables of concepts in which there is little or nothing to be found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from causalxai.errors import CausalxaiError
from tests.trust.family import Case, Family
from tests.trust.observers import OBSERVERS, Values, warnings_are_errors

_N = 300
_NAMES = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class _Table:
    """A table, the pairs of columns that may be joined in it, and whether it must be refused."""

    values: Values
    joined: tuple[str, ...] = ()
    refused: bool = False


def _fine() -> Values:
    """Return a → b, and c, which is independent of both; not Gaussian."""
    rng = np.random.default_rng(3)
    a, b, c = rng.uniform(-1, 1, (3, _N))
    return np.column_stack([a, a + 0.5 * b, c])


def _with(**columns: Values) -> Values:
    """Return the fine table with some columns replaced, or more columns."""
    fine = dict(zip("abc", _fine().T, strict=True)) | columns
    return np.column_stack([np.asarray(column, dtype=np.float64) for column in fine.values()])


def _tables() -> Mapping[str, _Table]:
    rng = np.random.default_rng(4)
    a, b, c = _fine().T
    n, ones, row = _N, np.ones(_N), np.arange(_N)
    kind = rng.integers(3, size=n)
    refused = {
        "one row": _fine()[:1],
        "two rows": _fine()[:2],
        "as many rows as columns": _fine()[:3],
        "too few rows": _fine()[:11],
        "more columns than rows": rng.normal(size=(20, 26)),
        "a constant column": _with(c=ones),
        "a constant with rounding errors": _with(c=0.1 + 1e-17 + row % 2 * 2e-17),
        "a constant far from zero": _with(c=1e9 + row % 2 * 1e-7),
        "nothing but constants": np.ones((n, 3)),
        "nothing but zeros": np.zeros((n, 3)),
        "no number at all": np.full((n, 3), np.nan),
        "nothing but infinities": np.full((n, 3), np.inf),
        "a missing number": _with(c=np.where(row == 7, np.nan, c)),
        "an infinite number": _with(c=np.where(row == 7, -np.inf, c)),
        "a duplicate": _with(d=a),
        "a duplicate in another unit": _with(d=1e6 - 1e-6 * a),
        "a duplicate of the first column, first": np.column_stack([a, a, b, c]),
        "a duplicate up to float32": _with(d=a.astype(np.float32)),
        "a duplicate up to 1 in 10 000": _with(d=a + 1e-4 * rng.normal(size=n)),
        "two duplicates": _with(d=a, e=b),
        "a sum": _with(d=a + b),
        "a sum up to float32": _with(d=(a + b).astype(np.float32)),
        "a sum with an offset up to float32": _with(d=(a + b + 1000).astype(np.float32)),
        "a sum of four columns": _with(d=c * rng.normal(size=n), e=a - 2 * b + 3 * c),
        "shares of a whole": _with(d=1 - a - b - c),
        "one column for each of three kinds": np.eye(3)[kind],
        "one column for each of three kinds, beside others": np.c_[_fine(), np.eye(3)[kind]],
        "an attribute and its absence": _with(c=row % 2, d=1 - row % 2),
    }
    huge = np.array([1e300, 1e-300, 1])
    borne = {
        "one column": _Table(_fine()[:, :1]),
        "huge and tiny units": _Table(_fine() * huge, ("ab",)),
        "denormal numbers": _Table(_fine() * 1e-310, ("ab",)),
        "numbers near the largest": _Table(_fine() * 1e308, ("ab",)),
        "an offset of a million": _Table(_fine() + 1e6, ("ab",)),
        "an attribute of one image": _Table(_with(c=row == 5), ("ab",)),
        "an attribute of two images": _Table(_with(c=row < 2), ("ab",)),
        "an attribute that one image lacks": _Table(_with(c=row != 5), ("ab",)),
        "two attributes of an image each": _Table(_with(c=row == 5, d=row == 6), ("ab", "cd")),
        "an attribute that a threshold gives": _Table(_with(b=a > 0), ("ab",)),
        "attributes that one threshold separates": _Table(
            _with(b=a > 0, d=a > 0.5), ("ab", "ad", "bd")
        ),
        "independent attributes": _Table(rng.integers(2, size=(n, 3)).astype(float)),
        "two attributes, of which one implies the other": _Table(
            _with(a=row % 2, b=(row % 2) * (rng.random(n) < 0.5)), ("ab",)
        ),
        "few levels": _Table(np.round(2 * _with(b=rng.permutation(b)))),
        "mostly zeros": _Table(_with(a=np.maximum(a - 0.8, 0), b=rng.permutation(b))),
        "clipped at both ends": _Table(np.clip(_fine(), -0.5, 0.5), ("ab",)),
        "an outlier of a million sd": _Table(_with(c=np.where(row == 9, 1e6, c)), ("ab",)),
        "infinite variance": _Table(rng.standard_cauchy((n, 3))),
        "the same numbers in another order": _Table(_with(b=rng.permutation(a))),
        "a square": _Table(_with(b=a**2), ("ab",)),
        "a count and its order": _Table(_with(a=row.astype(float), b=rng.permutation(row))),
    }  # fmt: skip
    return {name: _Table(values, refused=True) for name, values in refused.items()} | borne


def _search(name: str, folder: Path) -> None:
    table = _tables()[name]
    names = _NAMES[: table.values.shape[1]]
    faults = []
    for who, find in OBSERVERS.items():
        try:
            with warnings_are_errors():
                edges = find(table.values, names)
        except CausalxaiError as error:
            if "\n" in str(error):
                faults.append(f"{who} refuses in more than a sentence: {error}")
            continue
        except Exception as error:
            faults.append(f"{who}: {type(error).__name__}: {error}")
            continue
        unfounded = [e for e in edges if "".join(sorted(e[0] + e[2])) not in table.joined]
        if table.refused:
            faults.append(f"{who} finds a graph with {len(edges)} edges")
        elif unfounded:
            faults.append(f"{who} finds {unfounded}")
    assert not faults, "; ".join(faults)


def _cases() -> Iterator[Case]:
    for number, name in enumerate(_tables()):
        yield Case(name, partial(_search, name), quick=number % 12 == 0)


FAMILY = Family(
    "degenerate-tables",
    "A table of concepts in which nothing can be found is refused in a sentence, or gives a graph "
    "without an edge that rests on rounding errors, ties or rare values.",
    _cases,
)
