from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai.columns import (
    dependent_columns,
    informative_rows,
    linear_dependences,
    require_float32,
    require_independent,
    standardised,
)
from causalxai.errors import DataError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def independent(n: int = 100, d: int = 3) -> np.ndarray:
    return rng().normal(size=(n, d))


@pytest.mark.parametrize("unit", [1e-300, 1e-6, 1.0, -1.0, 1e6, 1e300])
def test_standardised_columns_have_no_units(unit):
    values = independent()
    assert standardised(values * unit) == pytest.approx(np.sign(unit) * standardised(values))
    assert standardised(values).mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert standardised(values).std(axis=0) == pytest.approx(np.ones(3))


def test_a_constant_column_becomes_zero():
    values = np.column_stack([independent(), np.full(100, 0.1), np.full(100, 1e-320)])
    assert not standardised(values)[:, 3:].any()
    assert dependent_columns(values) == {3, 4}


@given(st.permutations(range(5)), st.lists(st.integers(-6, 6), min_size=5, max_size=5))
def test_dependent_columns_need_neither_order_nor_units(order, powers):
    values = independent()
    table = np.column_stack([values, values[:, 0] - 2 * values[:, 1], values[:, 2] ** 2])
    table = table[:, order] * 10.0 ** np.array(powers)
    assert dependent_columns(table) == {order.index(k) for k in (0, 1, 3)}


def test_a_dependence_names_the_columns():
    values = independent()
    table = np.column_stack(
        [values[:, :2], np.ones(100), values[:, 0] + values[:, 1], values[:, 2], values[:, 2]]
    )
    with pytest.raises(DataError) as caught:
        require_independent(table, ["a", "b", "one", "sum", "c", "again"])
    assert str(caught.value).startswith(
        "one has the same value in every row; sum is a linear function of a and b; "
        "again is a linear function of c; nothing can be learned"
    )
    assert [(one.column, one.others) for one in linear_dependences(table)] == [
        (2, ()),
        (3, (0, 1)),
        (5, (4,)),
    ]


@pytest.mark.parametrize("noise", [1e-2, 1e-4])
def test_noise_makes_columns_independent_if_it_is_more_than_a_thousandth(noise):
    values = independent(1000, 2)
    table = np.column_stack([values, values.sum(axis=1) + noise * rng(1).normal(size=1000)])
    assert dependent_columns(table) == (set() if noise > 1e-3 else {0, 1, 2})
    assert bool(linear_dependences(table)) == (noise < 1e-3)


def test_kinds_that_exclude_one_another_are_dependent():
    kind = rng().integers(4, size=300)
    assert dependent_columns(np.eye(4)[kind]) == {0, 1, 2, 3}
    assert not dependent_columns(np.eye(4)[kind][:, :3])


def test_numbers_and_rows_are_required():
    broken = independent()
    broken[3, 1] = np.inf
    with pytest.raises(DataError, match="column 1 has values that are not finite numbers"):
        require_independent(broken)
    with pytest.raises(DataError, match="4 rows are too few to tell 3 columns apart: 5 are"):
        require_independent(independent(4))
    require_independent(independent(5))


def test_a_sample_in_order_stays_as_it_is():
    values = independent()
    rows = rng(1).integers(100, size=100)
    assert informative_rows(values, rows) is not rows
    assert np.array_equal(informative_rows(values, rows), rows)


def rare() -> np.ndarray:
    """Two attributes of two rows each, one of which has both."""
    values = np.zeros((200, 4))
    values[:, :2] = rng().normal(size=(200, 2))
    values[:2, 2] = values[1:3, 3] = 1
    return values


@pytest.mark.parametrize("seed", range(30))
def test_a_sample_gets_the_rows_that_make_its_columns_independent(seed):
    values = rare()
    drawn = rng(seed).integers(200, size=200)
    rows = informative_rows(values, drawn)
    assert not dependent_columns(values[rows])
    assert (rows != drawn).sum() <= 3
    assert np.array_equal(rows, informative_rows(values, drawn))


def test_a_sample_without_replacement_stays_one():
    drawn = np.arange(10, 60)
    rows = informative_rows(rare(), drawn)
    assert not dependent_columns(rare()[rows])
    assert len(set(rows)) == len(rows)


def test_nothing_is_exchanged_where_all_rows_are_dependent_or_broken():
    values = np.column_stack([np.ones(50), independent(50)])
    rows = np.arange(20)
    assert np.array_equal(informative_rows(values, rows), rows)
    values[3, 2] = np.nan
    assert np.array_equal(informative_rows(values, rows), rows)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.7e9, 1.7e9 + 40], "the values of date vary by 20 and are as large as 1.70000004e[+]09"),
        ([1e300, 2e300], "the values of date have an sd of 5e[+]299, with which networks cannot"),
        ([1e-40, 2e-40], "the values of date have an sd of 5e-41, with which networks cannot"),
    ],
    ids=["offset", "huge", "tiny"],
)
def test_what_float32_cannot_tell_apart_is_refused(values, message):
    with pytest.raises(DataError, match=message):
        require_float32(np.column_stack([[1.0, 2.0], values]), ["size", "date"])


def test_what_float32_tells_apart_is_accepted():
    require_float32(
        np.column_stack([[0.0, 1.0], [2000.0, 2020.0], [1e10, 3e10], [3.0, 3.0]]), "abcd"
    )
