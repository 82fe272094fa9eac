from __future__ import annotations

import numpy as np
import pytest

from causalxai.errors import DataError
from causalxai_glance.scm.sample_checks import can_be_scored, checked, searchable


def sample(n: int = 100) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 3))


@pytest.mark.parametrize("unit", [1e150, 1e-150])
def test_numbers_whose_squares_are_out_of_range_are_refused(unit):
    with pytest.raises(DataError, match=r"column 1 has values from .* rescale it"):
        checked(sample() * [1, unit, 1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x: np.c_[x, np.full(len(x), 7.0)], r"column 3 is constant \(7\)"),
        (lambda x: np.where(x == x[4, 1], np.nan, x), "column 1 is not finite in 1 of 100"),
        (lambda x: np.c_[x, np.where(x[:, 0] > 0, 3.0, 2.0)], "column 3 has two values, 2 and 3"),
        (lambda x: x[:20], "20 rows are too few"),
        (lambda x: x[:, 0], "shape"),
    ],
)
def test_columns_that_can_not_be_scored_are_named(spoil, message):
    with pytest.raises(DataError, match=message):
        checked(spoil(sample()))


def test_columns_are_called_by_their_names():
    x = sample()
    x[:, 1] = 4.0
    with pytest.raises(DataError, match="'width' is constant"):
        checked(x, ["height", "width", "depth"])


def test_only_columns_that_vary_can_be_scored():
    assert can_be_scored(np.arange(40.0))
    assert not can_be_scored(np.ones(40))


def test_columns_that_follow_from_others_are_not_searched():
    x = sample()
    x[:, 2] = x[:, 0] - 2 * x[:, 1]
    assert checked(x) is not None
    with pytest.raises(DataError, match="c is a linear function of a and b"):
        searchable(x, ["a", "b", "c"])
